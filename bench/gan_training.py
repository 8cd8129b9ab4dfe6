#!/usr/bin/env python3
"""A step of training of GANs beside PyTorch.

    bench/gan_training.py [--bin DIR] [--rounds N] [--steps N]

A step is the discriminator's and the generator's, with Adam, on a batch of 64, or SRResNet's alone on a batch of 4; ours includes decoding and resizing the
images of the next batch. The peer is the loop of pytorch/examples' dcgan and PyTorch-GAN's gan.py, in train mode, given
tensors; SRResNet's is the generator of leftthomas/SRGAN with 16 blocks. The programs take turns; each figure is the median over all steps but the first of each turn. Needs torch and
Pillow.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import nn

THREADS, BATCH = 2, 64


def vanilla():
    def block(inputs, outputs, norm=True):
        layers = [nn.Linear(inputs, outputs)] + ([nn.BatchNorm1d(outputs)] if norm else [])
        return layers + [nn.LeakyReLU(0.2)]

    generator = nn.Sequential(*block(100, 128, False), *block(128, 256), *block(256, 512), *block(512, 1024),
                              nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256),
                                  nn.LeakyReLU(0.2), nn.Linear(256, 1))
    return generator, discriminator, lambda: torch.randn(BATCH, 100), (1, 28)


def dcgan(side):
    doublings = {32: 3, 64: 4}[side]
    channels = [64 << index for index in range(doublings)]
    layers = [nn.ConvTranspose2d(100, channels[-1], 4, 1, 0, bias=False), nn.BatchNorm2d(channels[-1]), nn.ReLU(True)]
    for wide, narrow in zip(channels[::-1], channels[-2::-1]):
        layers += [nn.ConvTranspose2d(wide, narrow, 4, 2, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(True)]
    generator = nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())
    layers = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for narrow, wide in zip(channels, channels[1:]):
        layers += [nn.Conv2d(narrow, wide, 4, 2, 1, bias=False), nn.BatchNorm2d(wide), nn.LeakyReLU(0.2, True)]
    discriminator = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, 1, 0, bias=False))
    return generator, discriminator, lambda: torch.randn(BATCH, 100, 1, 1), (3, side)


# Name, options of dl-gan-train, networks.
GANS = [
    ("vanilla, 28 x 28", ["vanilla"], vanilla),
    ("DCGAN, 32 x 32", ["dcgan"], lambda: dcgan(32)),
    ("DCGAN, 64 x 64", ["dcgan"], lambda: dcgan(64)),
]


def peer(generator, discriminator, latents, real):
    cross = nn.BCEWithLogitsLoss()
    optimizers = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (discriminator, generator)]
    ones, zeros = torch.ones(BATCH), torch.zeros(BATCH)

    def step():
        start = time.perf_counter()
        discriminator.zero_grad()
        cross(discriminator(real).flatten(), ones).backward()
        made = generator(latents())
        cross(discriminator(made.detach()).flatten(), zeros).backward()
        optimizers[0].step()
        generator.zero_grad()
        cross(discriminator(made).flatten(), ones).backward()
        optimizers[1].step()
        return time.perf_counter() - start

    return step


class Block(nn.Module):
    """A residual block of SRResNet."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.PReLU(),
                                  nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64))

    def forward(self, x):
        return x + self.body(x)


class SrResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 64, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(*[Block() for _ in range(16)], nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64))
        up = [nn.Conv2d(64, 256, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
        again = [nn.Conv2d(64, 256, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
        self.last = nn.Sequential(*up, *again, nn.Conv2d(64, 3, 9, padding=4))

    def forward(self, x):
        x = self.first(x)
        return (torch.tanh(self.last(x + self.body(x))) + 1) / 2


def peer_pairs(low, high):
    network = SrResNet()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)

    def step():
        start = time.perf_counter()
        optimizer.zero_grad()
        nn.functional.mse_loss(network(low), high).backward()
        optimizer.step()
        return time.perf_counter() - start

    return step


def ours(options, words, records, folder, batch=BATCH):
    """Seconds of each step but the first."""
    log = folder / "log.jsonl"
    command = [options.bin / "dl-gan-train", *words, records, "--batch", batch, "--iterations", options.steps + 1,
               "--threads", THREADS, "--quiet", "--force", "--checkpoint-every", 0, "--log", log,
               "--output", folder / "model.safetensors"]
    subprocess.run(list(map(str, command)), check=True)
    ends = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    return [later - earlier for earlier, later in zip(ends, ends[1:])]


def compare(options, name, words, shape, step, batch):
    """Prints a row: `step` is the peer's, `shape` the channels and the side of the images."""
    channels, side = shape
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        records = folder / "train.jsonl"
        with records.open("w") as file:
            for index in range(2 * batch):
                pixels = numpy.random.default_rng(index).integers(
                    0, 255, (side, side) if channels == 1 else (side, side, 3), dtype=numpy.uint8)
                path = folder / f"{index}.png"
                Image.fromarray(pixels).save(path)
                file.write(json.dumps({"id": str(index), "image": str(path)}) + "\n")
        step()
        taken = {"ours": [], "peer": []}
        for _ in range(options.rounds):
            taken["ours"] += ours(options, words, records, folder, batch)
            taken["peer"] += [step() for _ in range(options.steps)]
        mine, theirs = (1000 * statistics.median(taken[side]) for side in ("ours", "peer"))
        print(f"| {name} | {mine:.1f} | {theirs:.1f} | {theirs / mine:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {THREADS} threads of {os.cpu_count()}\n")
    print("| GAN, batch of 64 | ours ms | PyTorch ms | PyTorch / ours |\n| --- | --- | --- | --- |")
    for name, words, make in GANS:
        generator, discriminator, latents, (channels, side) = make()
        step = peer(generator, discriminator, latents, torch.rand(BATCH, channels, side, side) * 2 - 1)
        compare(options, name, words, (channels, side), step, BATCH)
    step = peer_pairs(torch.rand(4, 3, 24, 24), torch.rand(4, 3, 96, 96))
    compare(options, "SRResNet, 24 x 24 to 96 x 96, batch of 4", ["srgan", "--adversarial", 0], (3, 96), step, 4)


if __name__ == "__main__":
    main()
