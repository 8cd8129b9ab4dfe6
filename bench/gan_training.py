#!/usr/bin/env python3
"""A step of training of GANs beside PyTorch.

    bench/gan_training.py [--bin DIR] [--rounds N] [--steps N]

A step is the discriminator's and the generator's, with Adam, on a batch of 64; ours includes decoding and resizing the
images of the next batch. The peer is the loop of pytorch/examples' dcgan and PyTorch-GAN's gan.py, in train mode, given
tensors. StyleGAN2 has an eighth of its channels and R1 on one of 16 steps, without style mixing; the peer is written from the
paper's formulas, in torch's own operations. CycleGAN is pytorch-CycleGAN-and-pix2pix's without its pool. The programs take turns; each figure is the median over all steps but the first
of each turn, for StyleGAN2 the mean over 16 steps. Needs torch and Pillow.
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
from torch.nn import functional

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


def filtered(x, up=1, down=1, before=0, after=0):
    """StyleGAN2's filter [1, 3, 3, 1] as a depthwise convolution."""
    channels = x.shape[1]
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    taps = (torch.outer(taps, taps) / 64 * up * up).expand(channels, 1, 4, 4)
    if up > 1:
        return functional.conv_transpose2d(x, taps, stride=2, padding=1, groups=channels)
    return functional.conv2d(functional.pad(x, (before, after, before, after)), taps, stride=down, groups=channels)


class Dense(nn.Module):
    def __init__(self, inputs, outputs, rate=1.0, bias=0.0):
        super().__init__()
        self.weight, self.rate = nn.Parameter(torch.randn(outputs, inputs) / rate), rate
        self.bias = nn.Parameter(torch.full([outputs], bias))

    def forward(self, x):
        return functional.linear(x, self.weight * (self.rate / self.weight.shape[1] ** 0.5), self.bias * self.rate)


class Conv(nn.Module):
    def __init__(self, inputs, outputs, side, stride=1, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, side, side))
        self.bias, self.stride = nn.Parameter(torch.zeros(outputs)) if bias else None, stride

    def forward(self, x):
        weight = self.weight / self.weight[0].numel() ** 0.5
        padding = self.weight.shape[-1] // 2 if self.stride == 1 else 0
        return functional.conv2d(x, weight, self.bias, self.stride, padding)


def leaky(x):
    return functional.leaky_relu(x, 0.2) * 2 ** 0.5


class Modulated(nn.Module):
    """Scales of the input and the output instead of a weight for each sample, as the authors' code has it in training."""

    def __init__(self, columns, inputs, outputs, side, doubles=False, demodulates=True):
        super().__init__()
        self.affine, self.weight = Dense(columns, inputs, bias=1.0), nn.Parameter(torch.randn(outputs, inputs, side, side))
        self.bias, self.strength = nn.Parameter(torch.zeros(outputs)), nn.Parameter(torch.zeros([]))
        self.doubles, self.demodulates = doubles, demodulates

    def forward(self, x, w):
        styles, weight = self.affine(w), self.weight / self.weight[0].numel() ** 0.5
        x = x * styles[:, :, None, None]
        if self.doubles:
            y = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            y = 4 * filtered(y, before=1, after=1)
        else:
            y = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if not self.demodulates:
            return y + self.bias[None, :, None, None]
        y = y * (styles.square() @ weight.square().sum((2, 3)).t() + 1e-8).rsqrt()[:, :, None, None]
        y = y + torch.randn(len(x), 1, *y.shape[2:]) * self.strength
        return leaky(y + self.bias[None, :, None, None])


class StyleGenerator(nn.Module):
    def __init__(self, channels, doublings):
        super().__init__()
        self.mapping = nn.ModuleList([Dense(channels, channels, 0.01) for _ in range(8)])
        self.constant = nn.Parameter(torch.randn(1, channels, 4, 4))
        layer = lambda **options: Modulated(channels, channels, channels, 3, **options)
        self.first = nn.ModuleList([layer(doubles=True) for _ in range(doublings)])
        self.second = nn.ModuleList([layer() for _ in range(doublings + 1)])
        self.images = nn.ModuleList([Modulated(channels, channels, 3, 1, demodulates=False) for _ in range(doublings + 1)])

    def forward(self, z):
        w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for layer in self.mapping:
            w = leaky(layer(w))
        x = self.second[0](self.constant.expand(len(z), -1, -1, -1), w)
        image = self.images[0](x, w)
        for first, second, to_image in zip(self.first, self.second[1:], self.images[1:]):
            x = second(first(x, w), w)
            image = filtered(image, up=2) + to_image(x, w)
        return image


