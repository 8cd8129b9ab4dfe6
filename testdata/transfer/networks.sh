#!/usr/bin/env bash
# Networks trained by other means than a label for each image: a figure for each method of docs/methods.md, on two cores in
# about an hour.
#
#   testdata/transfer/networks.sh DATA OUT [ROW..]      (the programs, xtask, jq and unzip must be on PATH)
#
# DATA holds transfer/{mnist_usps,omniglot} and mnist (IDX). Rows: digits_features, episodes, distill, rotation, simclr,
# attributes, multitask; by default all. SEEDS="0 1 2" and EPISODES=2000 are what some rows take. What exists in OUT is not
# made again.
set -euo pipefail
data=$(realpath "$1")
. "$(dirname "$0")/rows.sh"
mkdir -p "$2"
cd "$2"
shift 2
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(digits_features episodes distill rotation simclr attributes multitask)
seeds=${SEEDS:-0 1 2}

# Digits of one set of pictures to the other, on pixels: the same network without and with adaptation.
digits_features() {
  local pair source target seed method
  for pair in mnist:usps usps:mnist; do
    source=${pair%:*} target=${pair#*:}
    once "$target-test.jsonl" gzip -dc "$data/transfer/mnist_usps/$target.jsonl.gz"
    once "$source-$target.jsonl" gzip -dc "$data/transfer/mnist_usps/$source.jsonl.gz" "$data/transfer/mnist_usps/$target.jsonl.gz"
    for seed in $seeds; do
      for method in none dann cdan coral; do
        local options=(--method "$method" --trade-off 1)
        [ $method != none ] || options=(--trade-off 0)
        train "$source-$target-$method-$seed.safetensors" adversarial --source "$source" --target "$target" --hidden 256,128 \
          --domain-hidden 128 --batch 64 --epochs 60 --dropout 0.3 --seed "$seed" "${options[@]}" "$source-$target.jsonl"
        row "$source to $target, features, $method, seed $seed" \
          "$(accuracy "$source-$target-$method-$seed.safetensors" "$target-test.jsonl")"
      done
    done
  done
}

# Omniglot: 20 runs of one picture each of 20 letters; prototypes of a network that was trained on other letters.
episodes() {
  local omniglot=$data/transfer/omniglot run errors=0
  [ -d letters ] || { unzip -q -d letters.tmp "$omniglot/images_background_small1.zip" && mv letters.tmp letters; }
  [ -d more ] || { unzip -q -d more.tmp "$omniglot/images_background_small2.zip" && mv more.tmp more; }
  [ -d runs ] || { unzip -q -d runs.tmp "$omniglot/all_runs.zip" && mv runs.tmp runs; }
  # The class is the alphabet and the character.
  find letters more -name '*.png' | sort \
    | jq -cR 'split("/") as $path | {id: ., image: ., label: ($path[-3] + "-" + $path[-2])}' > letters.jsonl
  train letters.safetensors prototypical --arch conv4 --size 28 --ways 60 --shots 1 --queries 5 \
    --iterations "${EPISODES:-2000}" --optimizer adam --lr 0.001 --augment affine --affine 10,0.05,0.9,1.1,5 letters.jsonl
  local wrong=0 all=0
  for run in runs/run*; do
    find "$run/training" -name '*.png' | sort | jq -cR '{id: ., image: ., label: (split("/")[-1])}' \
      | dl-embed -q --model letters.safetensors | dl-finetune prototypes -q --force --output run.safetensors
    # Each line: a test picture, and the training picture of the same letter.
    jq -cR 'split(" ") as [$test, $class] | {id: $test, image: ("runs/" + $test), label: ($class | split("/")[-1])}' \
      "$run/class_labels.txt" | dl-embed -q --model letters.safetensors \
      | dl-classify -q --model run.safetensors --top-k 1 > classified.jsonl
    wrong=$((wrong + $(jq -s '[.[] | select(.label != .predictions[0].label)] | length' classified.jsonl)))
    all=$((all + $(wc -l < classified.jsonl)))
  done
  row "one-shot letters, 20 runs, error in percent" "$(jq -n "$wrong / $all * 1000 | round / 10")"
}

mnist() {
  once digits.jsonl dl-data from idx -q "$data/mnist"
  once digits-test.jsonl dl-data from idx -q "$data/mnist" --split test
}

# A student that never saw a 3 (Hinton et al. 2015, section 3).
distill() {
  mnist
  local options=(--arch lenet5 --no-flip --augment affine --affine 10,0.06,0.9,1.1,5 --optimizer adam --lr 0.001 --epochs 10)
  train teacher.safetensors classifier "${options[@]}" digits.jsonl
  once no3.jsonl dl-data select -q --where 'label!=3' digits.jsonl
  once unlabeled.jsonl dl-data select -q --sample 3000 digits.jsonl
  options+=(--teacher teacher.safetensors --temperature 8 --alpha 1)
  train student.safetensors distill "${options[@]}" no3.jsonl
  train corrected.safetensors distill "${options[@]}" --correct-bias unlabeled.jsonl no3.jsonl
  once threes.jsonl dl-data select -q --where 'label=3' digits-test.jsonl
  row "teacher, all test digits" "$(accuracy teacher.safetensors digits-test.jsonl)"
  row "student without a 3, 3s of the test" "$(accuracy student.safetensors threes.jsonl)"
  row "the same, bias corrected, 3s of the test" "$(accuracy corrected.safetensors threes.jsonl)"
  row "the same, bias corrected, all test digits" "$(accuracy corrected.safetensors digits-test.jsonl)"
}

# Pre-training without labels, then ten labeled digits of each class.
pretrained() {
  mnist
  once many.jsonl dl-data select -q --sample 10000 digits.jsonl
  local seed
  train "$1.safetensors" contrast "$1" --arch resnet20_cifar --size 28 --no-flip "${@:2}" many.jsonl
  for seed in $seeds; do
    train "scratch-$seed.safetensors" classifier --arch resnet20_cifar --size 28 --no-flip --per-class 10 --seed "$seed" \
      --iterations 500 digits.jsonl
    train "$1-$seed.safetensors" classifier --init-from "$1.safetensors" --no-flip --per-class 10 --seed "$seed" \
      --iterations 500 digits.jsonl
    row "10 labels a class, from scratch, seed $seed" "$(accuracy "scratch-$seed.safetensors" digits-test.jsonl)"
    row "10 labels a class, after $1, seed $seed" "$(accuracy "$1-$seed.safetensors" digits-test.jsonl)"
  done
}

rotation() { pretrained rotation --epochs 5 --batch 64; }

simclr() {
  pretrained simclr --batch 256 --epochs 20 --augment crop,affine --crop-scale 0.5,1 --affine 15,0.1,0.9,1.1,10 \
    --optimizer adam --lr 0.001
}

signs() {
  [ -d roads ] || { xtask testdata task roads --per-class 40 --seed 11 --output roads.tmp > roads.log && mv roads.tmp roads; }
  [ -d roads-test ] || { xtask testdata task roads --split test --per-class 10 --seed 11 --output roads-test.tmp > roads.log \
    && mv roads-test.tmp roads-test; }
  for part in roads roads-test; do
    [ -e $part.jsonl ] || dl-data from folder -q $part \
      | jq -c '(.label | capture("(?<plate>[a-z]+)-(?<sign>.+)")) as $is | .labels = $is' > $part.jsonl
  done
}

# Twelve pairs of plate and pictogram that were never seen, named from their attributes.
attributes() {
  signs
  # Of each pictogram, one pair: every plate and every pictogram is seen in others.
  jq -r .label roads.jsonl | sort -u | sed 's/-/ /' \
    | awk '{n[$2]++; if (!($2 in at)) at[$2] = c++; if (n[$2] == at[$2] % 5 + 1) print $1 "-" $2}' > unseen.txt
  jq -c --rawfile unseen unseen.txt 'select(.label as $own | $unseen | split("\n") | index($own) | not)' roads.jsonl > seen.jsonl
  jq -c --rawfile unseen unseen.txt 'select(.label as $own | $unseen | split("\n") | index($own))' roads-test.jsonl \
    > unseen.jsonl
  jq -rs 'map(.labels) | unique as $all | ($all | map(.plate) | unique) as $plates | ($all | map(.sign) | unique) as $signs
    | (["class"] + $plates + $signs | @csv),
      ($all[] | . as $is | [.plate + "-" + .sign] + ($plates | map(if . == $is.plate then 1 else 0 end))
        + ($signs | map(if . == $is.sign then 1 else 0 end)) | @csv)' roads-test.jsonl | tr -d '"' > classes.csv
  { head -1 classes.csv; grep -F -f <(sed 's/$/,/; s/^/^/' unseen.txt | tr -d '^') classes.csv; } > unseen.csv
  train tasks.safetensors multitask --arch resnet20_cifar --size 48 --no-flip --augment affine --epochs 25 --batch 64 seen.jsonl
  dl-embed -q --model tasks.safetensors --layer avgpool seen.jsonl \
    | dl-finetune attributes -q --force --classes classes.csv --output attributes.safetensors
  row "twelve unseen pairs, from attributes" "$(dl-embed -q --model tasks.safetensors --layer avgpool unseen.jsonl \
    | dl-classify -q --model attributes.safetensors --classes unseen.csv --top-k 0 | dl-eval classify -q --format json \
    | jq -r '.top1 * 1000 | round / 1000')"
}

# Ten images of each pair, one network for both tasks, and one for each.
multitask() {
  signs
  once ten.jsonl jq -cs 'group_by(.label) | map(.[:2]) | flatten | .[]' roads.jsonl
  local seed task
  for seed in $seeds; do
    train "both-$seed.safetensors" multitask --arch resnet20_cifar --size 48 --no-flip --augment affine --iterations 600 \
      --batch 32 --seed "$seed" ten.jsonl
    for task in plate sign; do
      train "$task-$seed.safetensors" multitask --tasks $task --arch resnet20_cifar --size 48 --no-flip --augment affine \
        --iterations 600 --batch 32 --seed "$seed" ten.jsonl
      row "$task alone, two images a pair, seed $seed" "$(accuracy "$task-$seed.safetensors" roads-test.jsonl --task $task)"
      row "$task with both tasks, two images a pair, seed $seed" "$(accuracy "both-$seed.safetensors" roads-test.jsonl --task $task)"
    done
  done
}

for name in "${rows[@]}"; do
  case $name in
    digits_features | episodes | distill | rotation | simclr | attributes | multitask) "$name" ;;
    *) echo "networks.sh: no row is called $name" >&2 && exit 2 ;;
  esac
done
