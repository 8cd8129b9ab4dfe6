#!/usr/bin/env python3
"""Distances by the lpips package, for crates/dl-models/tests/lpips.rs: writes golden.json beside this file.

    python testdata/goldens/lpips/make.py        (lpips, torch, torchvision, numpy)

The weights of the trunks and of their channels are made by the formula of ../backbones, the images by another; the Rust
test repeats both.
"""

import importlib.metadata
import json
import sys
import warnings
from pathlib import Path

import lpips
import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from formula import formula, mix  # noqa: E402

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


def image(width, height, seed):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((3 * x + 5 * y + 40 * c + seed * (x * y) % 31) % 256).astype(np.uint8)


def tensor(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32))[None] / 127.5 - 1


cases = []
for net, calibrated, width, height in [("alex", True, 64, 70), ("squeeze", True, 51, 47), ("squeeze", False, 51, 47)]:
    metric = lpips.LPIPS(net=net, pnet_rand=True, lpips=calibrated, verbose=False).eval()
    # net.slice2.3.weight is the trunk's features.3.weight.
    trunk = {name: formula("features." + name.split(".", 1)[1], value.shape) for name, value in metric.net.state_dict().items()}
    metric.net.load_state_dict(trunk)
    if calibrated:
        for index, lin in enumerate(metric.lins):
            weights = mix(f"{net}.lin{index}.weight", lin.model[1].weight.numel()).astype(np.float32)
            lin.model[1].weight.data = torch.from_numpy(weights).reshape(lin.model[1].weight.shape)
    with torch.no_grad():
        total, layers = metric(tensor(image(width, height, 1)), tensor(image(width, height, 2)), retPerLayer=True)
    cases.append({
        "net": net, "calibrated": calibrated, "width": width, "height": height,
        "total": total.item(), "layers": [layer.item() for layer in layers],
    })

versions = {name: importlib.metadata.version(name) for name in ["lpips", "torch", "torchvision"]}
golden = {"made_by": "testdata/goldens/lpips/make.py", **versions, "cases": cases}
(HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
