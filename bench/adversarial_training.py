#!/usr/bin/env python3
"""A step of adversarial adaptation (DANN) beside PyTorch.

    bench/adversarial_training.py [--bin DIR] [--rounds N] [--steps N] [--only TEXT]

A step is that of dl-finetune adversarial with SGD: a batch of each domain through the network, the loss of the classes of
the source, and the domain classifier behind a reversed gradient; ours includes decoding and resizing the images of the next
batch. The peer is given tensors. Both take turns; each figure is the median over all steps but the first of each turn.
Needs torch, torchvision and Pillow.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional as F

THREADS = 2
CLASSES = 10


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.view_as(x)

    @staticmethod
    def backward(context, gradient):
        return -0.5 * gradient


def lenet5():
    """Up to its last hidden layer, and that layer's width."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Flatten(), nn.Linear(120, 84), nn.ReLU()), 84


def resnet18():
    network = torchvision.models.resnet18()
    network.fc = nn.Identity()
    return network, 512


@dataclass
class Case:
    arch: str
    batch: int
    """Of each domain."""
    channels: int
    side: int
    hidden: list[int]
    """Widths of the domain classifier."""
    features: Callable


CASES = [
    Case("lenet5", 64, 1, 32, [500, 500], lenet5),
    Case("resnet18", 16, 3, 64, [1024, 1024], resnet18),
]


def write_records(case, folder):
    """Random images of two domains."""
    records = folder / "both.jsonl"
    with records.open("w") as file:
        for index in range(4 * case.batch):
            shape = (case.side, case.side) if case.channels == 1 else (case.side, case.side, 3)
            pixels = numpy.random.default_rng(index).integers(0, 255, shape, dtype=numpy.uint8)
            path = folder / f"{index}.png"
            Image.fromarray(pixels).save(path)
            file.write(json.dumps({"id": str(index), "image": str(path), "label": str(index // 2 % CLASSES),
                                   "domain": ["source", "target"][index % 2]}) + "\n")
    return records


def ours(options, case, records, folder):
    """Seconds of each step but the first."""
    log = folder / "log.jsonl"
    command = [options.bin / "dl-finetune", "adversarial", "--method", "dann", "--arch", case.arch, "--size", case.side,
               "--domain-hidden", ",".join(map(str, case.hidden)), "--batch", case.batch, "--iterations", options.steps + 1,
               "--augment", "none", "--threads", THREADS, "--quiet", "--force", "--checkpoint-every", 0, "--log", log,
               "--output", folder / "model.safetensors", records]
    subprocess.run(list(map(str, command)), check=True)
    ends = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    return [later - earlier for earlier, later in zip(ends, ends[1:])]


def peer(case):
    """A step of PyTorch."""
    features, width = case.features()
    head = nn.Linear(width, CLASSES)
    widths = [width, *case.hidden]
    layers = [part for pair in zip(widths, widths[1:]) for part in (nn.Linear(*pair), nn.ReLU())]
    domain = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
    parameters = [weight for part in (features, head, domain) for weight in part.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-4)
    x = torch.rand(2 * case.batch, case.channels, case.side, case.side)
    classes = torch.randint(CLASSES, (case.batch,))
    truth = torch.cat([torch.ones(case.batch, 1), torch.zeros(case.batch, 1)])

    def step():
        hidden = features(x)
        loss = F.cross_entropy(head(hidden[:case.batch]), classes)
        loss = loss + F.binary_cross_entropy_with_logits(domain(Reverse.apply(hidden)), truth)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return loss.item()

    return step


def compare(options, case):
    """Prints a row."""
    step = peer(case)
    step()
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        records = write_records(case, folder)
        for _ in range(options.rounds):
            mine += ours(options, case, records, folder)
            for _ in range(options.steps):
                start = time.perf_counter()
                step()
                theirs.append(time.perf_counter() - start)
    mine, theirs = 1000 * statistics.median(mine), 1000 * statistics.median(theirs)
    name = f"{case.arch}, {case.side} x {case.side}"
    print(f"| {name} | 2 x {case.batch} | {mine:.1f} | {theirs:.1f} | {theirs / mine:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--only", default="", help="networks whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {THREADS} threads of {os.cpu_count()}\n")
    print("| network | batch | ours ms | PyTorch ms | PyTorch / ours |\n| --- | --- | --- | --- | --- |")
    for case in CASES:
        if options.only in case.arch:
            compare(options, case)


if __name__ == "__main__":
    main()
