#!/usr/bin/env bash
# The table of JDA (Long et al., ICCV 2013) on records: accuracy of 1-NN on the features as they are, after PCA, TCA and JDA.
# docs/methods.md has the results.
#
#   testdata/transfer/jda_table.sh DATA [SET]      (the programs must be on PATH)
#
# DATA holds office_caltech_surf and mnist_usps; SET is surf or digits, by default both.
set -euo pipefail
data=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# accuracy SOURCE TARGET RECORDS: that of the nearest source record's label on the target.
accuracy() {
  dl-data select -q --domain "$1" "$3" | dl-finetune neighbors -q --force --output nearest.safetensors
  dl-data select -q --domain "$2" "$3" | dl-classify -q --model nearest.safetensors | dl-eval classify -q --format json \
    | jq -r '.top1 * 10000 | round / 100'
}

# pair FOLDER SOURCE TARGET: one row of the table. Rows are normalized by $normalize, components fitted with $kernel.
pair() {
  local both="--source $2 --target $3"
  gzip -dc "$data/$1/$2.jsonl.gz" "$data/$1/$3.jsonl.gz" > raw.jsonl
  # shellcheck disable=SC2086
  dl-transfer normalize -q $normalize raw.jsonl > scaled.jsonl
  dl-transfer pca -q --components 100 scaled.jsonl > pca.jsonl
  # shellcheck disable=SC2086
  dl-transfer tca -q $both --components 100 $kernel scaled.jsonl > tca.jsonl
  # shellcheck disable=SC2086
  dl-transfer normalize -q --rows l2 scaled.jsonl | dl-transfer jda -q $both --components 100 $kernel \
    | dl-transfer normalize -q --rows l2 > jda.jsonl
  printf '%-20s' "$2 to $3"
  for table in scaled pca tca jda; do printf ' %6s' "$(accuracy "$2" "$3" $table.jsonl)"; done
  echo
}

printf '%-20s %6s %6s %6s %6s\n' '' NN PCA TCA JDA
if [ "${2:-surf}" = surf ]; then
  normalize='--rows l1 --columns zscore --per-domain' kernel='--kernel linear --lambda 1'
  for source in caltech amazon; do
    for target in caltech amazon webcam dslr; do
      [ $source = $target ] || pair office_caltech_surf $source $target
    done
  done
fi
if [ "${2:-digits}" = digits ]; then
  normalize='--rows l2' kernel='--kernel primal --lambda 0.1'
  pair mnist_usps usps mnist
  pair mnist_usps mnist usps
fi
