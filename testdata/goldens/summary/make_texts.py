"""Layers of transformers' BERT, GPT-2 and CLIP as torchinfo and torch's counter of operations see them.

    python testdata/goldens/summary/make_texts.py

The networks are those in testdata/goldens/text. torchinfo counts a layer's weights once per text, not once per token, and
no product of two computed tensors; so a layer's multiply-adds are counted here by definition, and their sum is checked
against torch's FlopCounterMode, which counts every product, including those of attention.
"""

import json
from pathlib import Path

import torch
import torchinfo
import transformers
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertForSequenceClassification, CLIPModel, GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

HERE = Path(__file__).parent
LINEAR = (torch.nn.Linear, torch.nn.Conv2d, Conv1D)


def multiply_adds(layer):
    module, output = layer.module, torch.Size(layer.output_size).numel()
    if isinstance(module, Conv1D):
        return output * module.weight.shape[0]
    return output * module.weight[0].numel() if isinstance(module, LINEAR) else 0


def count(network, prefix, batch):
    network.eval()
    info = torchinfo.summary(network, input_data=batch, verbose=0)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(**batch)
    paths = {module: path.removeprefix(prefix) for path, module in network.named_modules()}
    leaves = [layer for layer in info.summary_list if layer.is_leaf_layer and list(layer.module.parameters())]
    leaves = list({layer.module: layer for layer in leaves}.values())
    seen, layers = set(), {}
    for layer in leaves:
        # A tied weight counts in the first layer that has it.
        own = [parameter for parameter in layer.module.parameters() if parameter not in seen]
        seen.update(own)
        parameters = sum(parameter.numel() for parameter in own)
        assert parameters == layer.num_params or paths[layer.module] == "lm_head"
        layers[paths[layer.module]] = [list(layer.output_size)[1:], parameters, multiply_adds(layer)]
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": flops // 2,
        "layers": layers,
    }


def load(kind, name):
    return kind.from_pretrained(HERE.parent / "text" / name, attn_implementation="eager")


def tokens(count):
    return {"input_ids": torch.ones(1, count, dtype=torch.long)}


networks = {}
for count_of_tokens in (24, 7):
    bert = count(load(BertForSequenceClassification, "bert"), "bert.", tokens(count_of_tokens))
    networks[f"bert/{count_of_tokens}"] = bert
for count_of_tokens in (72, 5):
    gpt2 = count(load(GPT2LMHeadModel, "gpt2"), "transformer.", tokens(count_of_tokens))
    networks[f"gpt2/{count_of_tokens}"] = gpt2
image = {"pixel_values": torch.zeros(1, 3, 12, 12)}
networks["clip/70"] = count(load(CLIPModel, "clip"), "", tokens(70) | image)
expected = {"torch": torch.__version__, "torchinfo": torchinfo.__version__, "transformers": transformers.__version__}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(network)}" for name, network in networks.items())
(HERE / "texts.json").write_text(json.dumps(expected)[:-1] + ',\n"networks": {\n' + lines + "}}\n")
