#!/usr/bin/env bash
# R-CNN on the included images: dataset -> proposals -> features -> SVMs and box regression -> NMS -> drawn images, mAP.
# Every stage is a program that reads and writes JSON Lines, so you can end the pipe after any stage and look.
#
#   testdata/demo.sh OUTPUT_DIR        (the programs must be on PATH; `make demo` sets it)
set -euo pipefail
here=$(dirname "$0")
output=${1:?usage: testdata/demo.sh OUTPUT_DIR}
mkdir -p "$output"

dl-data from voc "$here/signs" --split test |
  dl-propose selective-search --mode fast --max 1000 |
  dl-embed --model "$here/models/signs.safetensors" --layer fire9 |
  dl-detect --model "$here/models/signs-rcnn.safetensors" --drop-features |
  dl-nms --iou 0.3 |
  dl-draw boxes --score 0 --output-dir "$output" > "$output/found.jsonl"

dl-eval voc --iou 0.5 --format table "$output/found.jsonl"
echo "Annotated images and records are in $output/"
