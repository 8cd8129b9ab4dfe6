#!/usr/bin/env python3
"""Goldens of image networks in the folders of Hugging Face and timm: outputs of transformers 5.24.0 and timm 1.0.31
(torch 2.9.1) on weights and images from the formula of ../backbones/formula.py.

    python3 testdata/goldens/transformers/make_images.py

Tiny ViT and DINOv2, without and with registers, are written as `save_pretrained` leaves them, with the
preprocessor_config.json of the public files in their size. The sizes of ConvNeXt and EfficientNet are fixed: the Rust
tests repeat the formula. Of each output, `picked` has 64 numbers at equal distances.
"""

import json
import shutil
import sys
from pathlib import Path

import timm
import torch
import transformers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from formula import formula, signed  # noqa: E402


def fill(model, gain=3.0):
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(formula(name, tuple(tensor.shape), gain))
    return model.eval()


def golden(output):
    numbers = output.detach().double().flatten()
    picked = numbers[:: max(1, len(numbers) // 64)][:64]
    return {
        "shape": list(output.shape),
        "sum": float(numbers.sum()),
        "size": float(numbers.abs().sum()),
        "picked": [float(f"{x:.7g}") for x in picked],
    }


def folder(name, model, processor):
    path = HERE / name
    shutil.rmtree(path, ignore_errors=True)
    model.save_pretrained(path)
    (path / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


def of_transformers(model, body, images, **options):
    hidden = body(images, output_hidden_states=True, **options)
    layers = {"embeddings": hidden.hidden_states[0], "layernorm": hidden.last_hidden_state}
    layers["encoder.layer.0"] = hidden.hidden_states[1]
    return {name: golden(output) for name, output in layers.items()}


@torch.no_grad()
def main():
    peers = {"transformers": transformers.__version__, "timm": timm.__version__, "torch": torch.__version__}
    goldens = {"peers": peers}
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 28, "patch_size": 7}
    names = {0: "stop", 1: "go", 2: "turn"}
    labels = {"id2label": names, "label2id": {name: index for index, name in names.items()}}
    images, wide = signed("images", (2, 3, 28, 28)), signed("wide", (2, 3, 21, 42))

    vit = transformers.ViTForImageClassification(transformers.ViTConfig(**small, intermediate_size=48, **labels))
    fill(vit)
    goldens["vit"] = of_transformers(vit, vit.vit, images) | {"logits": golden(vit(images).logits)}
    goldens["vit wide"] = of_transformers(vit, vit.vit, wide, interpolate_pos_encoding=True)
    of_vit = {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5]}
    folder("vit", vit, of_vit | {"image_std": [0.5, 0.5, 0.5], "resample": 2, "size": {"height": 28, "width": 28}})

    dino = transformers.Dinov2ForImageClassification(transformers.Dinov2Config(**small, mlp_ratio=2, **labels))
    fill(dino)
    goldens["dinov2"] = of_transformers(dino, dino.dinov2, images) | {"logits": golden(dino(images).logits)}
    goldens["dinov2 wide"] = of_transformers(dino, dino.dinov2, wide) | {"logits": golden(dino(wide).logits)}
    # The public files have no head, and are read at another size than they were trained at.
    bit = {"crop_size": {"height": 21, "width": 21}, "do_center_crop": True, "do_resize": True, "resample": 3}
    bit |= {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": {"shortest_edge": 24}}
    folder("dinov2", dino.dinov2, bit)

    config = transformers.Dinov2WithRegistersConfig(**small, mlp_ratio=2, num_register_tokens=4, **labels)
    registers = fill(transformers.Dinov2WithRegistersForImageClassification(config))
    body = registers.dinov2_with_registers
    folder("registers", registers, bit)
    goldens["registers wide"] = of_transformers(registers, body, wide) | {"logits": golden(registers(wide).logits)}

    images = signed("images", (2, 3, 32, 48))
    for name in ["convnext_atto", "convnextv2_atto", "convnext_tiny", "tf_efficientnet_b0", "tf_efficientnet_b1"]:
        model = fill(timm.create_model(name, num_classes=10), gain=6.0 if "eff" in name else 3.0)
        features = model.forward_features(images)
        goldens[name] = {"global_pool": golden(features.mean((2, 3))), "logits": golden(model(images))}
        if "convnext" in name:
            goldens[name]["head.norm"] = golden(model.forward_head(features, pre_logits=True))
    theirs = fill(transformers.ConvNextForImageClassification(transformers.ConvNextConfig(num_labels=10)))
    pooled = theirs.convnext(images).pooler_output
    goldens["convnext of transformers"] = {"head.norm": golden(pooled), "logits": golden(theirs(images).logits)}
    (HERE / "images.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
