#!/usr/bin/env bash
# Methods of transfer learning on drawn road signs, as one table: round signs with a red rim are the labeled source, triangles
# the target, and the class is the pictogram. Features come from the included classifier of road signs, which was trained to
# tell the pairs of plate and pictogram apart.
#
#   testdata/demo-methods.sh OUTPUT_DIR     (the programs must be on PATH; `make demo-methods` sets it)
set -euo pipefail
here=$(realpath "$(dirname "$0")")
out=${1:?usage: testdata/demo-methods.sh OUTPUT_DIR}
mkdir -p "$out"
cd "$out"

[ -d roads ] || xtask testdata task roads --per-class 24 --output roads
dl-data from folder -q roads \
  | jq -c '(.label | capture("(?<plate>[a-z]+)-(?<sign>.+)")) as $is | .plate = $is.plate | .sign = $is.sign' > all.jsonl
dl-embed -q --model "$here/models/roads.safetensors" --layer avgpool all.jsonl > embedded.jsonl
# The labels of the target are used only where a row says so.
jq -c 'select(.plate == "prohibited" or .plate == "warning")
  | .domain = (if .plate == "prohibited" then "source" else "target" end) | .label = .sign' embedded.jsonl > raw.jsonl
dl-transfer normalize -q --rows l2 --columns zscore --per-domain --as features raw.jsonl > both.jsonl
dl-data select -q --domain source both.jsonl > source.jsonl
dl-data select -q --domain target both.jsonl > target.jsonl

row() { printf '%-64s %s\n' "$1" "$2"; }

# accuracy HEAD RECORDS: on the target.
accuracy() {
  dl-data select -q --domain target "$2" | dl-classify -q --model "$1" | dl-eval classify -q --format json \
    | jq -r '.top1 * 1000 | round / 1000'
}

# adapted NAME RECORDS HEAD..: a head trained on the source of the records, tested on their target.
adapted() {
  dl-data select -q --domain source "$2" | dl-finetune "${@:3}" -q --force --output head.safetensors
  row "$1" "$(accuracy head.safetensors "$2")"
}

row "accuracy on the target, twelve pictograms" ""
adapted "features as they are, neighbors" raw.jsonl neighbors
adapted "features as they are, prototypes" raw.jsonl prototypes
adapted "features as they are, linear" raw.jsonl linear --cost 0.1
adapted "normalize --per-domain, neighbors" both.jsonl neighbors
adapted "normalize --per-domain, linear" both.jsonl linear --cost 0.1
for method in "pca --components 30" "subspace --components 30" coral "tca --components 30" "sstca --components 30" \
  "jda --components 30"; do
  # shellcheck disable=SC2086
  dl-transfer $method -q both.jsonl > mapped.jsonl
  adapted "$method, neighbors" mapped.jsonl neighbors
done
for method in "kmm --bound 10" kliep "domain-classifier --bound 10"; do
  # shellcheck disable=SC2086
  dl-transfer $method -q both.jsonl > weighed.jsonl
  adapted "$method, linear" weighed.jsonl linear --cost 0.1
done

# Inductive: a few labels of the target.
dl-data split -q --fractions 0.1,0.9 --parts few,rest --stratify --output-dir . target.jsonl
dl-finetune linear -q --force --cost 0.1 --output few.safetensors few.jsonl
row "10% of the target's labels alone, linear" "$(accuracy few.safetensors rest.jsonl)"
cat source.jsonl few.jsonl | dl-finetune linear -q --force --cost 0.1 --output both.safetensors
row "source and 10% of the target's labels, linear" "$(accuracy both.safetensors rest.jsonl)"
cat source.jsonl few.jsonl | dl-finetune boost -q --force --rounds 20 --cost 0.1 --output boosted.safetensors
row "source and 10% of the target's labels, boost (TrAdaBoost)" "$(accuracy boosted.safetensors rest.jsonl)"

# Unsupervised and self-taught: labels are few, the other plates have none.
dl-transfer cluster kmeans -q --k 24 --layer features target.jsonl | dl-transfer label-clusters -q --labels few.jsonl > grouped.jsonl
row "cluster kmeans, named by 10% of the labels" "$(dl-eval classify -q --format json grouped.jsonl | jq -r '.top1 * 1000 | round / 1000')"
jq -c 'select(.plate != "prohibited" and .plate != "warning") | del(.label)' embedded.jsonl \
  | dl-transfer dictionary -q --atoms 128 --beta 0.1 --output atoms.safetensors --map-only --force
dl-data select -q --domain target raw.jsonl | dl-transfer apply -q --model atoms.safetensors > codes.jsonl
dl-data split -q --fractions 0.1,0.9 --parts few-codes,rest-codes --stratify --output-dir . codes.jsonl
dl-finetune linear -q --force --output codes.safetensors few-codes.jsonl
row "dictionary of other plates, 10% of the labels, linear" "$(accuracy codes.safetensors rest-codes.jsonl)"
