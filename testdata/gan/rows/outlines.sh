# From the outlines of a sign to its photo: pix2pix, and the same network trained by the distance of pixels alone.
for split in train:200 test:70; do
  [ -d "outlines-${split%:*}" ] || xtask testdata outlines services --split "${split%:*}" --per-class "${split#*:}" \
    --output "outlines-${split%:*}"
done
pairs=outlines-train/train.jsonl
train outlines-pixels pix2pix $pairs --target target --size 64 --width 0.25 --batch 8 --adversarial 0
train outlines-gan pix2pix $pairs --target target --size 64 --width 0.25 --batch 8
once outlines-true.jsonl jq -c '.image = .target' outlines-test/test.jsonl
for name in outlines-pixels outlines-gan; do
  once "$name.translated.jsonl" dl-gan-edit translate -q "${threads[@]}" --model "$name.safetensors" outlines-test/test.jsonl
  row "outlines, ${name#outlines-}" "PSNR $(dl-eval psnr -q --field target --format json "$name.translated.jsonl" \
    | jq -r '.psnr * 100 | round / 100'), FID $(distance "$name.translated.jsonl" outlines-true.jsonl "$squeezenet" fire9@1);" \
    "$(spent "$name")"
done
