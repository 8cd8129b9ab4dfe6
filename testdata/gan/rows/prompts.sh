# Drawn signs with captions, conditional on the embedding of the caption by a BERT that was trained here to classify captions.
# Six combinations of a plate and a pictogram are never shown. A classifier names the plate and the pictogram of each sample.
[ -d roads ] || xtask testdata task roads --per-class 150 --output roads
once roads.jsonl dl-data from folder -q roads
# shellcheck disable=SC2016
once captions.jsonl jq -c '(.label | capture("(?<plate>[a-z]+)-(?<sign>.+)")) as $is
  | .text = ({prohibited: "a round white sign with a red rim", mandatory: "a round blue sign",
      warning: "a white triangle with a red rim", works: "a yellow diamond", route: "a green square"}[$is.plate]
    + " that shows " + ($is.sign | gsub("-"; " ")))
  | .unseen = (.label | IN("prohibited-car", "mandatory-bicycle", "warning-walker", "works-ice", "route-water", "route-left"))' \
  roads.jsonl
once texts.jsonl jq -c 'del(.image)' captions.jsonl
once seen-captions.jsonl jq -c 'select(.unseen | not)' captions.jsonl
mkdir -p bert
once bert/words.txt bash -c "jq -r .text captions.jsonl | tr ' ' '\n' | sort -u"
once bert/vocab.txt bash -c "printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' | cat - bert/words.txt"
once bert/config.json jq -n --argjson words "$(wc -l < bert/vocab.txt)" '{model_type: "bert", hidden_size: 64,
  num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 128, vocab_size: $words, max_position_embeddings: 32,
  type_vocab_size: 2, layer_norm_eps: 1e-12, hidden_act: "gelu", hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1,
  pad_token_id: 0}'
# Weights of the right shapes, all 0: training begins with random ones.
once bert/header.json jq -cj '.vocab_size as $words | .hidden_size as $width | .intermediate_size as $wide
  | def linear($name; $to; $from): {"\($name).weight": [$to, $from], "\($name).bias": [$to]};
    def norm($name): {"\($name).weight": [$width], "\($name).bias": [$width]};
  {"embeddings.word_embeddings.weight": [$words, $width], "embeddings.position_embeddings.weight": [32, $width],
    "embeddings.token_type_embeddings.weight": [2, $width]} + norm("embeddings.LayerNorm")
  + (reduce range(.num_hidden_layers) as $layer ({}; . + ("encoder.layer.\($layer)" as $at
    | linear("\($at).attention.self.query"; $width; $width) + linear("\($at).attention.self.key"; $width; $width)
    + linear("\($at).attention.self.value"; $width; $width) + linear("\($at).attention.output.dense"; $width; $width)
    + norm("\($at).attention.output.LayerNorm") + linear("\($at).intermediate.dense"; $wide; $width)
    + linear("\($at).output.dense"; $width; $wide) + norm("\($at).output.LayerNorm"))))
  + linear("pooler.dense"; $width; $width)
  | reduce to_entries[] as $tensor ({at: 0}; ($tensor.value | reduce .[] as $side (4; . * $side)) as $bytes
    | .header[$tensor.key] = {dtype: "F32", shape: $tensor.value, data_offsets: [.at, .at + $bytes]} | .at += $bytes)
  | .header' bert/config.json
length=$(wc -c < bert/header.json)
# shellcheck disable=SC2059
once bert/model.safetensors bash -c "printf \"\$(printf '\\\\x%02x' $((length & 255)) $((length >> 8)) 0 0 0 0 0 0)\"
  cat bert/header.json; head -c $(jq '[.[].data_offsets[1]] | max' bert/header.json) /dev/zero"
[ -f captions-bert.safetensors ] || dl-finetune classifier -q texts.jsonl --strategy scratch --init-from bert --lr 0.001 \
  --iterations 600 "${threads[@]}" --output captions-bert.safetensors
once embedded.jsonl dl-embed -q "${threads[@]}" --model captions-bert.safetensors --pool mean --layer encoder.layer.1 seen-captions.jsonl
train prompted conditional embedded.jsonl --condition encoder.layer.1 --size 32 --width 0.5 --ema 0.995
for kind in seen unseen; do
  once "$kind-prompts.txt" jq -r "select(.unseen == $([ $kind = unseen ] && echo true || echo false)) | \"\(.label)\t\(.text)\"" \
    captions.jsonl
  sort -u "$kind-prompts.txt" > "$kind-prompts.tsv"
  prompts=()
  while IFS=$'\t' read -r _ text; do prompts+=(--prompt "$text"); done < "$kind-prompts.tsv"
  count=$((20 * $(wc -l < "$kind-prompts.tsv")))
  once "$kind.made.jsonl" dl-gan-sample -q prompted.safetensors "${prompts[@]}" --text-model captions-bert.safetensors --count "$count"
  once "$kind.named.jsonl" dl-classify -q --model "$roads" "$kind.made.jsonl"
  row "prompts, $kind" "$(paste <(jq -r '.predictions[0].label' "$kind.named.jsonl") \
    <(for _ in {1..20}; do cut -f 1 "$kind-prompts.tsv"; done) | awk '{
      split($1, is, "-"); split($2, asked, "-"); plates += is[1] == asked[1]
      sub(/^[a-z]+-/, "", $1); sub(/^[a-z]+-/, "", $2); signs += $1 == $2
    } END { printf "attributes right %.3f (plate %.3f, pictogram %.3f)", (plates + signs) / 2 / NR, plates / NR, signs / NR }'
  ); $(spent prompted)"
done
