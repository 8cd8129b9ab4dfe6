#!/usr/bin/env bash
# GANs on real and drawn data, as one table: each row prints what was measured and how long the training took. docs/gans.md
# has the results.
#
#   testdata/gan/run.sh DATA WEIGHTS OUT [ROW..]     (the programs and xtask must be on PATH)
#
# DATA holds mnist, isr, pixel_faces_32, cmu_faces_32x30 and default_credit; WEIGHTS holds mnist_lenet,
# squeezenet1_0_imagenet and the like. A ROW is a file of rows/. MINUTES limits each training (by default 30), THREADS=1 runs
# beside others. A training that was interrupted is resumed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=$(realpath "$1") weights=$(realpath "$2") out=$3
rows=("${@:4}")
[ ${#rows[@]} -gt 0 ] || rows=(mnist conditional stacked few super_resolution glasses people outlines style freeze prompts
  voxels credit)
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

# The networks that judge: of digits, of photos, of drawn signs.
lenet=$weights/mnist_lenet.safetensors
squeezenet=$weights/squeezenet1_0_imagenet.safetensors
roads=$here/../models/roads.safetensors

# The records of MNIST.
digits() {
  once digits.jsonl dl-data from idx -q "$data/mnist"
  once digits-test.jsonl dl-data from idx -q "$data/mnist" --split test
}

# The records of the drawn faces, whose label is their domain.
faces() { once faces.jsonl dl-data from folder -q "$data/pixel_faces_32/train"; }

# pairs IMAGES FOLDER: records of images with the image of the same name in FOLDER as `target`.
pairs() { jq -c --arg folder "$2" '.target = $folder + "/" + (.image | split("/") | last)' "$1"; }

# agreement RECORDS: the share whose first prediction is the label.
agreement() { dl-eval classify -q --format json "$1" | jq -r '.top1 * 1000 | round / 1000'; }

# seen RECORDS HEAD LABEL: the share of images that a head on SqueezeNet's features classifies so.
seen() {
  dl-embed -q "${threads[@]}" --model "$squeezenet" --layer fire9@2 "$1" | dl-classify -q --model "$2" \
    | jq -r '.predictions[0].label' | awk -v label="$3" '{ n += $0 == label } END { printf "%.3f", n / NR }'
}

for row in "${rows[@]}"; do
  # shellcheck source=/dev/null
  . "$here/rows/$row.sh"
done
