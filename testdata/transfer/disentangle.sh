#!/usr/bin/env bash
# Content and style of drawn road signs: the pictogram is the content, the plate the style. An autoencoder is trained on
# signs of all pairs; then every test sign gets the plates of four others, and classifiers that were trained on other
# signs say whether the pictogram is still the same and the plate the new one.
#
#   testdata/transfer/disentangle.sh OUTPUT_DIR [OPTION..]     (the programs must be on PATH)
#
# Options are those of dl-finetune disentangle, by default a network and a training that take about an hour on two free
# cores; a training that was interrupted resumes.
set -euo pipefail
out=${1:?usage: testdata/transfer/disentangle.sh OUTPUT_DIR [OPTION..]}
shift
[ $# -gt 0 ] || set -- --channels 16 --epochs 20
mkdir -p "$out"
cd "$out"

# signs NAME SEED COUNT: records with both labels, of COUNT images a pair.
signs() {
  [ -d "$1" ] || xtask testdata task roads --split "$1" --seed "$2" --per-class "$3" --output "$1"
  dl-data from folder -q "$1" \
    | jq -c '.labels = (.label | capture("(?<plate>[a-z]+)-(?<sign>.+)")) | del(.label)' > "$1.jsonl"
}
signs train 1 100
signs judges 2 100
signs test 3 4

# The judges see neither the images of the training nor the network.
for task in sign plate; do
  [ -f "$task.safetensors" ] || jq -c --arg task "$task" '.label = .labels[$task]' judges.jsonl \
    | dl-finetune classifier -q --arch resnet20_cifar --size 48 --no-flip --augment affine --epochs 15 --batch 64 \
      --lr 0.1 --cosine --output "$task.safetensors"
done

dl-finetune disentangle -q --style plate --content sign --size 48 --resume --log log.jsonl --output swap.safetensors \
  "$@" train.jsonl

# Each test sign with a sign of each of the four other plates, whose pictogram is another one.
jq -cs '. as $all | to_entries[] | .key as $at | .value as $own
  | [$all | to_entries[] | select(.value.labels.plate != $own.labels.plate and .value.labels.sign != $own.labels.sign)]
  | group_by(.value.labels.plate)[] | .[($at * 7) % length].value
  | {id: "\($own.id)-as-\(.labels.plate)", image: $own.image, style_from: .image,
     labels: {plate: .labels.plate, sign: $own.labels.sign}}' test.jsonl > pairs.jsonl
dl-gan-edit swap -q --model swap.safetensors --pairs --output-dir swapped pairs.jsonl > swapped.jsonl

# accuracy TASK RECORDS: of the judge of the task.
accuracy() {
  jq -c --arg task "$1" '.label = .labels[$task]' "$2" | dl-classify -q --model "$1.safetensors" \
    | dl-eval classify -q --format json | jq -r '.top1 * 1000 | round / 1000'
}
printf '%-44s %s\n' \
  "judges on test signs, sign" "$(accuracy sign test.jsonl)" \
  "judges on test signs, plate" "$(accuracy plate test.jsonl)" \
  "swaps, content kept (sign)" "$(accuracy sign swapped.jsonl)" \
  "swaps, style taken (plate)" "$(accuracy plate swapped.jsonl)"
