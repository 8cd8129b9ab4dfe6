#!/usr/bin/env bash
# Makes the shipped models with our own programs, from nothing: draws pictures of traffic signs, trains a small
# SqueezeNet on their proposals, then R-CNN's SVMs and box regressors on its features. `make models` runs it; on two
# cores it takes about ten minutes. The pictures of the test split (testdata/signs) are others: another split, another
# seed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$here/../../target/models
mkdir -p "$work"

xtask testdata signs --split train --images 600 --seed 1 --output "$work/signs"

dl-data from voc "$work/signs" --split train |
  dl-propose selective-search --mode fast --max 1000 > "$work/proposals.jsonl"

dl-finetune classifier "$work/proposals.jsonl" --model "$work/signs.safetensors" \
  --arch squeezenet1_1 --width 0.5 --size 64 --pad 4 --no-flip --precision f16 \
  --iterations 3000 --batch 64 --positives 0.6 --lr 0.03 --head-lr 0.1 --warmup 100 --cosine --weight-decay 0.0002 \
  --log "$work/train.jsonl"

head -n 300 "$work/proposals.jsonl" | dl-embed --model "$work/signs.safetensors" --layer fire9 --with-objects \
  --dtype f16 --features-dir "$work/features" > "$work/embedded.jsonl"

dl-finetune svm "$work/embedded.jsonl" --model "$work/signs-rcnn.safetensors"
dl-finetune bbox "$work/embedded.jsonl" --model "$work/signs-rcnn.safetensors"

cp "$work/signs.safetensors" "$work/signs-rcnn.safetensors" "$here"
