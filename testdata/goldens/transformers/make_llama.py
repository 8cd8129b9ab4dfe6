#!/usr/bin/env python3
"""Goldens of Llama: outputs of transformers 5.24.0 (torch 2.9.1) on weights from the formula of
../backbones/formula.py, as a folder of Hugging Face and as GGUF files of the package gguf 0.19.0.

    python3 testdata/goldens/transformers/make_llama.py

`logits` are those of the next token after every beginning of `ids`; `written` is the greedy continuation. The GGUF
files are read again by transformers, which dequantizes them. Their tokenizers: smollm's and Llama 3's kinds of byte
pairs, and SentencePiece (0.2.3).
"""

import io
import json
import shutil
from pathlib import Path

import gguf
import sentencepiece
import torch
import transformers
from make_images import fill, formula, golden
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
PROMPT = "the cat sat on 12345 mats, I'll go"
TEXTS = [PROMPT, "stop", "It's 2024.\n\n  Go  left\tor right?", "café 犬 \U0001f6d1!"]
CORPUS = [
    "the cat sat on the mat and the dog ran to the red sign", "stop, go left or go right", "I'll go; it's the sign",
    "12345 mats, 123 cats and 2024 dogs", "the red cat and the red dog sat, ran and sat on a mat 123 times",
] * 20
SPECIAL = ["<|begin|>", "<|end|>"]
# Of Meta-Llama-3-8B's tokenizer.json.
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 1,
}


def byte_pairs(kind):
    inner = Tokenizer(models.BPE(ignore_merges=kind == "llama-bpe"))
    digits, bytes_ = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    if kind == "llama-bpe":
        digits = pre_tokenizers.Split(Regex(LLAMA_3), "isolated")
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.pre_tokenizer = pre_tokenizers.Sequence([digits, bytes_])
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=sorted(alphabet), show_progress=False
    )
    inner.train_from_iterator(CORPUS, trainer)
    if kind == "llama-bpe":
        inner.post_processor = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 0)])
    return inner


def sentence_pieces():
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=written, model_type="bpe", vocab_size=320, byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
        num_threads=1,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def network(**options):
    config = transformers.LlamaConfig(**(SMALL | {"vocab_size": 320} | options))
    model = fill(transformers.LlamaForCausalLM(config), gain=6.0)
    if config.tie_word_embeddings:
        # One tensor under two names.
        name = "model.embed_tokens.weight"
        model.model.embed_tokens.weight.data.copy_(formula(name, (config.vocab_size, config.hidden_size), 6.0))
    return model


@torch.no_grad()
def run(model, ids):
    """The logits after every token of `ids`, and the tokens of the greedy continuation."""
    ids = torch.tensor([ids])
    written = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=1
    )
    return {"ids": ids[0].tolist(), "logits": golden(model(ids).logits[0]), "written": written[0].tolist()}


