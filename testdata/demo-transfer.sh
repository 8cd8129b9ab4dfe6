#!/usr/bin/env bash
# Transfer learning with the shipped backbone: a network that knows sixty signs of the roads learns ten signs of services
# that it has never seen, from 1, 5, 10 and 50 pictures of each. The same training with nothing to start from stands
# beside it.
#
#   testdata/demo-transfer.sh OUTPUT_DIR [SEED..]     (the programs must be on PATH; `make demo-transfer` sees to it)
#
# Each seed (default: 0) draws other pictures to learn from and takes about three minutes on two cores; the table has their mean.
set -euo pipefail
here=$(dirname "$0")
out=${1:?usage: testdata/demo-transfer.sh OUTPUT_DIR [SEED..]}
counts=(1 5 10 50) seeds=("${@:2}")
[ ${#seeds[@]} -gt 0 ] || seeds=(0)
mkdir -p "$out"

# What is learned from, and what is judged by: pictures drawn from other seeds than the backbone's.
for split in train test; do
  xtask testdata task services --split $split --per-class 50 --seed 2 --output "$out/$split"
  dl-data from folder "$out/$split" > "$out/$split.jsonl"
done

# learn METHOD COUNT SEED OPTIONS..: one measurement. Arrows have sides, so nothing is mirrored.
learn() {
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
    learn scratch "$count" "$seed" "${from[@]}" --strategy scratch --lr 0.05 --warmup 20
    learn frozen "$count" "$seed" "${from[@]:0:2}" --strategy feature-extraction
    learn head "$count" "$seed" "${from[@]}" --strategy head --lr 0.05
    learn all "$count" "$seed" "${from[@]}" --strategy all --lr 0.02 --warmup 20
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
  --title "Ten signs never seen before, by pictures of each"
echo "Accuracy on pictures that were not learned from; the curve is $out/accuracy.png"
