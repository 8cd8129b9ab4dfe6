#!/usr/bin/env python3
"""Goldens of translation without pairs: whole steps of CycleGAN and DiscoGAN in PyTorch, on weights and data from a formula.

    python3 testdata/goldens/gan/make_unpaired.py

The networks and the steps are those of junyanz/pytorch-CycleGAN-and-pix2pix (ResnetGenerator with instance norm,
NLayerDiscriminator, ImagePool, optimize_parameters) and SKTBrain/DiscoGAN (Generator, Discriminator, image_translation.py),
small. Made with torch 2.15.0.
"""

import json
from pathlib import Path

import torch
from make_step import BETAS, RATE, start
from formula import signed
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
SIDES, BATCH = (16, 12), 6
# Of Adam. With a small one, rounding decides about steps along small gradients: PyTorch in single and in double precision
# then differ by 0.002 after four steps of CycleGAN; with this one, by 1e-6.
EPS = 1e-2
# What the pool of each direction does once it is full, by step: None keeps it, a number shows the image at that place and
# puts the new one there. The Rust test checks that its generator of random numbers decides so.
CAPACITY = 2
POOL = [[], [], [0, 0], [1, None], [1, 0]]


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        pad, relu = nn.ReflectionPad2d(1), nn.ReLU()
        self.conv_block = nn.Sequential(pad, nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c), relu, pad, nn.Conv2d(c, c, 3),
                                        nn.InstanceNorm2d(c))

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """ngf 4, one block."""

    def __init__(self, c=4):
        super().__init__()
        norm, relu, pad = nn.InstanceNorm2d, nn.ReLU(), nn.ReflectionPad2d(3)
        self.model = nn.Sequential(
            pad, nn.Conv2d(3, c, 7), norm(c), relu, nn.Conv2d(c, 2 * c, 3, 2, 1), norm(2 * c), relu,
            nn.Conv2d(2 * c, 4 * c, 3, 2, 1), norm(4 * c), relu, Block(4 * c),
            nn.ConvTranspose2d(4 * c, 2 * c, 3, 2, 1, 1), norm(2 * c), relu,
            nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1), norm(c), relu, pad, nn.Conv2d(c, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class PatchGan(nn.Module):
    """ndf 4, one layer with stride 2."""

    def __init__(self, c=4):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        self.model = nn.Sequential(nn.Conv2d(3, c, 4, 2, 1), leaky, nn.Conv2d(c, 2 * c, 4, 1, 1),
                                   nn.InstanceNorm2d(2 * c), leaky, nn.Conv2d(2 * c, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class DiscoGenerator(nn.Module):
    """Two halvings from 4 channels on, and a code of 5 channels."""

    def __init__(self, c=4, code=5):
        super().__init__()
        def conv(a, b, stride=2):
            return nn.Conv2d(a, b, 4, stride, 1 if stride == 2 else 0, bias=False)
        def up(a, b, stride=2):
            return nn.ConvTranspose2d(a, b, 4, stride, 1 if stride == 2 else 0, bias=False)
        leaky, relu, norm = nn.LeakyReLU(0.2), nn.ReLU(), nn.BatchNorm2d
        self.main = nn.Sequential(
            conv(3, c), leaky, conv(c, 2 * c), norm(2 * c), leaky, conv(2 * c, code, 1), norm(code), leaky,
            up(code, 2 * c, 1), norm(2 * c), relu, up(2 * c, c), norm(c), relu, up(c, 3), nn.Sigmoid())

    def forward(self, x):
        return self.main(x)


class DiscoDiscriminator(nn.Module):
    def __init__(self, c=4):
        super().__init__()
        self.conv1 = nn.Conv2d(3, c, 4, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * c)
        self.conv3 = nn.Conv2d(2 * c, 1, 4, 1, 0, bias=False)

    def forward(self, x):
        leaky = nn.LeakyReLU(0.2)
        feature = leaky(self.bn2(self.conv2(leaky(self.conv1(x)))))
        return torch.sigmoid(self.conv3(feature)), [feature]


def networks(generator, discriminator):
    """Generators to B and to A, discriminators of B and of A, with the names of the model files."""
    made = {"": generator(), "back.": generator(), "discriminator.b.": discriminator(), "discriminator.a.": discriminator()}
    for prefix, module in made.items():
        start(module, prefix.rstrip(".") or "generator")
    return made


def adam(modules, decay=0.0):
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return torch.optim.Adam(parameters, RATE, BETAS, EPS, weight_decay=decay)


def summary(made):
    found = {}
    for prefix, module in made.items():
        for name, tensor in module.state_dict().items():
            if tensor.dtype == torch.float32:
                flat = tensor.detach().double().flatten()
                step = max(1, len(flat) // 8)
                found[prefix + name] = [float(f"{value:.9g}") for value in flat[::step][:8].tolist()]
    return found


class ImagePool:
    def __init__(self):
        self.images = []

    def query(self, image, decision):
        if len(self.images) < CAPACITY:
            self.images.append(image)
            return image
        if decision is None:
            return image
        shown, self.images[decision] = self.images[decision], image
        return shown


def cyclegan():
    made = networks(ResnetGenerator, PatchGan)
    to_b, to_a, of_b, of_a = made.values()
    optimizers = [adam([to_b, to_a]), adam([of_b, of_a])]
    pools, l1, mse = [ImagePool(), ImagePool()], functional.l1_loss, functional.mse_loss
    cycle, identity, found = 10.0, 0.5, []
    for step, decisions in enumerate(POOL):
        a, b = (signed(f"{domain}/{step}", (1, 3, *SIDES)) for domain in "ab")
        fake_b, fake_a = to_b(a), to_a(b)
        scores_b, scores_a = of_b(fake_b), of_a(fake_a)
        losses = {"cycle_a": l1(to_a(fake_b), a), "cycle_b": l1(to_b(fake_a), b)}
        same = l1(to_b(b), b) + l1(to_a(a), a)
        deceived = mse(scores_b, torch.ones_like(scores_b)) + mse(scores_a, torch.ones_like(scores_a))
        losses["generator"] = deceived + cycle * (losses["cycle_a"] + losses["cycle_b"]) + cycle * identity * same
        losses["identity"], losses["adversarial"] = same / 2, deceived / 2
        optimizers[0].zero_grad()
        losses["generator"].backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        losses["discriminator"] = 0
        decisions = decisions or [None, None]
        for judge, real, fake, pool, decision in zip((of_b, of_a), (b, a), (fake_b, fake_a), pools, decisions):
            scores, of_fake = judge(real), judge(pool.query(fake.detach(), decision))
            losses["discriminator"] += (
                mse(scores, torch.ones_like(scores)) + mse(of_fake, torch.zeros_like(of_fake))) * 0.5
        losses["discriminator"].backward()
        optimizers[1].step()
        found.append({name: loss.item() for name, loss in losses.items()})
    return {"losses": found, "weights": summary(made), "capacity": CAPACITY, "pool": POOL, "sides": SIDES}


def discogan():
    made = networks(DiscoGenerator, DiscoDiscriminator)
    to_b, to_a, of_b, of_a = made.values()
    decay, interval, warm, shares = 1e-2, 3, 2, (0.01, 0.5)
    optimizers = [adam([to_b, to_a], decay), adam([of_b, of_a], decay)]
    bce, mse, found = nn.BCELoss(), nn.MSELoss(), []

    def matched(real, fake):
        total = 0
        for r, f in zip(real, fake):
            squared = (r.mean(0) - f.mean(0)) ** 2
            total = total + nn.HingeEmbeddingLoss()(squared, torch.ones_like(squared))
        return total

    for step in range(5):
        a, b = (signed(f"{domain}/{step}", (BATCH, 3, 16, 16)) / 2 + 0.5 for domain in "ab")
        for optimizer in optimizers:
            optimizer.zero_grad()
        ab, ba = to_b(a), to_a(b)
        losses = {}
        if step % interval == 0:
            losses["discriminator"] = 0
            for judge, real, fake in ((of_b, b, ab), (of_a, a, ba)):
                (scores, _), (of_fake, _) = judge(real), judge(fake.detach())
                losses["discriminator"] += (
                    bce(scores, torch.ones_like(scores)) + bce(of_fake, torch.zeros_like(of_fake))) * 0.5
            losses["discriminator"].backward()
            optimizers[1].step()
        else:
            rate, losses["generator"] = shares[step >= warm], 0
            for judge, real, fake, restored, before, cycle in (
                    (of_b, b, ab, to_a(ab), a, "cycle_a"), (of_a, a, ba, to_b(ba), b, "cycle_b")):
                losses[cycle] = mse(restored, before)
                (_, of_real), (scores, of_fake) = judge(real), judge(fake)
                deceived = bce(scores, torch.ones_like(scores))
                losses["generator"] += (
                    deceived * 0.1 + matched(of_real, of_fake) * 0.9) * (1 - rate) + losses[cycle] * rate
            losses["generator"].backward()
            optimizers[0].step()
        found.append({name: loss.item() for name, loss in losses.items()})
    return {"losses": found, "weights": summary(made), "batch": BATCH, "decay": decay, "interval": interval, "warm": warm,
            "shares": shares, "code": 5}


def main():
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_unpaired.py",
        "rate": RATE, "betas": BETAS, "eps": EPS, "cyclegan": cyclegan(), "discogan": discogan(),
    }
    text = json.dumps(golden, indent=None, separators=(",", ":"))
    (HERE / "unpaired.json").write_text(text.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
