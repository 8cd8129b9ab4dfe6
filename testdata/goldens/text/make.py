#!/usr/bin/env python3
"""Goldens of the networks that read texts: transformers' BERT, GPT-2 and CLIP, tiny, on weights from a formula.

    python3 testdata/goldens/text/make.py

Writes one folder per network as `save_pretrained` leaves it (config.json, model.safetensors, tokenizer.json), and the same
vocabulary in the older files below `vocabulary/`. Weight number i of tensor NAME is (2 mix(NAME, i) - 1) * scale, with
scale sqrt(3 / columns) for matrices, 0.1 for biases; weights of layer norms are 1 + 0.5 (2 mix(NAME, i) - 1).

Texts are padded to one length and masked; the goldens hold only the true tokens, one text after another.
Gradients are those of sum(output * (2 mix("loss", i) - 1)).
"""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Tokenizer,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

HERE = Path(__file__).parent
WORDS = "the cat sat on a mat dog ran to red sign stop go left right".split()
PIECES = ["##s", "##ed", "##ing", "##n", "##t", "##o", "sign", "walk", "run", ".", ",", "!", "?", "'"]
TEXTS = [
    "The cat sat on the mat.",
    "STOP!",
    "A dog ran to the red signs, walking left?  Don't run right",
    "Caf\u00e9 \u4e2d 12 it's",
]


