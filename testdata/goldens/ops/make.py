#!/usr/bin/env python3
"""Goldens of the layers: torch's and torchvision's results and gradients on numbers given by a formula.

    python3 testdata/goldens/ops/make.py

Number i of input NAME is 2 mix(NAME, i) - 1, in f32; the formula is repeated in crates/dl-ops/tests/torch.rs. Gradients are
those of sum(y * (2 mix("loss", i) - 1)). Computed in double precision, written with 6 digits.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision


def mix(name, count):
    """`count` numbers in [0, 1): murmur's last step on a counter that starts at FNV-1a of the name."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = (start + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return (h ^ (h >> 16)).astype(np.float64) / 2.0**32


def formula(name, shape):
    numbers = (2.0 * mix(name, math.prod(shape)) - 1.0).astype(np.float32)
    return torch.from_numpy(numbers).double().reshape(shape)


def numbers(tensor):
    return [float(f"{value:.6g}") for value in tensor.detach().flatten().tolist()]


def case(op, shapes, options, f):
    inputs = {name: formula(name, shape).requires_grad_() for name, shape in shapes.items()}
    y, *others = f(**inputs)
    (y * formula("loss", y.shape)).sum().backward()
    return {
        "op": op,
        "inputs": shapes,
        "options": options,
        "shape": list(y.shape),
        "y": numbers(y),
        "others": [numbers(other) for other in others],
        "gradients": {name: numbers(x.grad) for name, x in inputs.items()},
    }


cases = []


def batch_norm(shape, training):
    c = shape[1]
    mean, variance = formula("mean", [c]), formula("variance", [c]).abs() + 0.1
    shapes = {"x": shape, "weight": [c], "bias": [c]}

    def f(x, weight, bias):
        y = F.batch_norm(x, mean, variance, weight, bias, training, momentum=0.1, eps=1e-5)
        return (y, mean, variance) if training else (y,)

    cases.append(case("batch_norm", shapes, {"training": training}, f))


batch_norm([3, 4, 3, 2], True)
batch_norm([5, 3], True)
batch_norm([2, 3, 2, 3], False)

for size, alpha, beta, k in [(5, 1e-4, 0.75, 1.0), (5, 3.0, 0.75, 2.0), (4, 2.0, 0.6, 1.0)]:
    options = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    cases.append(case("local_response_norm", {"x": [2, 7, 2, 3]}, options,
                      lambda x, o=options: (F.local_response_norm(x, **o),)))

for op in ["softmax", "log_softmax"]:
    for dim in [0, 1, 2]:
        cases.append(case(op, {"x": [2, 5, 3]}, {"dim": dim}, lambda x, op=op, dim=dim: (getattr(F, op)(x, dim),)))

targets = [3, 0, 4, 4, 1]
cases.append(case("cross_entropy", {"x": [5, 6]}, {"targets": targets},
                  lambda x: (F.cross_entropy(x, torch.tensor(targets)),)))

for options in [{"size": [7, 9]}, {"size": [3, 2]}, {"size": [10, 1]}, {"scale_factor": [2.0, 2.0]},
                {"scale_factor": [1.7, 0.6]}]:
    for mode in [{"mode": "nearest"}, {"mode": "bilinear", "align_corners": False},
                 {"mode": "bilinear", "align_corners": True}]:
        # Single precision: the choice of the nearest pixel is torch's for floats.
        cases.append(case("resize", {"x": [1, 2, 5, 4]}, options | mode,
                          lambda x, o=options | mode: (F.interpolate(x.float(), **o).double(),)))

for x, weight, options in [
    ([1, 3, 3, 2], [3, 2, 3, 3], {}),
    ([1, 2, 3, 2], [2, 3, 4, 4], {"stride": [2, 2], "padding": [1, 1]}),
    ([2, 2, 2, 3], [2, 1, 3, 3], {"stride": [2, 3], "padding": [1, 0], "output_padding": [1, 2]}),
    ([1, 4, 2, 3], [4, 2, 3, 2], {"stride": [2, 1], "groups": 2}),
    ([1, 2, 3, 3], [2, 2, 3, 2], {"stride": [2, 2], "padding": [2, 1], "dilation": [3, 2], "output_padding": [2, 0]}),
]:
    shapes = {"x": x, "weight": weight, "bias": [weight[1] * options.get("groups", 1)]}
    cases.append(case("conv_transpose2d", shapes, options,
                      lambda x, weight, bias, o=options: (F.conv_transpose2d(x, weight, bias, **o),)))

boxes = [
    [0, 1.0, 2.0, 9.0, 7.0],
    [1, 3.1, 3.2, 3.9, 4.1],
    [1, -4.0, -3.0, 5.0, 6.0],
    [0, 6.5, 7.0, 30.0, 25.0],
    [1, 100.0, 100.0, 120.0, 130.0],
    [0, 0.0, 0.0, 16.0, 13.0],
]
for aligned in [False, True]:
    for sampling_ratio in [-1, 2]:
        options = {"output_size": [3, 2], "spatial_scale": 0.5, "sampling_ratio": sampling_ratio, "aligned": aligned}
        cases.append(case("roi_align", {"x": [2, 2, 6, 7]}, options | {"boxes": boxes},
                          lambda x, o=options: (torchvision.ops.roi_align(x, torch.tensor(boxes).double(), **o),)))
options = {"output_size": [3, 2], "spatial_scale": 0.5}
cases.append(case("roi_pool", {"x": [2, 2, 6, 7]}, options | {"boxes": boxes},
                  lambda x: (torchvision.ops.roi_pool(x, torch.tensor(boxes).double(), **options),)))

