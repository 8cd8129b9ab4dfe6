"""Layers of torchvision's networks as torchinfo counts them.

    python testdata/goldens/summary/make.py

torchinfo counts biases and batch norms as multiply-adds; dl-tools does not, so they are counted here by definition.
"""

import json
from pathlib import Path

import torch
import torchinfo
import torchvision

HERE = Path(__file__).parent
NETWORKS = {"resnet18": 224, "squeezenet1_1": 224, "vgg11_bn": 64, "mobilenet_v2": 96, "alexnet": 224}


def multiply_adds(layer):
    module = layer.module
    if isinstance(module, torch.nn.Conv2d):
        return torch.Size(layer.output_size).numel() * module.weight[0].numel()
    return module.weight.numel() if isinstance(module, torch.nn.Linear) else 0


expected = {"torchinfo": torchinfo.__version__, "torchvision": torchvision.__version__, "networks": {}}
for name, size in NETWORKS.items():
    model = torchvision.models.get_model(name).eval()
    info = torchinfo.summary(model, (1, 3, size, size), verbose=0)
    paths = {module: path for path, module in model.named_modules()}
    leaves = [layer for layer in info.summary_list if layer.is_leaf_layer and list(layer.module.parameters())]
    expected["networks"][name] = {
        "size": size,
        "parameters": info.total_params,
        "multiply_adds": sum(multiply_adds(layer) for layer in leaves),
        "layers": {
            paths[layer.module]: [list(layer.output_size)[1:], layer.num_params, multiply_adds(layer)] for layer in leaves
        },
    }
networks = ",\n".join(f"{json.dumps(name)}: {json.dumps(network)}" for name, network in expected.pop("networks").items())
(HERE / "torchinfo.json").write_text(json.dumps(expected)[:-1] + ',\n"networks": {\n' + networks + "}}\n")