class StyleDiscriminator(nn.Module):
    def __init__(self, channels, halvings):
        super().__init__()
        self.image = Conv(3, channels, 1)
        blocks = lambda make: nn.ModuleList([make() for _ in range(halvings)])
        self.first = blocks(lambda: Conv(channels, channels, 3))
        self.second = blocks(lambda: Conv(channels, channels, 3, stride=2))
        self.skip = blocks(lambda: Conv(channels, channels, 1, bias=False))
        self.conv, self.linear, self.last = Conv(channels + 1, channels, 3), Dense(channels * 16, channels), Dense(channels, 1)

    def forward(self, x):
        x = leaky(self.image(x))
        for first, second, skip in zip(self.first, self.second, self.skip):
            y = leaky(second(filtered(leaky(first(x)), before=2, after=2)))
            x = (y + skip(filtered(x, down=2, before=1, after=1))) * 0.5 ** 0.5
        deviation = (x.reshape(4, -1, *x.shape[1:]).var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        x = torch.cat([x, deviation.repeat(4)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        return self.last(leaky(self.linear(leaky(self.conv(x)).flatten(1)))).flatten()


def stylegan():
    return StyleGenerator(64, 3), StyleDiscriminator(64, 3), lambda: torch.randn(32, 64), (3, 32)


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.block = nn.Sequential(*half, nn.ReLU(True), *other)

    def forward(self, x):
        return x + self.block(x)


def cyclegan():
    """Of CycleGAN: both generators and both discriminators."""
    def normed(layer, channels):
        return [layer, nn.InstanceNorm2d(channels), nn.ReLU(True)]

    def generator():
        layers = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, 64, 7), 64)]
        layers += normed(nn.Conv2d(64, 128, 3, 2, 1), 128) + normed(nn.Conv2d(128, 256, 3, 2, 1), 256)
        layers += [ResidualBlock(256) for _ in range(6)]
        layers += normed(nn.ConvTranspose2d(256, 128, 3, 2, 1, 1), 128)
        layers += normed(nn.ConvTranspose2d(128, 64, 3, 2, 1, 1), 64)
        return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())

    def discriminator():
        leaky = nn.LeakyReLU(0.2, True)
        layers = [nn.Conv2d(3, 64, 4, 2, 1), leaky]
        for narrow, wide, stride in [(64, 128, 2), (128, 256, 2), (256, 512, 1)]:
            layers += [nn.Conv2d(narrow, wide, 4, stride, 1), nn.InstanceNorm2d(wide), leaky]
        return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 1))

    return [generator(), generator()], [discriminator(), discriminator()], None, (3, 64)


# Name, options of dl-gan-train, networks.
GANS = [
    ("vanilla, 28 x 28", ["vanilla"], vanilla),
    ("DCGAN, 32 x 32", ["dcgan"], lambda: dcgan(32)),
    ("DCGAN, 64 x 64", ["dcgan"], lambda: dcgan(64)),
    ("StyleGAN2, 32 x 32, batch of 32", ["stylegan", "--width", "0.125", "--style-mixing", "0"], stylegan),
    ("CycleGAN, 64 x 64, batch of 1", ["cyclegan", "--patch-layers", "3"], cyclegan),
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


def style_peer(generator, discriminator, latents, real):
    """Non-saturating, R1 on one of 16 steps, and a moving average of the generator."""
    part, gamma = 16 / 17, 0.0002 * 32 * 32 / len(real)
    adam_d = torch.optim.Adam(discriminator.parameters(), 2.5e-3 * part, (0.0, 0.99 ** part))
    adam_g = torch.optim.Adam(generator.parameters(), 2.5e-3, (0.0, 0.99))
    averages = [weight.detach().clone() for weight in generator.parameters()]
    softplus, done = functional.softplus, [0]

    def step():
        start = time.perf_counter()
        discriminator.zero_grad()
        made = generator(latents())
        (softplus(-discriminator(real)).mean() + softplus(discriminator(made.detach())).mean()).backward()
        adam_d.step()
        generator.zero_grad()
        discriminator.requires_grad_(False)
        softplus(-discriminator(made)).mean().backward()
        discriminator.requires_grad_(True)
        adam_g.step()
        if done[0] % 16 == 0:
            discriminator.zero_grad()
            images = real.clone().requires_grad_()
            gradient = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)[0]
            (8 * gamma * gradient.square().sum((1, 2, 3)).mean()).backward()
            adam_d.step()
        with torch.no_grad():
            for average, weight in zip(averages, generator.parameters()):
                average.lerp_(weight, 0.002)
        done[0] += 1
        return time.perf_counter() - start

    return step


