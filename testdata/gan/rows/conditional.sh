# MNIST with labels: how often a classifier agrees.
digits
train labeled conditional digits.jsonl --width 0.5 --ema 0.995 --conditioning project
once labeled.made.jsonl dl-gan-sample -q labeled.safetensors --count 5000
once labeled.named.jsonl dl-classify -q --model "$lenet" labeled.made.jsonl
row "MNIST, labels" "agreement $(agreement labeled.named.jsonl); $(spent labeled)"