for pooling in ["avg", "max"]:
    for ceil_mode in [False, True]:
        for count_include_pad in [True, False]:
            options = {"kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 1], "ceil_mode": ceil_mode}
            if pooling == "avg":
                options["count_include_pad"] = count_include_pad
            elif not count_include_pad:
                continue
            function = getattr(F, f"{pooling}_pool2d")
            cases.append(case(f"{pooling}_pool2d", {"x": [1, 2, 6, 7]}, options,
                              lambda x, f=function, o=options: (f(x, **o),)))
for size in [[1, 1], [4, 3]]:
    cases.append(case("adaptive_avg_pool2d", {"x": [1, 2, 6, 7]}, {"size": size},
                      lambda x, size=size: (F.adaptive_avg_pool2d(x, size),)))

# darknet's [maxpool]: padding is half before the map and the rest after it, and counts as -inf.
for kernel, stride, padding in [(2, 1, 1), (2, 2, 1), (3, 2, 2), (5, 1, 4)]:
    before, after = padding // 2, padding - padding // 2
    options = {"darknet": [kernel, stride, padding]}
    cases.append(case("max_pool2d", {"x": [1, 2, 6, 7]}, options,
                      lambda x, k=kernel, s=stride, b=before, a=after:
                      (F.max_pool2d(F.pad(x, (b, a, b, a), value=-math.inf), k, s),)))

for slope in [0.1, 0.2]:
    cases.append(case("leaky_relu", {"x": [2, 3, 4]}, {"slope": slope}, lambda x, s=slope: (F.leaky_relu(x, s),)))
for op in ["sigmoid", "tanh"]:
    # Numbers between -6 and 6.
    cases.append(case(op, {"x": [2, 3, 4]}, {"times": 6.0}, lambda x, op=op: (getattr(torch, op)(6.0 * x),)))

# SSD's norm of conv4_3: torchvision's, and Caffe's.
for options in [{"at_least": 1e-12}, {"at_least": 1.5}, {"added": 1e-10}, {"added": 0.5}]:
    def l2_norm(x, weight, o=options):
        if "at_least" in o:
            y = F.normalize(x, dim=1, eps=o["at_least"])
        else:
            y = x / (x.square().sum(1, keepdim=True) + o["added"]).sqrt()
        return (y * weight.reshape(1, -1, 1, 1),)

    cases.append(case("l2_norm", {"x": [2, 5, 3, 2], "weight": [5]}, options, l2_norm))

# A convolution with filters of its own at every place: darknet's [local].
for x, filters, options in [
    ([2, 3, 4, 5], 2, {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]}),
    ([1, 2, 5, 6], 3, {"kernel": [3, 2], "stride": [2, 2], "padding": [0, 1]}),
]:
    def local(x, weight, bias, o=options):
        columns = F.unfold(x, o["kernel"], stride=o["stride"], padding=o["padding"])
        y = torch.einsum("pfi,nip->nfp", weight, columns)
        return (y.reshape(-1, *bias.shape) + bias,)

    height, width = ((x[2 + axis] + 2 * options["padding"][axis] - options["kernel"][axis]) // options["stride"][axis] + 1
                     for axis in range(2))
    shapes = {"x": x, "weight": [height * width, filters, x[1] * math.prod(options["kernel"])],
              "bias": [filters, height, width]}
    cases.append(case("locally_connected2d", shapes, options, local))

# What generators need.
for affine in [False, True]:
    shapes = {"x": [2, 3, 4, 5]} | ({"weight": [3], "bias": [3]} if affine else {})
    cases.append(case("instance_norm", shapes, {"affine": affine},
                      lambda x, weight=None, bias=None: (F.instance_norm(x, weight=weight, bias=bias, eps=1e-5),)))
for factor in [2, 3]:
    cases.append(case("pixel_shuffle", {"x": [2, 2 * factor * factor, 3, 2]}, {"factor": factor},
                      lambda x, r=factor: (F.pixel_shuffle(x, r),)))
for slopes in [1, 4]:
    cases.append(case("prelu", {"x": [2, 4, 3, 2], "weight": [slopes]}, {}, lambda x, weight: (F.prelu(x, weight),)))
for left, right, top, bottom in [(3, 3, 3, 3), (0, 2, 1, 3)]:
    options = {"left": left, "right": right, "top": top, "bottom": bottom}
    cases.append(case("reflection_pad2d", {"x": [2, 2, 4, 5]}, options,
                      lambda x, sides=(left, right, top, bottom): (F.pad(x, sides, mode="reflect"),)))
# Numbers between -30 and 30.
cases.append(case("softplus", {"x": [2, 3, 4]}, {"times": 30.0}, lambda x: (F.softplus(30.0 * x),)))


def modulated(x, weight, styles):
    """StyleGAN2's: a weight for each sample, as groups of one convolution."""
    n, c, h, w = x.shape
    own = weight.unsqueeze(0) * styles.reshape(n, 1, c, 1, 1)
    own = own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    y = F.conv2d(x.reshape(1, n * c, h, w), own.flatten(0, 1), padding=1, groups=n)
    return (y.reshape(n, -1, h, w),)


cases.append(case("modulated_conv2d", {"x": [2, 3, 4, 5], "weight": [4, 3, 3, 3], "styles": [2, 3]}, {}, modulated))

golden = {"made_with": f"torch {torch.__version__}, torchvision {torchvision.__version__}", "cases": cases}
path = Path(__file__).with_name("torch.json")
text = json.dumps(golden, separators=(",", ":")).replace('{"op"', '\n{"op"')
path.write_text(text + "\n")
print(f"{len(cases)} cases, {len(text)} bytes")
