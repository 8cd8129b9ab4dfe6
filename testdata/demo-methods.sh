#!/usr/bin/env bash
# Methods of transfer learning on drawn road signs, as one table: blue discs are the labeled source, red triangles the target,
# the class is the pictogram. Features come from the included classifier of traffic signs, which never saw these signs.
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
dl-embed -q --model "$here/models/signs.safetensors" --layer fire9 --pool mean all.jsonl > embedded.jsonl 2> /dev/null \
  || dl-embed -q --model "$here/models/signs.safetensors" --layer fire9@1 all.jsonl > embedded.jsonl
# Source and target, one half of the target to adapt to, the other to test on; the labels of the target are not used but where
# a row says so.
jq -c 'select(.plate == "mandatory" or .plate == "warning")
  | .domain = (if .plate == "mandatory" then "source" else "target" end) | .label = .sign' embedded.jsonl \
  | dl-transfer normalize -q --rows l2 --columns zscore --per-domain --as features > both.jsonl
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

row "method (accuracy on the target; twelve pictograms)" ""
adapted "nearest neighbor" both.jsonl neighbors
adapted "prototypes" both.jsonl prototypes
adapted "linear" both.jsonl linear --cost 0.01
for method in "pca --components 60" "subspace --components 60" "coral" "tca --components 60" "sstca --components 60" \
  "jda --components 60"; do
  # shellcheck disable=SC2086
  dl-transfer $method -q both.jsonl > mapped.jsonl
  adapted "$method, linear" mapped.jsonl linear --cost 0.01
done
for method in "kmm --bound 10" kliep "domain-classifier --bound 10"; do
  # shellcheck disable=SC2086
  dl-transfer $method -q both.jsonl > weighed.jsonl
  adapted "$method, linear" weighed.jsonl linear --cost 0.01
done

# Inductive: a few labels of the target.
dl-data split -q --fractions 0.1,0.9 --parts few,rest --stratify --output-dir . target.jsonl
dl-finetune linear -q --force --cost 0.01 --output few.safetensors few.jsonl
row "10% of the target's labels alone, linear" "$(accuracy few.safetensors rest.jsonl)"
cat source.jsonl few.jsonl | dl-finetune linear -q --force --cost 0.01 --output both.safetensors
row "source and 10% of the target's labels, linear" "$(accuracy both.safetensors rest.jsonl)"
cat source.jsonl few.jsonl | dl-finetune boost -q --force --rounds 20 --cost 0.01 --output boosted.safetensors
row "source and 10% of the target's labels, boost (TrAdaBoost)" "$(accuracy boosted.safetensors rest.jsonl)"

# Unsupervised and self-taught: labels are few, the other plates have none.
dl-transfer cluster kmeans -q --k 24 --layer features target.jsonl | dl-transfer label-clusters -q --labels few.jsonl > grouped.jsonl
row "cluster kmeans, named by 10% of the labels" "$(dl-eval classify -q --format json grouped.jsonl | jq -r '.top1 * 1000 | round / 1000')"
jq -c 'select(.plate != "mandatory" and .plate != "warning") | del(.label)' embedded.jsonl \
  | dl-transfer normalize -q --rows l2 --columns zscore --as features \
  | dl-transfer dictionary -q --atoms 128 --beta 4 --output atoms.safetensors --map-only
for part in few rest; do dl-transfer apply -q --model atoms.safetensors "$part.jsonl" > "$part.coded.jsonl" 2> /dev/null || cp "$part.jsonl" "$part.coded.jsonl"; done
dl-finetune linear -q --force --output coded.safetensors few.coded.jsonl
row "dictionary of other plates, 10% of the labels, linear" "$(accuracy coded.safetensors rest.coded.jsonl)"

# Zero-shot: a plate with a pictogram that was never shown, from the attributes of both.
jq -rs '[.[].label] | unique | .[]' all.jsonl > classes.txt
{
  cut -d - -f 1 classes.txt | sort -u > plates.txt
  cut -d - -f 2- classes.txt | sort -u > signs.txt
  echo "class,$(paste -sd, plates.txt),$(paste -sd, signs.txt)"
  while read -r class; do
    plate=${class%%-*} sign=${class#*-}
    echo "$class,$(sed "s/^$plate\$/1/; t; s/.*/0/" plates.txt | paste -sd,),$(sed "s/^$sign\$/1/; t; s/.*/0/" signs.txt | paste -sd,)"
  done < classes.txt
} > classes.csv
awk 'NR % 5 == 3' classes.txt > unseen.txt
jq -c --rawfile unseen unseen.txt '.seen = (.label as $label | ($unseen | split("\n") | index($label)) == null)' embedded.jsonl > zero.jsonl
dl-data select -q --where seen=true zero.jsonl \
  | dl-finetune attributes -q --force --classes classes.csv --gamma 1000 --lambda 1 --output attributes.safetensors
{ head -n 1 classes.csv; grep -F -f unseen.txt classes.csv; } > unseen.csv
dl-data select -q --where seen=false zero.jsonl | dl-classify -q --model attributes.safetensors --classes unseen.csv > named.jsonl
row "attributes: twelve combinations never seen, chosen among them" "$(dl-eval classify -q --format json named.jsonl | jq -r '.top1 * 1000 | round / 1000')"
