# A GAN of sixty signs adapted to ten images of a new one (FreezeD), and the same training from scratch: the distance to 700
# images of the new sign.
[ -d roads ] || xtask testdata task roads --per-class 150 --output roads
[ -d services ] || xtask testdata task services --split few --per-class 700 --output services
once roads.jsonl dl-data from folder -q roads
once new.jsonl dl-data from folder -q services/service-fuel
once few.jsonl head -n 10 new.jsonl
train roads-gan dcgan roads.jsonl --size 32 --width 0.5 --ema 0.995
common=(--augment diff --ema 0.99 --iterations 1500)
train adapted dcgan few.jsonl --init-from roads-gan.safetensors --freeze-d 2 "${common[@]}"
train unadapted dcgan few.jsonl --size 32 --width 0.5 "${common[@]}"
for name in adapted unadapted; do
  once "$name.made.jsonl" dl-gan-sample -q "$name.safetensors" --count 700
  row "10 signs, $name" "FID $(distance "$name.made.jsonl" new.jsonl "$roads" pooled); $(spent "$name")"
done
