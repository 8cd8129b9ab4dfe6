# MNIST: vanilla and DCGAN by the features of a LeNet, beside the distance of training to test images; the share of the
# rarest digit.
digits
once floor.jsonl head -n 10000 digits.jsonl
row "MNIST, floor" "FID $(distance floor.jsonl digits-test.jsonl "$lenet" f6)"
train vanilla vanilla digits.jsonl --ema 0.995
train dcgan dcgan digits.jsonl --width 0.5 --ema 0.995
for name in vanilla dcgan; do
  once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 10000
  once "$name.named.jsonl" dl-classify -q --model "$lenet" "$name.made.jsonl"
  row "MNIST, $name" "FID $(distance "$name.made.jsonl" digits-test.jsonl "$lenet" f6), modes and rarest" \
    "$(dl-eval modes -q --labels 0,1,2,3,4,5,6,7,8,9 --format json "$name.named.jsonl" \
      | jq -r '"\(.modes), \(.smallest_share)"'); $(spent "$name")"
done
