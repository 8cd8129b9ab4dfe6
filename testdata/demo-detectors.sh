#!/usr/bin/env bash
# Every kind of detector on the included images: the included SSD and R-CNN, and YOLO, Fast, Faster and Cascade R-CNN, which
# are trained here on images drawn by the same generator. Prints mAP, AP, seconds per image and parameters, and draws the
# first test images as each detector sees them.
#
#   testdata/demo-detectors.sh OUTPUT_DIR [STEPS]     (the programs must be on PATH; `make demo-detectors` sets it)
#
# STEPS (default: 1000) is the length of each training; with it, the whole takes about forty minutes on two cores. Longer
# training helps, YOLO most.
set -euo pipefail
here=$(dirname "$0")
out=${1:?usage: testdata/demo-detectors.sh OUTPUT_DIR [STEPS]} steps=${2:-1000}
models=$here/models
mkdir -p "$out"

xtask testdata signs --split train --images 800 --seed 4 --output "$out/signs"
dl-data from voc -q "$out/signs" --split train > "$out/train.jsonl"
dl-data from voc -q "$here/signs" --split test > "$out/test.jsonl"
dl-propose selective-search -q --mode fast --max 500 "$out/train.jsonl" > "$out/train.proposed.jsonl"
dl-propose selective-search -q --mode fast --max 1000 "$out/test.jsonl" > "$out/test.proposed.jsonl"

# train NAME RECORDS OPTIONS..: a detector, unless an earlier run has trained it. Arrows have a direction: no flips.
train() {
  local name=$1 records=$2; shift 2
  [ -f "$out/$name.safetensors" ] ||
    dl-finetune detector "$records" --output "$out/$name.safetensors" --log "$out/$name.log.jsonl" \
      --iterations "$steps" --no-flip --quiet "$@"
}

# The body of the two-stage detectors is the included SqueezeNet.
from=(--init-from "$models/signs.safetensors" --batch 2)
train yolo "$out/train.jsonl" --arch fast_yolo --size 256 --grid 8 --batch 8
train fast_rcnn "$out/train.proposed.jsonl" --arch fast_rcnn "${from[@]}"
train faster_rcnn "$out/train.jsonl" --arch faster_rcnn "${from[@]}"
train cascade_rcnn "$out/train.jsonl" --arch cascade_rcnn "${from[@]}"

# row NAME MODEL COMMAND..: runs a detector on the records on stdin, and prints a row of the table.
row() {
  local name=$1 model=$2 began=$EPOCHREALTIME seconds voc coco; shift 2
  "$@" > "$out/$name.jsonl"
  seconds=$(awk -v began="$began" -v ended="$EPOCHREALTIME" 'BEGIN { printf "%.3f", (ended - began) / 40 }')
  voc=$(dl-eval voc -q --iou 0.5 --format json "$out/$name.jsonl" | jq '.mAP')
  coco=$(dl-eval coco -q --format json "$out/$name.jsonl" | jq '.AP')
  printf '%-14s %7.3f %7.3f %10s %12s\n' "$name" "$voc" "$coco" "$seconds" \
    "$(dl-model info --format json "$model" | jq '.parameters')" | tee -a "$out/table.txt"
}

rcnn() {
  dl-embed -q --model "$models/signs.safetensors" --layer fire9 "$out/test.proposed.jsonl" |
    dl-detect -q --model "$models/signs-rcnn.safetensors" --drop-features | dl-nms -q --iou 0.3
}

printf '%-14s %7s %7s %10s %12s\n' detector mAP AP "s/image" parameters | tee "$out/table.txt"
row rcnn "$models/signs.safetensors" rcnn
for name in yolo faster_rcnn cascade_rcnn; do
  row "$name" "$out/$name.safetensors" dl-detect -q --model "$out/$name.safetensors" "$out/test.jsonl"
done
row fast_rcnn "$out/fast_rcnn.safetensors" dl-detect -q --model "$out/fast_rcnn.safetensors" "$out/test.proposed.jsonl"
row ssd "$models/signs-ssd.safetensors" dl-detect -q --model "$models/signs-ssd.safetensors" "$out/test.jsonl"
echo "mAP: Pascal VOC's at an IoU of 0.5. AP: COCO's. Proposals of R-CNN and Fast R-CNN are not in their time."

# One row of images per detector.
for name in rcnn yolo fast_rcnn faster_rcnn cascade_rcnn ssd; do
  head -n 4 "$out/$name.jsonl" | jq -c --arg name "$name" '.id = $name + " " + (.id | split("/") | last)'
done > "$out/seen.jsonl"
dl-draw grid -q --score 0.5 --columns 4 --output "$out/detectors.png" "$out/seen.jsonl" > "$out/drawn.jsonl"
echo "The table is in $out/table.txt, the images in $out/detectors.png"
