#!/usr/bin/env python3
"""Goldens of SigLIP in the folders of Hugging Face: outputs of transformers 5.24.0 (torch 2.9.1, sentencepiece 0.2.3) on
weights from the formula of ../backbones/formula.py.

    python3 testdata/goldens/transformers/make_siglip.py

It needs sentencepiece and protobuf, too. Three tiny networks are written as `save_pretrained` leaves them: `siglip` with
the `spiece.model` and `preprocessor_config.json` of the public files, and 27 pixels that its patches do not divide, as
so400m at 384 pixels; `siglip2` with a Gemma-like tokenizer, as SigLIP 2 at a fixed resolution; `siglip-classes`, a
`SiglipForImageClassification`. `pipeline` has the scores of transformers' zero-shot pipeline for images that the Rust
test draws, too. No text begins with a space: transformers' own class makes an additional token of it, which neither the
published `tokenizer.json` nor the training code does.
"""

import io
import json
from pathlib import Path

import numpy
import sentencepiece
import torch
import transformers
from make_images import fill, folder, golden, signed
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
TEXTS = [
    "a photo of a cat",
    "A photo of 2 Dogs, running!",
    "stop",
    "the  (red)\tsign: go-left [or] right\\ ",
    "na\u00efve caf\u00e9 \u4e2d\u6587 x",
    "the cat sat on the mat, " * 20,
]
LABELS = ["cat", "red sign", "dog running"]
TEMPLATE = "a photo of a {}"


def pieces(path):
    """A SentencePiece model of the public files' kind: unigram, <pad> 0, </s> 1, <unk> 2."""
    corpus = [
        "a photo of a cat sat on the mat", "the dog ran to the red sign", "go left or right and stop",
        "a photo of dogs running on the left", "the cat and the dog go to the mat", "stop at the sign then go right",
    ]
    corpus = [line for index in range(40) for line in [corpus[index % 6], corpus[(index * 5) % 6]]]
    # Not from a file, whose path would be in the model.
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, vocab_size=80, model_type="unigram", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, normalization_rule_name="identity", hard_vocab_limit=False, num_threads=1, minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def gemma_like():
    """Bytes and a few merges, as the tokenizer of SigLIP 2; its file does not say that texts are in lower case."""
    vocabulary = {token: index for index, token in enumerate(["<pad>", "<eos>", "<bos>", "<unk>"])}
    for byte in range(256):
        vocabulary[f"<0x{byte:02X}>"] = len(vocabulary)
    for letter in "\u2581abcdefghijklmnopqrstuvwxyz":
        vocabulary[letter] = len(vocabulary)
    merges = [("c", "a"), ("ca", "t"), ("t", "h"), ("th", "e"), ("\u2581", "the"), ("\u2581", "cat"), ("o", "f")]
    for first, second in merges:
        vocabulary[first + second] = len(vocabulary)
    inner = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    inner.normalizer = normalizers.Replace(" ", "\u2581")
    inner.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    inner.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    inner.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    inner.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    return inner