def cyclegan_peer(generators, discriminators, _, real):
    """A step on one image of each domain, without a pool."""
    real = [real, real.flip(3)]
    optimizers = [torch.optim.Adam([p for net in nets for p in net.parameters()], 2e-4, (0.5, 0.999))
                  for nets in (generators, discriminators)]
    mse, l1 = nn.MSELoss(), nn.L1Loss()

    def step():
        start = time.perf_counter()
        made = [net(image) for net, image in zip(generators, real)]
        restored = [net(image) for net, image in zip(generators[::-1], made)]
        for net in discriminators:
            net.requires_grad_(False)
        optimizers[0].zero_grad()
        loss = sum(5 * l1(net(image), image) for net, image in zip(generators, real[::-1]))
        loss = loss + sum(10 * l1(image, before) for image, before in zip(restored, real))
        for net, image in zip(discriminators, made):
            scores = net(image)
            loss = loss + mse(scores, torch.ones_like(scores))
        loss.backward()
        optimizers[0].step()
        for net in discriminators:
            net.requires_grad_(True)
        optimizers[1].zero_grad()
        for net, image, fake in zip(discriminators, real[::-1], made):
            scores, of_fake = net(image), net(fake.detach())
            (0.5 * (mse(scores, torch.ones_like(scores)) + mse(of_fake, torch.zeros_like(of_fake)))).backward()
        optimizers[1].step()
        return time.perf_counter() - start

    return step


def ours(options, words, records, folder, batch, steps):
    """Seconds of each step but the first."""
    log = folder / "log.jsonl"
    command = [options.bin / "dl-gan-train", *words, records, "--batch", batch, "--iterations", steps + 1,
               "--threads", THREADS, "--quiet", "--force", "--checkpoint-every", 0, "--log", log,
               "--output", folder / "model.safetensors"]
    subprocess.run(list(map(str, command)), check=True)
    ends = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    return [later - earlier for earlier, later in zip(ends, ends[1:])]


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
    print("| GAN, batch of 64 if not stated | ours ms | PyTorch ms | PyTorch / ours |\n| --- | --- | --- | --- |")
    for name, words, make in [gan for gan in GANS if options.only in gan[0]]:
        generator, discriminator, latents, (channels, side) = make()
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            records = folder / "train.jsonl"
            with records.open("w") as file:
                for index in range(2 * BATCH):
                    shape = (side, side) if channels == 1 else (side, side, 3)
                    pixels = numpy.random.default_rng(index).integers(0, 255, shape, dtype=numpy.uint8)
                    path = folder / f"{index}.png"
                    Image.fromarray(pixels).save(path)
                    record = {"id": str(index), "image": str(path), "domain": "ab"[index % 2]}
                    file.write(json.dumps(record) + "\n")
            styled = words[0] == "stylegan"
            batch, steps = {"stylegan": (32, 16), "cyclegan": (1, options.steps)}.get(words[0], (BATCH, options.steps))
            # One of 16 steps is another one than the rest.
            figure = statistics.mean if styled else statistics.median
            real = torch.rand(batch, channels, side, side) * 2 - 1
            peers = {"stylegan": style_peer, "cyclegan": cyclegan_peer}
            step = peers.get(words[0], peer)(generator, discriminator, latents, real)
            step()
            taken = {"ours": [], "peer": []}
            for _ in range(options.rounds):
                taken["ours"] += ours(options, words, records, folder, batch, steps)
                taken["peer"] += [step() for _ in range(steps)]
            mine, theirs = (1000 * figure(taken[side]) for side in ("ours", "peer"))
            print(f"| {name} | {mine:.1f} | {theirs:.1f} | {theirs / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
