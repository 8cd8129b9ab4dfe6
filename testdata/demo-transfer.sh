#!/usr/bin/env bash
# Transfer learning with the included backbone: a network that was trained on sixty road signs is trained on ten service
# signs that it has never seen, with 1, 5, 10, 20 and 50 images of each, by several strategies and from scratch.
#
#   testdata/demo-transfer.sh OUTPUT_DIR [SEED..]     (the programs must be on PATH; `make demo-transfer` sets it)
#
# Each seed (default: 0) draws other training images and takes about four minutes on two cores. The table shows the mean.
set -euo pipefail
here=$(dirname "$0")
out=${1:?usage: testdata/demo-transfer.sh OUTPUT_DIR [SEED..]}
counts=(1 5 10 20 50) seeds=("${@:2}")
[ ${#seeds[@]} -gt 0 ] || seeds=(0)
mkdir -p "$out"

# Training and test images, drawn with a different seed from those of the backbone.
for split in train test; do
  xtask testdata task services --split $split --per-class 50 --seed 2 --output "$out/$split"
  dl-data from folder "$out/$split" > "$out/$split.jsonl"
done

# train METHOD COUNT SEED OPTIONS..: one measurement. Arrows have a direction, so images are not flipped.
train() {
  local method=$1 count=$2 seed=$3; shift 3
  dl-finetune classifier "$out/train.jsonl" --per-class "$count" --seed "$seed" --no-flip --quiet --force "$@" \
    --output "$out/services.safetensors"
  dl-classify --model "$out/services.safetensors" --top-k 0 "$out/test.jsonl" | dl-eval classify --format json |
    sed -E "s/.*\"top1\":([0-9.]+).*/{\"method\":\"$method\",\"images\":$count,\"seed\":$seed,\"accuracy\":\1}/" |
    tee -a "$out/accuracy.jsonl"
}

from=(--init-from "$here/models/roads.safetensors" --batch 32 --augment affine --cosine --iterations 150)
: > "$out/accuracy.jsonl"
for seed in "${seeds[@]}"; do
  for count in "${counts[@]}"; do
    train scratch "$count" "$seed" "${from[@]}" --strategy scratch --lr 0.05 --warmup 20
    train frozen "$count" "$seed" "${from[@]:0:2}" --strategy feature-extraction
    train head "$count" "$seed" "${from[@]}" --strategy head --lr 0.05
    train all "$count" "$seed" "${from[@]}" --strategy all --lr 0.02 --warmup 20
    train auto "$count" "$seed" "${from[@]}" --strategy auto
  done
done

echo
awk -F '[:,"]+' -v counts="${counts[*]}" '
  { sum[$3, $5] += $9; runs[$3, $5]++; if (!($3 in seen)) { seen[$3]; names[++methods] = $3 } }
  END {
    columns = split(counts, count, " ")
    printf "%-22s", "images per class"; for (c = 1; c <= columns; c++) printf "%8d", count[c]; print ""
    for (m = 1; m <= methods; m++) {
      printf "%-22s", names[m]
      for (c = 1; c <= columns; c++) printf "%8.3f", sum[names[m], count[c]] / runs[names[m], count[c]]
      print ""
    }
  }' "$out/accuracy.jsonl"
dl-draw lines "$out/accuracy.jsonl" --x images --y accuracy --by method --log-x --output "$out/accuracy.png" \
  --title "Ten new signs, by images of each"
echo "Accuracy on the test images; the chart is $out/accuracy.png"
