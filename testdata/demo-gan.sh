#!/usr/bin/env bash
# The included generator draws a sheet of road-service signs, one column for each of ten signs, and makes a set of images;
# how close it is to real drawings is measured by the Frechet distance of features.
#
#   testdata/demo-gan.sh OUTPUT_DIR     (the programs must be on PATH; `make demo-gan` sets it)
set -euo pipefail
here=$(dirname "$0")
out=${1:?usage: testdata/demo-gan.sh OUTPUT_DIR}
model=$here/models/signs-gan.safetensors network=$here/models/roads.safetensors layer=avgpool
mkdir -p "$out"

dl-gan-sample -q "$model" --count 80 --grid 8x10 --output "$out/sheet.png" > "$out/sheet.jsonl"

# features NAME: those of NAME.jsonl by the included classifier of road signs.
features() { dl-embed -q --model "$network" --layer "$layer" "$out/$1.jsonl" > "$out/$1.features.jsonl"; }

dl-gan-sample -q "$model" --count 1000 --seed 1 --output-dir "$out/made" > "$out/made.jsonl"
for set in train:5 other:6; do
  xtask testdata task services --split train --per-class 100 --seed "${set#*:}" --output "$out/${set%:*}"
  dl-data from folder -q "$out/${set%:*}" > "$out/${set%:*}.jsonl"
  features "${set%:*}"
done
features made
echo "Frechet distance of 1000 generated images to 1000 drawn ones:"
dl-eval fid -q --against "$out/train.features.jsonl" "$out/made.features.jsonl"
echo "The same of 1000 other drawn ones, the least that can be reached:"
dl-eval fid -q --against "$out/train.features.jsonl" "$out/other.features.jsonl"
echo "The sheet is $out/sheet.png"
