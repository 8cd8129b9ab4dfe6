#!/usr/bin/env bash
# Networks that are trained on labels of one domain and adapted to another one without: accuracy on the other domain, after
# the last step. docs/methods.md has the results.
#
#   testdata/transfer/domains.sh OUT [ROW..]      (the programs and jq must be on PATH)
#
# First make the records: python testdata/transfer/domains.py DATA OUT. Rows: digits, photodigits, reviews; by default all.
# SEEDS="0 1 2" is what the first two take.
set -euo pipefail
. "$(dirname "$0")/rows.sh"
cd "$1"
shift
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=(digits photodigits reviews)
seeds=${SEEDS:-0 1 2}

# Pictures of 16 x 16 pixels: LeNet-5, both ways.
digits() {
  local seed pair source target method
  for seed in $seeds; do
    for pair in mnist:usps usps:mnist; do
      source=${pair%:*} target=${pair#*:}
      once "$source-$target-images.jsonl" cat "$source.jsonl" "$target.jsonl"
      for method in dann cdan; do
        train "images-$source-$target-$method-$seed.safetensors" adversarial --method $method --source "$source" \
          --target "$target" --arch lenet5 --domain-hidden 500,500 --batch 64 --epochs 60 --no-flip \
          --augment affine --affine 8,0.06,0.9,1.1,8 --seed "$seed" "$source-$target-images.jsonl"
        row "$source to $target, $method, seed $seed" \
          "$(accuracy "images-$source-$target-$method-$seed.safetensors" "$target.jsonl")"
      done
    done
  done
}

# MNIST to |digit - patch of a photograph|.
photodigits() {
  local seed name options
  once both.jsonl cat digits.jsonl photodigits.jsonl
  # The upper bound: the labels of the target as the source, and the same target.
  once upper.jsonl jq -c 'if .domain == "digits" then empty else ., (.domain = "digits" | .id = "labeled-" + .id) end' \
    photodigits.jsonl
  for seed in $seeds; do
    for name in source dann target; do
      options=(--trade-off 1)
      [ $name = dann ] || options=(--trade-off 0)
      train "photodigits-$name-$seed.safetensors" adversarial --method dann --source digits --target photodigits \
        --arch resnet20_cifar --size 28 --domain-hidden 256 --batch 64 --epochs "${EPOCHS:-8}" --no-flip --seed "$seed" \
        "${options[@]}" "$([ $name = target ] && echo upper.jsonl || echo both.jsonl)"
      row "photodigits, ${name/target/trained on the target}, seed $seed" \
        "$(accuracy "photodigits-$name-$seed.safetensors" photodigits-test.jsonl)"
    done
  done
}

# Reviews of four kinds of products, 5,000 words: a network of one hidden layer without and with DANN, and a linear SVM.
reviews() {
  local source target name
  for source in books dvd electronics kitchen; do
    for target in books dvd electronics kitchen; do
      [ $source != $target ] || continue
      for name in dann nn; do
        train "reviews-$source-$target-$name.safetensors" adversarial --method dann --source $source --target $target \
          --trade-off "$([ $name = dann ] && echo 0.3 || echo 0)" --hidden 100 --domain-hidden 100 --raw --batch 100 \
          --epochs 10 --lr 0.1 "$source.jsonl.gz" "$target.jsonl.gz"
      done
      [ -e "reviews-$source-svm.safetensors" ] || dl-finetune linear -q --loss squared-hinge --cost 0.01 --raw \
        --output "reviews-$source-svm.safetensors" "$source.jsonl.gz"
      row "$source to $target: dann, nn, svm" "$(for name in $target-dann $target-nn svm; do
        accuracy "reviews-$source-$name.safetensors" "$target-test.jsonl.gz"; done | xargs)"
    done
  done
}

for name in "${rows[@]}"; do
  case $name in
    digits | photodigits | reviews) "$name" ;;
    *) echo "domains.sh: no row is called $name" >&2 && exit 2 ;;
  esac
done