def picture(height, width):
    """[height, width, 3]; the Rust test has the same formula."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    return ((x * x * (c + 1) // 3 + y * 11 * (3 - c) + x * y) % 256).astype(numpy.uint8)


def made(vocabulary, longest, width, blocks):
    small = {"hidden_size": width, "num_attention_heads": 3, "intermediate_size": 32, "num_hidden_layers": blocks}
    # The default of transformers; the public files have the same.
    assert transformers.SiglipTextConfig().hidden_act == "gelu_pytorch_tanh"
    config = transformers.SiglipConfig(
        text_config=dict(
            small, hidden_size=width - 6, vocab_size=vocabulary, max_position_embeddings=longest, projection_size=width
        ),
        vision_config=dict(small, image_size=27, patch_size=6),
    )
    network = fill(transformers.SiglipModel(config))
    # Between the smallest and the largest score, so that none is 0 or 1.
    network.logit_scale.copy_(torch.tensor([1.2]))
    network.logit_bias.copy_(torch.tensor([-0.7]))
    return network


def outputs(network, ids, images):
    texts = network.text_model(ids, output_hidden_states=True)
    of_images = network.vision_model(images, output_hidden_states=True)
    rows = lambda output: golden(output.flatten(0, 1))  # noqa: E731
    found = network(input_ids=ids, pixel_values=images)
    return {
        "text_layers": {
            "text_model.embeddings": rows(texts.hidden_states[0]),
            "text_model.encoder.layers.0": rows(texts.hidden_states[1]),
            "text_model.final_layer_norm": rows(texts.last_hidden_state),
            "text_embeds": golden(texts.pooler_output),
        },
        "layers": {
            "vision_model.embeddings": golden(of_images.hidden_states[0]),
            "vision_model.encoder.layers.0": golden(of_images.hidden_states[1]),
            "vision_model.post_layernorm": golden(of_images.last_hidden_state),
            "image_embeds": golden(of_images.pooler_output),
        },
        "logits_per_image": golden(found.logits_per_image),
        "probabilities": found.logits_per_image.sigmoid().tolist(),
    }


def gradients(network, ids, images):
    """Of the sum of the scores times numbers from the formula."""
    network.zero_grad()
    images = images.clone().requires_grad_()
    with torch.enable_grad():
        scores = network(input_ids=ids, pixel_values=images).logits_per_image
        (scores * signed("loss", tuple(scores.shape))).sum().backward()
    names = ["logit_scale", "logit_bias", "text_model.head.weight", "text_model.embeddings.token_embedding.weight"]
    names += ["text_model.encoder.layers.0.self_attn.k_proj.weight", "vision_model.head.probe"]
    names += ["vision_model.head.attention.in_proj_weight", "vision_model.head.attention.in_proj_bias"]
    names += ["vision_model.head.mlp.fc1.bias", "vision_model.embeddings.position_embedding.weight"]
    names += ["vision_model.embeddings.patch_embedding.bias", "vision_model.encoder.layers.1.mlp.fc2.weight"]
    parameters = dict(network.named_parameters())
    return {name: golden(parameters[name].grad) for name in names} | {"images": golden(images.grad)}


def scores(network, tokenizer, processor):
    """Of an image that has the size of the input, by the pipeline; of one that is resized, without the pipeline, which
    rounds the pixels to whole numbers."""
    pipeline = transformers.pipeline(
        "zero-shot-image-classification", model=network, tokenizer=tokenizer, image_processor=processor, device="cpu"
    )
    image = Image.fromarray(picture(27, 27))
    found = pipeline(image, candidate_labels=LABELS, hypothesis_template=TEMPLATE)
    texts = [TEMPLATE.format(label) for label in LABELS]
    ids = tokenizer(texts, padding="max_length", max_length=64, return_tensors="pt").input_ids
    image = torch.tensor(picture(30, 44)).permute(2, 0, 1)[None].float()
    image = torch.nn.functional.interpolate(image, (27, 27), mode="bicubic", antialias=True).clamp(0, 255)
    resized = network(input_ids=ids, pixel_values=image / 127.5 - 1).logits_per_image.sigmoid()[0]
    return {
        "27 x 27": {row["label"]: row["score"] for row in found},
        "44 x 30": dict(zip(LABELS, resized.tolist())),
    }


@torch.no_grad()
def main():
    peers = {name.__name__: name.__version__ for name in (transformers, torch, sentencepiece)}
    goldens = {"peers": peers}
    size = {"height": 27, "width": 27}
    processor = {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5]}
    processor |= {"image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5]}
    processor |= {"resample": 3, "rescale_factor": 0.00392156862745098, "size": size}
    images = signed("images", (2, 3, 27, 27))
    resized = transformers.SiglipImageProcessorPil(size=size)

    model = HERE / "siglip-spiece.model"
    pieces(model)
    # As the public files say: no mask, as in training.
    tokenizer = transformers.SiglipTokenizer(str(model), model_max_length=64, model_input_names=["input_ids"])
    network = made(tokenizer.vocab_size, 64, 24, 2)
    folder("siglip", network, processor)
    tokenizer.save_pretrained(HERE / "siglip")
    model.unlink()
    ids = tokenizer(TEXTS, padding="max_length", max_length=64, truncation=True, return_tensors="pt").input_ids
    goldens["siglip"] = {"texts": TEXTS, "ids": ids.tolist()} | outputs(network, ids, images)
    goldens["siglip"]["gradients"] = gradients(network, ids, images)
    goldens["siglip"]["pipeline"] = scores(network, tokenizer, resized)

    inner = gemma_like()
    longest = 40
    network = made(inner.get_vocab_size(), longest, 12, 1)
    folder("siglip2", network, processor)
    inner.save(str(HERE / "siglip2" / "tokenizer.json"))
    config = {"pad_token": "<pad>", "eos_token": "<eos>", "padding_side": "right", "model_input_names": ["input_ids"]}
    (HERE / "siglip2" / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=longest, pad_token="<pad>", eos_token="<eos>", padding_side="right"
    )
    # The paper, section 2: texts are in lower case.
    lower = [text.lower() for text in TEXTS]
    ids = tokenizer(lower, padding="max_length", max_length=longest, truncation=True, return_tensors="pt").input_ids
    goldens["siglip2"] = {"texts": TEXTS, "ids": ids.tolist()} | outputs(network, ids, images)

    names = {0: "stop", 1: "go", 2: "turn"}
    config = network.config.to_dict() | {"id2label": names, "label2id": {name: index for index, name in names.items()}}
    classes = fill(transformers.SiglipForImageClassification(transformers.SiglipConfig(**config)))
    folder("siglip-classes", classes, processor)
    goldens["siglip-classes"] = {
        "layers": {"pooled": golden(classes.vision_model(images).last_hidden_state.mean(1))}
        | {"logits": golden(classes(images).logits)}
    }
    (HERE / "siglip.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
