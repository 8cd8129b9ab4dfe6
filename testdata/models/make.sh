#!/usr/bin/env bash
# Trains the included models from scratch with our own programs. For R-CNN: draws images of traffic signs, trains a small
# SqueezeNet on their proposals, then the SVMs and box regressors on its features. For transfer learning: a CIFAR ResNet
# that classifies sixty road signs. An SSD that finds the traffic signs at once. And a generator of ten signs. `make models`
# runs it; on two cores it takes about an hour and a quarter. None of these images are in the test split (testdata/signs) or
# in demo-transfer: split, seed or task differ.
#
#   testdata/models/make.sh [detector|ssd|backbone|gan]   (default: all)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/models
mkdir -p "$work"

detector() {
  xtask testdata signs --split train --images 600 --seed 1 --output "$work/signs"

  dl-data from voc "$work/signs" --split train |
    dl-propose selective-search --mode fast --max 1000 > "$work/proposals.jsonl"

  dl-finetune classifier "$work/proposals.jsonl" --force --output "$work/signs.safetensors" \
    --arch squeezenet1_1 --width-mult 0.5 --size 64 --pad 4 --no-flip --dtype f16 \
    --iterations 3000 --batch 64 --positive-fraction 0.6 --positive-iou 0.5 --lr 0.03 --head-lr 0.1 --warmup 100 --cosine \
    --weight-decay 0.0002 --log "$work/train.jsonl"

  head -n 300 "$work/proposals.jsonl" | dl-embed --model "$work/signs.safetensors" --layer fire9 --with-objects \
    --dtype f16 --features-dir "$work/features" > "$work/embedded.jsonl"

  dl-finetune svm "$work/embedded.jsonl" --force --output "$work/signs-rcnn.safetensors"
  dl-finetune bbox "$work/embedded.jsonl" --force --output "$work/signs-rcnn.safetensors"

  cp "$work/signs.safetensors" "$work/signs-rcnn.safetensors" "$here"
}

ssd() {
  for split in train:1200 val:100; do
    xtask testdata signs --split ${split%:*} --images ${split#*:} --seed 3 --output "$work/ssd-${split%:*}"
    dl-data from voc "$work/ssd-${split%:*}" --split ${split%:*} > "$work/ssd-${split%:*}.jsonl"
  done
  dl-finetune detector "$work/ssd-train.jsonl" --val "$work/ssd-val.jsonl" --validate-every 500 --force \
    --output "$work/signs-ssd.safetensors" --arch ssd_mobilenet_v1 --width-mult 0.25 --dtype f16 --no-flip \
    --iterations 5000 --batch 8 --lr 0.002 --ema 0.998 --log "$work/ssd.jsonl"
  dl-model convert "$work/signs-ssd.safetensors" "$here/signs-ssd.safetensors" --license CC0-1.0
}

backbone() {
  xtask testdata task roads --split train --per-class 200 --seed 1 --output "$work/roads"
  xtask testdata task roads --split val --per-class 20 --seed 1 --output "$work/roads-val"
  dl-data from folder "$work/roads-val" > "$work/roads-val.jsonl"
  dl-data from folder "$work/roads" | dl-finetune classifier --force --val "$work/roads-val.jsonl" --validate-every 500 \
    --arch resnet20_cifar --size 48 --no-flip --augment affine --dtype f16 --output "$work/roads.safetensors" \
    --epochs 20 --batch 128 --lr 0.1 --warmup 100 --cosine --log "$work/roads-train.jsonl"
  dl-model convert "$work/roads.safetensors" "$here/roads.safetensors" --license CC0-1.0
}

gan() {
  xtask testdata task services --split train --per-class 200 --seed 5 --output "$work/services"
  dl-data from folder "$work/services" | dl-gan-train conditional --size 32 --width 0.25 --iterations 5000 --ema 0.998 \
    --label-smoothing 0.1 --force --log "$work/signs-gan.jsonl" --output "$work/signs-gan.safetensors"
  dl-model convert "$work/signs-gan.safetensors" "$here/signs-gan.safetensors" --dtype f16 --license CC0-1.0
}

case ${1:-all} in
  all) detector; ssd; backbone; gan ;;
  detector | ssd | backbone | gan) "$1" ;;
  *) echo "make.sh: $1 is neither detector, ssd, backbone nor gan" >&2; exit 2 ;;
esac
