#!/usr/bin/env python3
"""A step of training of GANs beside PyTorch.

    bench/gan_training.py [--bin DIR] [--rounds N] [--steps N] [--only TEXT]

A step is the discriminator's and the generator's, with Adam; ours includes decoding and resizing the images of the next
batch. The peers, in bench/gan_peers, are given tensors. The programs take turns; each figure is the median over all steps but
the first of each turn; for StyleGAN2, whose R1 is computed on one of 16 steps, the mean over 16. Needs torch and Pillow.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy
import torch
from PIL import Image

from gan_peers.cyclegan import cyclegan
from gan_peers.random import dcgan, vanilla
from gan_peers.srresnet import srresnet
from gan_peers.style import stylegan

THREADS = 2


@dataclass
class Case:
    name: str
    batch: int
    channels: int
    side: int
    words: list[str]
    """Of dl-gan-train."""
    peer: Callable
    """Makes the peer's step for a batch."""
    steps: int | None = None
    """If set, figures are means over so many steps."""


CASES = [
    Case("vanilla, 28 x 28", 64, 1, 28, ["vanilla"], vanilla),
    Case("DCGAN, 32 x 32", 64, 3, 32, ["dcgan"], lambda batch: dcgan(batch, 32)),
    Case("DCGAN, 64 x 64", 64, 3, 64, ["dcgan"], lambda batch: dcgan(batch, 64)),
    Case("SRResNet, 24 x 24 to 96 x 96", 4, 3, 96, ["srgan", "--adversarial", "0"], srresnet),
    Case("CycleGAN, 64 x 64", 1, 3, 64, ["cyclegan", "--patch-layers", "3"], cyclegan),
    Case("StyleGAN2, 32 x 32", 32, 3, 32, ["stylegan", "--width", "0.125", "--style-mixing", "0"], stylegan, 16),
]


def write_records(case, folder):
    """Random images of two domains."""
    records = folder / "train.jsonl"
    with records.open("w") as file:
        for index in range(max(2 * case.batch, 4)):
            shape = (case.side, case.side) if case.channels == 1 else (case.side, case.side, 3)
            pixels = numpy.random.default_rng(index).integers(0, 255, shape, dtype=numpy.uint8)
            path = folder / f"{index}.png"
            Image.fromarray(pixels).save(path)
            file.write(json.dumps({"id": str(index), "image": str(path), "domain": "ab"[index % 2]}) + "\n")
    return records


def ours(options, case, steps, records, folder):
    """Seconds of each step but the first."""
    log = folder / "log.jsonl"
    command = [options.bin / "dl-gan-train", *case.words, records, "--batch", case.batch, "--iterations", steps + 1,
               "--threads", THREADS, "--quiet", "--force", "--checkpoint-every", 0, "--log", log,
               "--output", folder / "model.safetensors"]
    subprocess.run(list(map(str, command)), check=True)
    ends = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    return [later - earlier for earlier, later in zip(ends, ends[1:])]


def compare(options, case):
    """Prints a row."""
    steps, figure = case.steps or options.steps, statistics.mean if case.steps else statistics.median
    step = case.peer(case.batch)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        records = write_records(case, folder)
        step()
        mine, theirs = [], []
        for _ in range(options.rounds):
            mine += ours(options, case, steps, records, folder)
            theirs += [step() for _ in range(steps)]
    mine, theirs = 1000 * figure(mine), 1000 * figure(theirs)
    print(f"| {case.name} | {case.batch} | {mine:.1f} | {theirs:.1f} | {theirs / mine:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--only", default="", help="GANs whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {THREADS} threads of {os.cpu_count()}\n")
    print("| GAN | batch | ours ms | PyTorch ms | PyTorch / ours |\n| --- | --- | --- | --- | --- |")
    for case in CASES:
        if options.only in case.name:
            compare(options, case)


if __name__ == "__main__":
    main()