def permuted(weight, heads):
    """llama.cpp rotates neighbors, transformers the halves of a head."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def gguf_file(name, model, kind, tokenizer):
    """As llama.cpp's convert_hf_to_gguf.py writes it. `tokenizer` writes its own keys."""
    config = model.config
    writer = gguf.GGUFWriter(HERE / name, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    tokenizer(writer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        if "q_proj" in name or "k_proj" in name:
            weight = permuted(weight, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        stem = name.removesuffix(".weight")
        weight = weight.numpy()
        if weight.ndim == 2 and kind != gguf.GGMLQuantizationType.F32:
            writer.add_tensor(names.get_name(stem) + ".weight", gguf.quantize(weight, kind), raw_dtype=kind)
        else:
            writer.add_tensor(names.get_name(stem) + ".weight", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def of_byte_pairs(inner, kind):
    def write(writer):
        model = json.loads(inner.to_str())["model"]
        tokens = sorted(model["vocab"], key=model["vocab"].get)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(kind)
        writer.add_token_list(tokens)
        writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in tokens])
        writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)
    return write


def of_sentence_pieces(pieces):
    def write(writer):
        kinds = []
        for index in range(len(pieces)):
            kind = gguf.TokenType.NORMAL
            kind = gguf.TokenType.UNKNOWN if pieces.is_unknown(index) else kind
            kind = gguf.TokenType.CONTROL if pieces.is_control(index) else kind
            kinds.append(gguf.TokenType.BYTE if pieces.is_byte(index) else kind)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([pieces.id_to_piece(index).encode() for index in range(len(pieces))])
        writer.add_token_scores([pieces.get_score(index) for index in range(len(pieces))])
        writer.add_token_types(kinds)
        writer.add_bos_token_id(pieces.bos_id())
        writer.add_eos_token_id(pieces.eos_id())
        writer.add_unk_token_id(pieces.unk_id())
        writer.add_add_bos_token(True)
    return write


def main():
    peers = {"transformers": transformers.__version__, "torch": torch.__version__, "gguf": "0.19.0"}
    goldens = {"peers": peers, "texts": TEXTS}
    llama3 = {"rope_type": "llama3", "rope_theta": 100.0, "factor": 8.0, "low_freq_factor": 1.0}
    llama3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 32}
    smollm, llama_bpe = byte_pairs("smollm"), byte_pairs("llama-bpe")
    ids = smollm.encode(PROMPT).ids

    # A folder as Hugging Face has it, in shards.
    tied = network(tie_word_embeddings=True, rope_parameters=llama3)
    path = HERE / "llama"
    shutil.rmtree(path, ignore_errors=True)
    tied.save_pretrained(path, max_shard_size="60KB")
    smollm.save(str(path / "tokenizer.json"))
    goldens["llama"] = run(tied, ids) | {"tokens": [text.ids for text in smollm.encode_batch(TEXTS)]}
    goldens["llama"]["text"] = smollm.decode(goldens["llama"]["written"])

    # Other options, on weights that the Rust tests make by the formula.
    goldens["networks"] = [
        {"options": options} | run(network(**options), ids)
        for options in [
            {"tie_word_embeddings": False, "rope_theta": 100000.0},
            {"tie_word_embeddings": False, "num_key_value_heads": 4, "rms_norm_eps": 1e-6},
            {"tie_word_embeddings": True, "num_key_value_heads": 1, "num_hidden_layers": 3},
        ]
    ]

    pieces = sentence_pieces()
    tokenizers = {
        "llama-f32.gguf": (of_byte_pairs(smollm, "smollm"), smollm.encode),
        "llama-q8_0.gguf": (of_sentence_pieces(pieces), None),
        "llama-q4_0.gguf": (of_byte_pairs(llama_bpe, "llama-bpe"), llama_bpe.encode),
    }
    kinds = [gguf.GGMLQuantizationType.F32, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0]
    for (name, (write, encode)), kind in zip(tokenizers.items(), kinds):
        model = network(tie_word_embeddings=kind != gguf.GGMLQuantizationType.Q8_0, rope_theta=50000.0)
        gguf_file(name, model, kind, write)
        peer = transformers.LlamaForCausalLM.from_pretrained(HERE, gguf_file=name, dtype=torch.float32).eval()
        if encode is None:
            tokens = [[pieces.bos_id(), *pieces.encode(text)] for text in TEXTS]
            decode = pieces.decode
        else:
            tokens = [encode(text).ids for text in TEXTS]
            decode = smollm.decode if kind == gguf.GGMLQuantizationType.F32 else llama_bpe.decode
        goldens[name] = run(peer, tokens[0]) | {"tokens": tokens}
        goldens[name]["text"] = decode(goldens[name]["written"])
        exact = run(model, tokens[0])
        worst = max(abs(a - b) for a, b in zip(exact["logits"]["picked"], goldens[name]["logits"]["picked"]))
        print(f"{name}: the file's logits differ from the unquantized by up to {worst:.2g}")
    (HERE / "llama.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
