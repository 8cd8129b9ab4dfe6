# Drawn faces without and with sunglasses, unpaired. A classifier of SqueezeNet's features sees the glasses; the true partner of
# each face is known, and nothing but the eyes should change.
faces
once faces-train.jsonl dl-embed -q "${threads[@]}" --model "$squeezenet" --layer fire9@2 faces.jsonl
[ -f glasses-head.safetensors ] || dl-finetune linear -q --output glasses-head.safetensors faces-train.jsonl
train cycle cyclegan faces.jsonl --domains plain,sunglasses --residual --width 0.25 --blocks 3 --iterations 8000 \
  --output-back cycle.back.safetensors
train disco discogan faces.jsonl --domains plain,sunglasses --size 32 --width 0.5 --iterations 4000 \
  --output-back disco.back.safetensors
for name in cycle disco; do
  for way in plain:sunglasses: sunglasses:plain:.back; do
    IFS=: read -r from to suffix <<< "$way"
    once "$from.jsonl" dl-data from folder -q "$data/pixel_faces_32/test/$from"
    once "$from.pairs.jsonl" pairs "$from.jsonl" "$data/pixel_faces_32/test/$to"
    dl-gan-edit translate -q "${threads[@]}" --model "$name$suffix.safetensors" "$from.pairs.jsonl" > "$name.$to.jsonl"
    row "faces to $to, $name" "seen $(seen "$name.$to.jsonl" glasses-head.safetensors "$to"), PSNR outside" \
      "$(dl-eval psnr -q --exclude 4,8,28,18 --field target --format json "$name.$to.jsonl" \
        | jq -r '.psnr * 100 | round / 100'); $(spent "$name")"
  done
done
