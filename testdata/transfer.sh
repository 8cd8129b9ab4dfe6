#!/usr/bin/env bash
# Transfer learning on real data, as a table: from ImageNet to types of blood cells (a SqueezeNet, on a few crops of
# ground-truth boxes of each type), and from digits 0-4 to digits 5-9 with ten images of each. Accuracy is measured on the
# test splits with the network at the end of training, never at its best. docs/transfer.md has the results.
#
#   testdata/transfer.sh DATA WEIGHTS OUT [cells|vgg|squeezenet|mnist]
#
# DATA holds bccd (VOC) and mnist (IDX); WEIGHTS holds squeezenet1_0_imagenet.safetensors; the programs must be on PATH.
set -euo pipefail
data=$1 weights=$2 out=$3 what=${4:-all}
mkdir -p "$out"

# The accuracy of the last validation in a log, and the mean recall of the classes.
validated() { grep '"val_accuracy"' "$1" | tail -n 1 | sed -E 's/.*"val_accuracy":([0-9.]+).*"val_mean_recall":([0-9.]+).*/\1 \2/'; }

# train NAME ARGS...: one row of a table.
train() {
  local name=$1; shift
  local began=$SECONDS
  dl-finetune classifier --quiet --force --output "$out/$name.safetensors" --log "$out/$name.jsonl" "$@"
  printf '%-36s %s  %s s\n' "$name" "$(validated "$out/$name.jsonl")" "$((SECONDS - began))"
}

cells() {
  dl-data from voc "$data/bccd" --split train > "$out/cells-train.jsonl"
  dl-data from voc "$data/bccd" --split test > "$out/cells-test.jsonl"
  local common=("$out/cells-train.jsonl" --val "$out/cells-test.jsonl" --input objects --validate-every 100000
    --init-from "$weights/squeezenet1_0_imagenet.safetensors" --pad 16)
  for n in 5 20; do
    train "cells-$n-feature-extraction" "${common[@]}" --per-class $n --strategy feature-extraction
    train "cells-$n-head" "${common[@]}" --per-class $n --strategy head --iterations 100 --batch 15 --lr 0.002 --augment none
    train "cells-$n-top" "${common[@]}" --per-class $n --strategy top --iterations 60 --batch 15 --lr 0.0003 --clip 1
    train "cells-$n-auto" "${common[@]}" --per-class $n --strategy auto
    train "cells-$n-all" "${common[@]}" --per-class $n --strategy all --iterations 60 --batch 15 --lr 0.0003 --clip 1
    # From scratch: by the recipe of the others, and by its own.
    for seed in 0 1 2; do
      train "cells-$n-scratch-alike-$seed" "${common[@]}" --per-class $n --strategy scratch --iterations 60 --batch 15 --lr 0.0003 \
        --clip 1 --seed $seed
    done
    train "cells-$n-scratch" "${common[@]}" --per-class $n --strategy scratch --iterations 150 --batch 15 --lr 0.01 --warmup 20 --cosine
  done
}

# A VGG with batch norms, a quarter as wide: 0.6 million weights.
small=(--arch vgg11_bn --width-mult 0.25 --size 32 --no-flip --batch 128 --lr 0.05 --warmup 100 --cosine --dropout 0.2)

idx() {
  dl-data from idx "$data/mnist" --split train > "$out/mnist-train.jsonl"
  dl-data from idx "$data/mnist" --split test > "$out/mnist-test.jsonl"
}

digits() {
  idx
  for split in train test; do
    grep -E '"label":"[0-4]"' "$out/mnist-$split.jsonl" > "$out/low-$split.jsonl"
    grep -E '"label":"[5-9]"' "$out/mnist-$split.jsonl" > "$out/high-$split.jsonl"
  done
}

# Two networks: one with batch norms, one without.
vgg() {
  tune=(--lr 0.01)
  five_to_nine vgg "${small[@]}"
}

squeezenet() {
  tune=(--lr 0.003 --clip 1 --warmup 10)
  five_to_nine squeezenet --arch squeezenet1_1 --width-mult 0.5 --size 64 --no-flip --batch 128 --lr 0.02 --warmup 100 --cosine
}

# five_to_nine NAME NETWORK..: trains on 0-4, then on ten of each of 5-9, with and without the pretrained weights.
five_to_nine() {
  local name=$1 seed; shift
  digits
  train "$name-0-4" "$out/low-train.jsonl" --val "$out/low-test.jsonl" "$@" --epochs 3 --validate-every 100000 \
    --augment affine,cutout --affine 15,0.1,0.8,1.2,10
  for seed in 0 1 2; do
    local common=("$out/high-train.jsonl" --val "$out/high-test.jsonl" --per-class 10 --no-flip --validate-every 100000
      --init-from "$out/$name-0-4.safetensors" --batch 50 --seed $seed)
    train "$name-5-9-feature-extraction-$seed" "${common[@]}" --strategy feature-extraction
    train "$name-5-9-head-$seed" "${common[@]}" --strategy head --iterations 100 --lr 0.01
    # With the same number of steps, then with augmentation, then from scratch with many steps.
    local steps=(--iterations 100 --cosine) views=(--iterations 200 --cosine --augment affine)
    train "$name-5-9-top-$seed" "${common[@]}" "${steps[@]}" "${tune[@]}" --trainable-layers 2
    train "$name-5-9-all-$seed" "${common[@]}" "${steps[@]}" "${tune[@]}" --strategy all
    train "$name-5-9-scratch-$seed" "${common[@]}" "${steps[@]}" --lr 0.01 --strategy scratch
    train "$name-5-9-all-views-$seed" "${common[@]}" "${views[@]}" "${tune[@]}" --strategy all
    train "$name-5-9-scratch-views-$seed" "${common[@]}" "${views[@]}" --lr 0.01 --strategy scratch
    train "$name-5-9-scratch-long-$seed" "${common[@]}" --iterations 400 --lr 0.02 --warmup 20 --cosine --strategy scratch
  done
}

mnist() {
  idx
  train mnist "$out/mnist-train.jsonl" --val "$out/mnist-test.jsonl" "${small[@]}" --epochs 5 --augment affine --affine 8,0.06,0.92,1.08,0
}

case $what in
  all) cells; vgg; squeezenet; mnist ;;
  *) "$what" ;;
esac
