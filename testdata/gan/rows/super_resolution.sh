# Set5, four times as large, Y and a border of 4: bicubic, a residual network trained by its pixels, and the same with a
# discriminator.
set5=$data/isr/Set5
once isr.jsonl dl-data from folder -q "$data/isr/train"
once set5.lr.jsonl dl-data from folder -q "$set5/LRx4"
once set5.jsonl pairs set5.lr.jsonl "$set5/HR"
train srresnet srgan isr.jsonl --adversarial 0 --generator srresnet --scale 4 --batch 4 --width 0.5
train srgan srgan isr.jsonl --init-from srresnet.safetensors --scale 4 --batch 4 --perceptual "$squeezenet"
for name in srresnet srgan; do
  dl-gan-edit super-resolve -q "${threads[@]}" --model "$name.safetensors" set5.jsonl > "$name.made.jsonl"
  row "Set5 x4, $name" "PSNR $(dl-eval psnr -q --protocol sr --border 4 --field target --format json "$name.made.jsonl" \
    | jq -r '.psnr * 100 | round / 100') (bicubic 28.43); $(spent "$name")"
done
