# Stacked MNIST: three digits as red, green and blue, 1,000 modes. Of 26,000 samples, the modes that occur, and the divergence
# of their shares from those of the training set, by a LeNet on each channel.
digits
[ -d stacks ] || xtask testdata stack digits.jsonl --count 20000 --output stacks
train stacked-dcgan dcgan stacks/stacks.jsonl --iterations 10000 --width 0.5 --ema 0.995
train stacked-relativistic dcgan stacks/stacks.jsonl --iterations 10000 --width 0.5 --ema 0.995 --loss relativistic --penalty r1+r2
for name in stacked-dcgan stacked-relativistic; do
  once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 26000
  [ -d "$name.parts" ] || xtask testdata unstack "$name.made.jsonl" --output "$name.parts"
  once "$name.named.jsonl" dl-classify -q --model "$lenet" "$name.parts/parts.jsonl"
  once "$name.modes.jsonl" bash -c "jq -r '.predictions[0].label' $name.named.jsonl | paste -d '' - - - \
    | jq -cR '{id: \"\(input_line_number)\", predictions: [{label: ., score: 1}]}'"
  row "stacked MNIST, ${name#stacked-}" "$(dl-eval modes -q --against stacks/stacks.jsonl --format json "$name.modes.jsonl" \
    | jq -r '"\(.modes) modes, KL \(.kl * 1000 | round / 1000)"'); $(spent "$name")"
done
