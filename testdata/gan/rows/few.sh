# Twenty images of each digit: a classifier trained on them alone, and with 200 generated ones of each digit, tested on 10,000;
# five draws of the images, each with a GAN of its own.
digits
classifier=(--arch vgg11_bn --width-mult 0.25 --size 32 --no-flip --augment affine --batch 64 --lr 0.05 --cosine --dropout 0.2)
for seed in 0 1 2 3 4; do
  # shellcheck disable=SC2016
  once "few-$seed.jsonl" bash -c "tail -n +$((10000 * seed + 1)) digits.jsonl \
    | awk -F '\"label\":\"' '{ label = substr(\$2, 1, 1) } n[label]++ < 20'"
  train "few-$seed" conditional "few-$seed.jsonl" --width 0.5 --augment diff --ema 0.995 --iterations 2000 --seed "$seed"
  once "few-$seed.made.jsonl" dl-gan-sample -q "few-$seed.safetensors" --count 2000
  once "few-$seed.both.jsonl" cat "few-$seed.jsonl" "few-$seed.made.jsonl"
  for set in "few-$seed" "few-$seed.both"; do
    [ -f "$set.classifier.safetensors" ] || dl-finetune classifier -q "$set.jsonl" "${classifier[@]}" --iterations 800 \
      --seed "$seed" "${threads[@]}" --output "$set.classifier.safetensors"
    once "$set.named.jsonl" dl-classify -q "${threads[@]}" --model "$set.classifier.safetensors" digits-test.jsonl
  done
  row "20 digits each, seed $seed" "accuracy $(agreement "few-$seed.named.jsonl"), with generated ones" \
    "$(agreement "few-$seed.both.named.jsonl"); $(spent "few-$seed")"
done
