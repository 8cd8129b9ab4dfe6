#!/usr/bin/env python3
"""Write weights.jsonl, the table of weights that `dl-model fetch NAME` downloads.

    pip download --no-deps --dest wheel torchvision==0.29.2
    ./weights.py wheel/torchvision-*.whl > weights.jsonl

The rows of torchvision are read from the source of its model registry in the wheel, without importing it: torch is not
needed. A file's name ends in the first 8 digits of its SHA-256, which torch.hub checks as well. The other rows are
listed below: their digests are those of the hub's large-file pointers at the given commit.
"""

import ast
import json
import re
import sys
import zipfile

# The networks of torchvision that dl-tools supports, by the name of torchvision's class of their weights.
SUPPORTED = {
    "AlexNet": "alexnet",
    "GoogLeNet": "googlenet",
    "Inception_V3": "inception_v3",
    "MobileNet_V2": "mobilenet_v2",
    "MobileNet_V3_Large": "mobilenet_v3_large",
    "MobileNet_V3_Small": "mobilenet_v3_small",
    "ResNet18": "resnet18",
    "ResNet34": "resnet34",
    "ResNet50": "resnet50",
    "ResNet101": "resnet101",
    "ResNet152": "resnet152",
    "SqueezeNet1_0": "squeezenet1_0",
    "SqueezeNet1_1": "squeezenet1_1",
    "VGG11": "vgg11",
    "VGG11_BN": "vgg11_bn",
    "VGG13": "vgg13",
    "VGG13_BN": "vgg13_bn",
    "VGG16": "vgg16",
    "VGG16_BN": "vgg16_bn",
    "VGG19": "vgg19",
    "VGG19_BN": "vgg19_bn",
}
MODULES = ["alexnet", "googlenet", "inception", "mobilenetv2", "mobilenetv3", "resnet", "squeezenet", "vgg"]
MIB = 1 << 20

# timm states Apache-2.0 for both. The weights of CLIP state no license; that of OpenAI's code is MIT.
BY_HAND = [
    {
        "name": "mobilenet_v1",
        "source": "hf:timm/mobilenetv1_100.ra4_e3600_r224_in1k@6e88b523abded44469eafcd52f7832d5e0300b1b:model.safetensors",
        "license": "Apache-2.0",
        "labels": "imagenet",
    },
    {
        "name": "xception",
        "source": "hf:timm/legacy_xception.tf_in1k:model.safetensors",
        "license": "Apache-2.0",
        "labels": "imagenet",
    },
    {
        "name": "bert",
        "source": "hf:google-bert/bert-base-uncased@86b5e0934494bd15c9632b12f734a8a67f723594",
        "sha256": "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
        "bytes": 440449768,
        "license": "Apache-2.0",
    },
    {
        "name": "clip",
        "source": "hf:openai/clip-vit-base-patch32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
        "sha256": "a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
        "bytes": 605247071,
        "license": "MIT (of OpenAI's code; the weights state none)",
    },
    {
        "name": "gpt2",
        "source": "hf:openai-community/gpt2@607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "sha256": "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        "bytes": 548105171,
        "license": "MIT",
    },
]


def constants(node):
    """The keyword arguments of a call, or the entries of a dict, that are literals."""
    pairs = [(k.arg, k.value) for k in node.keywords] if isinstance(node, ast.Call) else zip(node.keys, node.values)
    found = {}
    for key, value in pairs:
        key = key.value if isinstance(key, ast.Constant) else key
        if isinstance(value, ast.Dict):
            found[key] = constants(value)
        elif isinstance(value, ast.Call):
            found[key] = constants(value)
        elif isinstance(value, ast.Constant):
            found[key] = value.value
    return found


def rows(source, version):
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef) or not node.name.endswith("_Weights"):
            continue
        name = SUPPORTED.get(node.name.removesuffix("_Weights"))
        members = {assign.targets[0].id: assign.value for assign in node.body if isinstance(assign, ast.Assign)}
        if name is None:
            continue
        default = members.pop("DEFAULT").id
        for tag in sorted(members, key=lambda tag: tag != default):
            weights = constants(members[tag])
            # Weights without a classifier are not a whole model.
            if not re.fullmatch(r"IMAGENET1K_V\d", tag):
                continue
            transforms = weights["transforms"]
            yield {
                "name": name if tag == default else f"{name}@{tag.rsplit('_', 1)[1].lower()}",
                "source": weights["url"],
                "sha256": re.search(r"-([0-9a-f]{8})\.pth$", weights["url"])[1],
                "bytes": round(weights["meta"]["_file_size"] * MIB),
                "license": "BSD-3-Clause",
                "labels": "imagenet",
                "shorter": transforms.get("resize_size", 256),
                "top1": weights["meta"]["_metrics"]["ImageNet-1K"]["acc@1"],
                "origin": f"torchvision {version}, {node.name}.{tag}",
            }


def main():
    wheel = sys.argv[1]
    version = re.search(r"torchvision-([0-9.]+)", wheel)[1]
    with zipfile.ZipFile(wheel) as files:
        found = [
            row
            for module in MODULES
            for row in rows(files.read(f"torchvision/models/{module}.py").decode(), version)
        ]
    missing = set(SUPPORTED.values()) - {row["name"] for row in found}
    assert not missing, f"not in this torchvision: {missing}"
    for row in sorted(found + BY_HAND, key=lambda row: row["name"]):
        print(json.dumps(row))


main()
