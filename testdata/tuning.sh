#!/usr/bin/env bash
# What fine-tuning by default gains: R-CNN with the features of a pretrained network, before and after dl-finetune
# classifier, on the first images of a VOC dataset. Prints mAP@0.5 on the test split.
#
#   testdata/tuning.sh VOC_DIR NETWORK LAYER OUTPUT_DIR [COUNT..]     (the programs must be on PATH)
#
# With BCCD, a MobileNet V1 of width 0.25 and the counts 20, 100 and 205 it takes about fifteen minutes on two cores.
set -euo pipefail
data=$(realpath "$1") network=$(realpath "$2") layer=$3 out=$4
counts=("${@:5}")
[ ${#counts[@]} -gt 0 ] || counts=(20 100 205)
mkdir -p "$out"
cd "$out"

# map NETWORK: trains SVMs and box regressors on its features, and prints their mAP.
map() {
  dl-embed -q --model "$1" --layer "$layer" --with-objects --dtype f16 --features-dir features \
    < train.jsonl > features.jsonl
  rm -f heads.safetensors
  dl-finetune svm -q --output heads.safetensors < features.jsonl
  dl-finetune bbox -q --output heads.safetensors < features.jsonl
  rm -rf features features.jsonl
  dl-embed -q --model "$1" --layer "$layer" < test.jsonl | dl-detect -q --model heads.safetensors --drop-features |
    dl-nms -q --iou 0.3 | dl-eval voc -q --iou 0.5 --format json | sed -E 's/^\{"mAP":([0-9.]+).*/\1/'
}

# limit COUNT: the first records; all are read, so that the program before it does not fail.
limit() { awk -v count="$1" 'NR <= count'; }

dl-data from voc -q "$data" --split test | limit 40 | dl-propose selective-search -q --max 500 > test.jsonl
echo "images untuned tuned"
for count in "${counts[@]}"; do
  dl-data from voc -q "$data" --split train | limit "$count" | dl-propose selective-search -q --max 300 > train.jsonl
  dl-finetune classifier -q --init-from "$network" --force --output tuned.safetensors < train.jsonl
  echo "$count $(map "$network") $(map tuned.safetensors)"
done
