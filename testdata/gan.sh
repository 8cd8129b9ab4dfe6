#!/usr/bin/env bash
# GANs on real and drawn data, as one table: each row prints what was measured and how long the training took. docs/gans.md
# has the results.
#
#   testdata/gan.sh DATA WEIGHTS OUT [ROW..]     (the programs must be on PATH)
#
# DATA holds mnist, isr, pixel_faces_32 and default_credit; WEIGHTS holds mnist_lenet, squeezenet1_0_imagenet
# and the like. ROWs: mnist conditional super_resolution glasses credit style. MINUTES limits each
# training (by default 30), THREADS=1 runs beside others. A training that was interrupted is resumed.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
data=$(realpath "$1") weights=$(realpath "$2") out=$3
rows=("${@:4}")
[ ${#rows[@]} -gt 0 ] || rows=(mnist conditional super_resolution glasses credit style)
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

# pairs IMAGES FOLDER: records of images with the image of the same name in FOLDER as `target`.
pairs() { jq -c --arg folder "$2" '.target = $folder + "/" + (.image | split("/") | last)' "$1"; }

# Set5, four times as large, Y and a border of 4: bicubic, a residual network trained by its pixels, and the same with a
# discriminator; LPIPS with equal weights of SqueezeNet's channels.
super_resolution() {
  local set5=$data/isr/Set5
  once isr.jsonl dl-data from folder -q "$data/isr/train"
  once set5.lr.jsonl dl-data from folder -q "$set5/LRx4"
  once set5.jsonl pairs set5.lr.jsonl "$set5/HR"
  train srresnet srgan isr.jsonl --adversarial 0 --scale 4 --batch 4 --width 0.5
  train srgan srgan isr.jsonl --init-from srresnet.safetensors --scale 4 --batch 4 --width 0.5 \
    --perceptual "$weights/squeezenet1_0_imagenet.safetensors"
  for name in srresnet srgan; do
    dl-gan-edit super-resolve -q "${threads[@]}" --model "$name.safetensors" set5.jsonl > "$name.made.jsonl"
    row "Set5 x4, $name" "PSNR $(dl-eval psnr -q --protocol sr --border 4 --field target --format json "$name.made.jsonl" \
      | jq -r '.psnr * 100 | round / 100') (bicubic 28.43); $(spent "$name")"
  done
}

# Faces without and with sunglasses, unpaired. A classifier of SqueezeNet's features sees the glasses; the true partner of each
# face is known, and nothing but the eyes should change.
glasses() {
  local faces=$data/pixel_faces_32 squeezenet=$weights/squeezenet1_0_imagenet.safetensors from to
  once faces.jsonl bash -c "dl-data from folder -q '$faces/train' | jq -c '.domain = .label'"
  once faces-train.jsonl dl-embed -q "${threads[@]}" --model "$squeezenet" --layer fire9@2 faces.jsonl
  [ -f glasses-head.safetensors ] || dl-finetune linear -q --output glasses-head.safetensors faces-train.jsonl
  train cycle cyclegan faces.jsonl --domains plain,sunglasses --residual --width 0.5 --output-back cycle.back.safetensors
  train disco discogan faces.jsonl --domains plain,sunglasses --size 32 --output-back disco.back.safetensors
  for name in cycle disco; do
    for way in plain:sunglasses: sunglasses:plain:.back; do
      IFS=: read -r from to suffix <<< "$way"
      once "$from.jsonl" dl-data from folder -q "$faces/test/$from"
      once "$from.pairs.jsonl" pairs "$from.jsonl" "$faces/test/$to"
      dl-gan-edit translate -q "${threads[@]}" --model "$name$suffix.safetensors" "$from.pairs.jsonl" > "$name.$to.jsonl"
      row "faces to $to, $name" "seen $(dl-embed -q "${threads[@]}" --model "$squeezenet" --layer fire9@2 "$name.$to.jsonl" \
        | dl-classify -q --model glasses-head.safetensors | jq -r '.predictions[0].label' | grep -c "^$to$" \
        | awk '{ print $1 / 500 }'), PSNR outside $(dl-eval psnr -q --exclude 4,8,28,18 --field target --format json \
        "$name.$to.jsonl" | jq -r '.psnr * 100 | round / 100'); $(spent "$name")"
    done
  done
}

# Credit defaults: a classifier trained on real rows, on generated rows, on both, and with SMOTE, on real test rows.
credit() {
  local table
  for table in Default UCI_Credit_Card; do
    local file=$data/default_credit/$table.csv label=default
    [ "$table" = Default ] || { file=$file.gz; label=default.payment.next.month; }
    gzip -dcf "$file" | tr '\r' '\n' | awk -v train="$table.train.csv" -v test="$table.test.csv" \
      'NR == 1 { print > train; print > test; next } NF { print > ((NR - 2) % 5 == 0 ? test : train) }'
    train "$table" table "$table.train.csv" --label "$label"
    dl-gan-sample -q "$table.safetensors" --count "$(($(wc -l < "$table.train.csv") - 1))" --csv "$table.made.csv" > /dev/null
    dl-eval table -q --real "$table.train.csv" --synthetic "$table.made.csv" --test "$table.test.csv" --label "$label" \
      --format table | sed "s/^/$table  /" | tee -a table.txt
    row "$table" "$(spent "$table")"
  done
}

# StyleGAN and DCGAN on drawn faces: the distance to 1,000 test faces.
style() {
  local squeezenet=$weights/squeezenet1_0_imagenet.safetensors
  once faces.jsonl bash -c "dl-data from folder -q '$data/pixel_faces_32/train' | jq -c '.domain = .label'"
  once faces-test.jsonl dl-data from folder -q "$data/pixel_faces_32/test"
  train faces-dcgan dcgan faces.jsonl --width 0.5 --ema 0.995
  train faces-style stylegan faces.jsonl --width 0.125
  for name in faces-dcgan faces-style; do
    once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 1000
    row "drawn faces, $name" "FID $(distance "$name.made.jsonl" faces-test.jsonl "$squeezenet" fire9@1); $(spent "$name")"
  done
  dl-gan-sample -q faces-style.safetensors --mix 0-3 --grid 6x6 --output mixed.png > /dev/null
}

for row in "${rows[@]}"; do "$row"; done
