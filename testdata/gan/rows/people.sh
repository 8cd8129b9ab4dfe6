# Photos of faces without and with sunglasses, unpaired (CMU). Trained on 16 people, tested on the others: a classifier of
# SqueezeNet's features sees the glasses, and another, which knows the photos of all people, the person.
once cmu.jsonl bash -c "dl-data from folder -q '$data/cmu_faces_32x30' \
  | jq -c '.person = (.image | split(\"/\") | last | split(\"_\") | first)'"
for split in test train; do
  known=$([ $split = train ] && echo not || echo .)
  once "cmu-$split.jsonl" jq -c "select(.person | IN(\"saavik\", \"steffi\", \"sz24\", \"tammo\") | $known)" cmu.jsonl
done
once cmu-train.seen.jsonl dl-embed -q "${threads[@]}" --model "$squeezenet" --layer fire9@2 cmu-train.jsonl
once cmu.people.jsonl bash -c "jq -c '.label = .person' cmu.jsonl | dl-embed -q --model '$squeezenet' --layer fire9@2"
[ -f cmu-head.safetensors ] || dl-finetune linear -q --output cmu-head.safetensors cmu-train.seen.jsonl
[ -f people-head.safetensors ] || dl-finetune linear -q --output people-head.safetensors cmu.people.jsonl
train people cyclegan cmu-train.jsonl --domains open,sunglasses --residual --colors gray --size 32 --width 0.25 --blocks 3 --flip \
  --iterations 8000 --output-back people.back.safetensors
for way in open:sunglasses: sunglasses:open:.back; do
  IFS=: read -r from to suffix <<< "$way"
  once "cmu-$from.jsonl" jq -c "select(.label == \"$from\")" cmu-test.jsonl
  dl-gan-edit translate -q "${threads[@]}" --model "people$suffix.safetensors" "cmu-$from.jsonl" > "people.$to.jsonl"
  once "people.$to.named.jsonl" bash -c "jq -c '.label = .person' people.$to.jsonl \
    | dl-embed -q --model '$squeezenet' --layer fire9@2 | dl-classify -q --model people-head.safetensors"
  row "photos to $to" "seen $(seen "people.$to.jsonl" cmu-head.safetensors "$to")" \
    "(photos with $from: seen $(seen "cmu-$from.jsonl" cmu-head.safetensors "$from")), person recognized" \
    "$(agreement "people.$to.named.jsonl"); $(spent people)"
done
