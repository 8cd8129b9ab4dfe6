#!/usr/bin/env python3
"""Goldens of text networks in the folders of Hugging Face: outputs of transformers 5.24.0 (torch 2.9.1) on weights from
the formula of ../backbones/formula.py.

    python3 testdata/goldens/transformers/make_texts.py

Each network is tiny and written as `save_pretrained` leaves it. Texts are padded to one length and masked; the goldens
hold only the true tokens, one text after another.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from make_images import fill, golden
from tokenizers import Tokenizer, models, pre_tokenizers, processors

HERE = Path(__file__).parent
WORDS = "the cat sat on a mat dog ran to red sign stop go left right".split()
TEXTS = ["the cat sat on the mat", "stop", "a dog ran to the red sign go left go right the mat", "mat cat"]
CLASSES = {"id2label": {0: "calm", 1: "urgent", 2: "other"}, "label2id": {"calm": 0, "urgent": 1, "other": 2}}


def tokenizer(marks):
    """Whole words; `marks` are the beginning, padding, end and unknown tokens, with their ids."""
    first, padding, last, unknown = marks
    words = [*marks, *WORDS]
    inner = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token=unknown))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(first, words.index(first)), (last, words.index(last))]
    inner.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ends)
    inner.add_special_tokens(list(marks))
    return inner


def unigram(marks):
    first, padding, last, unknown = marks
    pieces = [*((mark, 0.0) for mark in marks), *((f"\u2581{word}", -3.0 - 0.1 * i) for i, word in enumerate(WORDS))]
    inner = Tokenizer(models.Unigram(pieces, unk_id=3))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=[(first, 0), (last, 2)]
    )
    inner.add_special_tokens(list(marks))
    return inner


def rows(output, mask):
    return golden(output[mask.bool()])


@torch.no_grad()
def of_network(name, model, body, inner, padding):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    fill(model)
    model.save_pretrained(path)
    inner.save(str(path / "tokenizer.json"))
    inner.enable_padding(pad_id=padding)
    encoded = inner.encode_batch(TEXTS)
    ids = torch.tensor([text.ids for text in encoded])
    mask = torch.tensor([text.attention_mask for text in encoded])
    output = body(ids, attention_mask=mask, output_hidden_states=True)
    return {
        "texts": TEXTS,
        "ids": [[i for i, kept in zip(text.ids, text.attention_mask) if kept] for text in encoded],
        "layers": {
            "embeddings": rows(output.hidden_states[0], mask),
            "block 0": rows(output.hidden_states[1], mask),
            "last_hidden_state": rows(output.last_hidden_state, mask),
            "logits": golden(model(ids, attention_mask=mask).logits),
        },
    }


def main():
    goldens = {"peers": {"transformers": transformers.__version__, "torch": torch.__version__}}
    bert, roberta = ("[CLS]", "[PAD]", "[SEP]", "[UNK]"), ("<s>", "<pad>", "</s>", "<unk>")
    config = transformers.DistilBertConfig(
        vocab_size=19, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=20, pad_token_id=1,
        **CLASSES,
    )
    model = transformers.DistilBertForSequenceClassification(config)
    goldens["distilbert"] = of_network("distilbert", model, model.distilbert, tokenizer(bert), 1)

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.XLMRobertaConfig(
        vocab_size=19, max_position_embeddings=22, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5,
        **small, **CLASSES,
    )
    model = transformers.XLMRobertaForSequenceClassification(config)
    goldens["xlm-roberta"] = of_network("xlm-roberta", model, model.roberta, unigram(roberta), 1)

    small["num_hidden_layers"] = 3
    config = transformers.ModernBertConfig(
        vocab_size=19, max_position_embeddings=20, pad_token_id=1, local_attention=6, global_attn_every_n_layers=2,
        classifier_pooling="mean", attn_implementation="eager", **small, **CLASSES,
    )
    model = transformers.ModernBertForSequenceClassification(config)
    goldens["modernbert"] = of_network("modernbert", model, model.model, tokenizer(bert), 1)
    (HERE / "texts.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
