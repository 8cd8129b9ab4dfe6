#!/usr/bin/env bash
# GANs on real and drawn data, as one table: each row prints what was measured and how long the training took. docs/gans.md
# has the results.
#
#   testdata/gan.sh DATA WEIGHTS OUT [ROW..]     (the programs must be on PATH)
#
# DATA holds mnist, isr, pixel_faces_32, cmu_faces_32x30 and default_credit; WEIGHTS holds mnist_lenet, squeezenet1_0_imagenet
# and the like. ROWs: mnist conditional super_resolution glasses cmu few credit prompts adapt outlines style. MINUTES limits each
# training (by default 30), THREADS=1 runs beside others. A training that was interrupted is resumed.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
data=$(realpath "$1") weights=$(realpath "$2") out=$3
rows=("${@:4}")
[ ${#rows[@]} -gt 0 ] || rows=(mnist conditional super_resolution glasses cmu few credit prompts adapt outlines style)
threads=(--threads "${THREADS:-2}")
minutes=${MINUTES:-30}
mkdir -p "$out"
cd "$out"

# train NAME ARCHITECTURE INPUT OPTIONS..: trains NAME.safetensors for MINUTES at most, unless an earlier run has.
train() {
  local name=$1 architecture=$2 input=$3; shift 3
  [ -f "$name.done" ] || dl-gan-train "$architecture" -q "$input" --output "$name.safetensors" --log "$name.log.jsonl" \
    --resume --minutes "$minutes" "${threads[@]}" "$@"
  touch "$name.done"
}

# once FILE COMMAND..: the command's output in FILE, unless an earlier run has it.
once() {
  local file=$1; shift
  [ -f "$file" ] || { "$@" > "$file.part" && mv "$file.part" "$file"; }
}

# spent NAME: minutes of its training, and batches.
spent() { tail -n 1 "$1.log.jsonl" | jq -r '"\(.seconds / 60 * 10 | round / 10) min, \(.iteration + 1) batches"'; }

# row NAME TEXT..: a row of the table.
row() { printf '%-28s %s\n' "$1" "${*:2}" | tee -a table.txt; }

# distance MADE.jsonl REAL.jsonl MODEL LAYER: the Frechet distance by a network's features.
distance() {
  for set in "$1" "$2"; do
    once "${set%.jsonl}.$4.jsonl" dl-embed -q "${threads[@]}" --model "$3" --layer "$4" "$set"
  done
  dl-eval fid -q --against "${2%.jsonl}.$4.jsonl" "${1%.jsonl}.$4.jsonl" --format json | jq -r '.fid * 100 | round / 100'
}

lenet=$weights/mnist_lenet.safetensors
digits() {
  once digits.jsonl dl-data from idx -q "$data/mnist"
  once digits-test.jsonl dl-data from idx -q "$data/mnist" --split test
}

# MNIST: vanilla and DCGAN by the features of a LeNet, beside the distance of training to test images; the share of the
# rarest digit.
mnist() {
  digits
  once floor.jsonl head -n 10000 digits.jsonl
  row "MNIST, floor" "FID $(distance floor.jsonl digits-test.jsonl "$lenet" f6)"
  train vanilla vanilla digits.jsonl --ema 0.995
  train dcgan dcgan digits.jsonl --width 0.5 --ema 0.995
  for name in vanilla dcgan; do
    once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 10000
    once "$name.named.jsonl" dl-classify -q --model "$lenet" "$name.made.jsonl"
    row "MNIST, $name" "FID $(distance "$name.made.jsonl" digits-test.jsonl "$lenet" f6), modes and rarest" \
      "$(jq -r '.predictions[0].label' "$name.named.jsonl" | sort | uniq -c | sort -n \
        | awk '{ n++; sum += $1; if (n == 1) least = $1 } END { printf "%d, %.3f", n, least / sum }'); $(spent "$name")"
  done
}

# MNIST with labels: how often a classifier agrees.
conditional() {
  digits
  train labeled conditional digits.jsonl --width 0.5 --ema 0.995 --conditioning project
  once labeled.made.jsonl dl-gan-sample -q labeled.safetensors --count 5000
  dl-classify -q --model "$lenet" labeled.made.jsonl > labeled.named.jsonl
  row "MNIST, labels" "agreement $(dl-eval classify -q --format json labeled.named.jsonl | jq -r .accuracy); $(spent labeled)"
}

for row in "${rows[@]}"; do "$row"; done
