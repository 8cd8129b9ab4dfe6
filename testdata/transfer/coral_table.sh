#!/usr/bin/env bash
# CORAL (Sun et al., AAAI 2016) on the features of its Table 3: accuracy of a linear SVM on the target, trained on the source
# without and with alignment. docs/methods.md has the results.
#
#   testdata/transfer/coral_table.sh DATA      (the programs and jq must be on PATH)
#
# DATA holds office_caltech_surf.
set -euo pipefail
data=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# accuracy SOURCE TARGET RECORDS: that of an SVM with C 0.01 on the target.
accuracy() {
  dl-data select -q --domain "$1" "$3" | dl-finetune linear -q --force --loss hinge --cost 0.01 --raw --output svm.safetensors
  dl-data select -q --domain "$2" "$3" | dl-classify -q --model svm.safetensors --top-k 1 | dl-eval classify -q --format json \
    | jq -r '.top1 * 10000 | round / 100'
}

printf '%-20s %6s %6s\n' '' none CORAL
for pair in caltech:amazon caltech:webcam caltech:dslr amazon:caltech amazon:webcam amazon:dslr; do
  source=${pair%:*} target=${pair#*:}
  gzip -dc "$data/office_caltech_surf/$source.jsonl.gz" "$data/office_caltech_surf/$target.jsonl.gz" \
    | dl-transfer normalize -q --rows l1 --columns zscore --per-domain > scaled.jsonl
  dl-transfer coral -q --source "$source" --target "$target" scaled.jsonl > coral.jsonl
  printf '%-20s %6s %6s\n' "$source to $target" "$(accuracy "$source" "$target" scaled.jsonl)" \
    "$(accuracy "$source" "$target" coral.jsonl)"
done