def mix(name, count):
    """`count` numbers in [0, 1): murmur's last step on a counter that starts at FNV-1a of the name."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = (start + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return (h ^ (h >> 16)).astype(np.float64) / 2.0**32


def signed(name, shape):
    return torch.from_numpy((2.0 * mix(name, math.prod(shape)) - 1.0).astype(np.float32)).reshape(shape)


def formula(name, shape):
    numbers = signed(name, shape)
    if len(shape) == 1 and name.endswith(".weight"):
        return 1.0 + 0.5 * numbers
    return numbers * (0.1 if len(shape) < 2 else math.sqrt(3.0 / shape[-1]))


def fill(network):
    network.eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name != "logit_scale":
                parameter.copy_(formula(name, parameter.shape))
    return network


def summary(tensor):
    flat = tensor.detach().double().flatten()
    picked = flat[:: max(1, len(flat) // 5)][:5]
    return {
        "shape": list(tensor.shape),
        "sum": flat.sum().item(),
        "size": flat.abs().sum().item(),
        "picked": [round(value.item(), 7) for value in picked],
    }


def padded(texts):
    longest = max(map(len, texts))
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    return ids, mask


def true(rows, mask):
    return rows[mask.bool()]


def backward(output, parameters, names):
    (output * signed("loss", output.shape)).sum().backward()
    return {name: summary(parameters[name].grad) for name in names}


def byte_pairs(merges, suffix, specials):
    alphabet = list(bytes_to_unicode().values())
    tokens = alphabet + [letter + suffix for letter in alphabet if suffix]
    tokens += ["".join(pair) for pair in merges]
    return {token: index for index, token in enumerate(tokens + specials)}


def write_vocabulary(folder, vocabulary, merges):
    old = folder / "vocabulary"
    old.mkdir(parents=True)
    (old / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (old / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return old


def fresh_folder(name):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def bert():
    folder = fresh_folder("bert")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *WORDS[:4], *WORDS[5:], *PIECES]
    vocabulary = list(dict.fromkeys(vocabulary))
    old = folder / "vocabulary"
    old.mkdir()
    (old / "vocab.txt").write_text("".join(piece + "\n" for piece in vocabulary))
    tokenizer = BertTokenizer(vocab=str(old / "vocab.txt"), do_lower_case=True)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=24,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        id2label={0: "stay", 1: "go", 2: "stop"},
        label2id={"stay": 0, "go": 1, "stop": 2},
        attn_implementation="eager",
    )
    network = fill(BertForSequenceClassification(config))
    network.save_pretrained(folder)
    texts = [tokenizer(text)["input_ids"] for text in TEXTS]
    pair = tokenizer(TEXTS[0], TEXTS[1])
    ids, mask = padded(texts + [pair["input_ids"]])
    types, _ = padded([[0] * len(text) for text in texts] + [pair["token_type_ids"]])
    found = network(ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True)
    pooled = network.bert(ids, attention_mask=mask, token_type_ids=types).pooler_output
    names = ["bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight"]
    names += ["bert.embeddings.token_type_embeddings.weight", "bert.embeddings.LayerNorm.weight"]
    names += ["bert.encoder.layer.0.attention.self.query.weight", "bert.encoder.layer.0.attention.self.query.bias"]
    names += ["bert.encoder.layer.1.attention.self.value.weight", "bert.encoder.layer.1.intermediate.dense.bias"]
    names += ["bert.encoder.layer.1.output.LayerNorm.bias", "bert.pooler.dense.weight", "classifier.weight"]
    layers = {"embeddings": summary(true(found.hidden_states[0], mask))}
    layers |= {f"encoder.layer.{index}": summary(true(found.hidden_states[index + 1], mask)) for index in range(2)}
    layers |= {"pooler": summary(pooled), "logits": summary(found.logits)}
    gradients = backward(found.logits, dict(network.named_parameters()), names)
    curves = {optimizer: bert_curve(config, optimizer) for optimizer in ["adamw", "sgd"]}
    return {
        "texts": [{"text": text, "ids": ids} for text, ids in zip(TEXTS, texts)],
        "pair": {"ids": pair["input_ids"], "types": pair["token_type_ids"]},
        "layers": layers,
        "logits": found.logits.flatten().tolist(),
        "gradients": gradients,
        "curves": curves,
    }


def bert_curve(config, optimizer):
    """20 steps on 8 texts per step, with tokens and classes from a formula."""
    network = fill(BertForSequenceClassification(config))
    network.train()
    parameters = network.parameters()
    if optimizer == "adamw":
        optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.01)
    else:
        optimizer = torch.optim.SGD(parameters, lr=0.02, momentum=0.9, weight_decay=1e-3)
    losses = []
    for step in range(20):
        lengths = 3 + (10 * mix(f"lengths/{step}", 8)).astype(int)
        # Not token 0, [PAD], whose embedding torch does not train.
        tokens = [1 + (config.vocab_size - 1) * mix(f"text/{step}/{row}", length) for row, length in enumerate(lengths)]
        texts = [text.astype(int).tolist() for text in tokens]
        classes = torch.tensor([text[0] % 3 for text in texts])
        ids, mask = padded(texts)
        loss = network(ids, attention_mask=mask, labels=classes).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def gpt2():
    folder = fresh_folder("gpt2")
    merges = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("a", "t"), ("\u0120", "s"), ("o", "n"), ("i", "n"), ("in", "g")]
    vocabulary = byte_pairs(merges, "", ["<|endoftext|>"])
    old = write_vocabulary(folder, vocabulary, merges)
    tokenizer = GPT2Tokenizer(vocab=str(old / "vocab.json"), merges=str(old / "merges.txt"))
    tokenizer.save_pretrained(folder)
    options = dict(vocab_size=len(vocabulary), n_positions=72, n_embd=16, n_layer=2, n_head=2)
    options |= dict(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, attn_implementation="eager")
    options |= dict(bos_token_id=len(vocabulary) - 1, eos_token_id=len(vocabulary) - 1)
    texts = [tokenizer(text)["input_ids"] for text in TEXTS]
    ids, mask = padded(texts)
    result = {"texts": [{"text": text, "ids": ids} for text, ids in zip(TEXTS, texts)]}
    for kind, tied in [("tied", True), ("untied", False)]:
        network = fill(GPT2LMHeadModel(GPT2Config(**options, tie_word_embeddings=tied)))
        if tied:
            network.save_pretrained(folder)
        found = network(ids, attention_mask=mask, output_hidden_states=True)
        states = found.hidden_states
        logits = true(found.logits, mask)
        names = ["transformer.wte.weight", "transformer.wpe.weight", "transformer.h.0.attn.c_attn.weight"]
        names += ["transformer.h.0.mlp.c_proj.weight", "transformer.h.1.ln_2.weight", "transformer.h.1.attn.c_proj.bias"]
        names += ["transformer.ln_f.weight"] + ([] if tied else ["lm_head.weight"])
        layers = {"embeddings": states[0], "h.0": states[1], "ln_f": states[2], "logits": found.logits}
        result[kind] = {
            "layers": {name: summary(true(state, mask)) for name, state in layers.items()},
            "gradients": backward(logits, dict(network.named_parameters()), names),
        }
        start = torch.tensor([texts[0]])
        greedy = network.generate(start, attention_mask=torch.ones_like(start), max_new_tokens=12, do_sample=False)
        result[kind]["greedy"] = greedy[0, len(texts[0]) :].tolist()
    return result


def clip():
    folder = fresh_folder("clip")
    merges = [("t", "h"), ("th", "e</w>"), ("c", "a"), ("ca", "t</w>"), ("o", "n</w>"), ("s", "t"), ("st", "o"), ("sto", "p</w>")]
    vocabulary = byte_pairs(merges, "</w>", ["<|startoftext|>", "<|endoftext|>"])
    old = write_vocabulary(folder, vocabulary, merges)
    tokenizer = CLIPTokenizer(vocab=str(old / "vocab.json"), merges=str(old / "merges.txt"))
    tokenizer.save_pretrained(folder)
    size = dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3, projection_dim=8)
    marks = dict(bos_token_id=len(vocabulary) - 2, eos_token_id=len(vocabulary) - 1, pad_token_id=len(vocabulary) - 1)
    config = CLIPConfig(
        text_config=dict(vocab_size=len(vocabulary), max_position_embeddings=70, **size, **marks),
        vision_config=dict(size, image_size=12, patch_size=4),
        projection_dim=8,
        attn_implementation="eager",
    )
    network = fill(CLIPModel(config))
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.25, 0.25, 0.2]}))
    texts = [tokenizer(text)["input_ids"] for text in TEXTS]
    ids, mask = padded(texts)
    pictures = signed("pictures", [3, 3, 12, 12])
    pictures.requires_grad_()
    found = network(input_ids=ids, pixel_values=pictures, attention_mask=mask)
    of_texts = network.text_model(ids, attention_mask=mask, output_hidden_states=True)
    of_images = network.vision_model(pictures, output_hidden_states=True)
    embeds = [network.text_projection(of_texts.pooler_output), network.visual_projection(of_images.pooler_output)]
    states = of_texts.hidden_states
    names = ["logit_scale", "text_projection.weight", "visual_projection.weight"]
    names += ["text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.self_attn.k_proj.weight"]
    names += ["text_model.encoder.layers.1.mlp.fc1.bias", "text_model.final_layer_norm.weight"]
    names += ["vision_model.embeddings.class_embedding", "vision_model.embeddings.patch_embedding.weight"]
    names += ["vision_model.embeddings.position_embedding.weight", "vision_model.pre_layrnorm.bias"]
    names += ["vision_model.encoder.layers.0.layer_norm1.weight", "vision_model.encoder.layers.1.self_attn.out_proj.bias"]
    parameters = dict(network.named_parameters())
    gradients = backward(found.logits_per_image, parameters, names)
    return {
        "texts": [{"text": text, "ids": ids} for text, ids in zip(TEXTS, texts)],
        "layers": {
            "text_model.embeddings": summary(true(states[0], mask)),
            "text_model.encoder.layers.0": summary(true(states[1], mask)),
            "text_model.final_layer_norm": summary(true(of_texts.last_hidden_state, mask)),
            "text_embeds": summary(embeds[0]),
        },
        "picture_layers": {
            "vision_model.pre_layrnorm": summary(of_images.hidden_states[0]),
            "vision_model.encoder.layers.1": summary(of_images.hidden_states[2]),
            "vision_model.post_layernorm": summary(of_images.pooler_output),
            "image_embeds": summary(embeds[1]),
        },
        "logits_per_image": found.logits_per_image.flatten().tolist(),
        "gradients": gradients | {"pictures": summary(pictures.grad)},
    }


torch.set_num_threads(1)
goldens = {
    "made_with": f"torch {torch.__version__} (CPU, float32, one thread), transformers {transformers.__version__}, "
    f"tokenizers {tokenizers.__version__}",
    "bert": bert(),
    "gpt2": gpt2(),
    "clip": clip(),
}
(HERE / "text.json").write_text(json.dumps(goldens, indent=1) + "\n")
