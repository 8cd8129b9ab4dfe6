#!/usr/bin/env python3
"""Goldens of networks trained on pairs of images: two whole steps of PyTorch, each of the discriminator, the generator, Adam
and the moving average of the generator, on weights and data from a formula.

    python3 testdata/goldens/gan/make_pairs.py

The generators and the discriminator of patches are those of make.py, without dropout; SRGAN's discriminator is that of
Lornatang/SRGAN-PyTorch. The formula is that of ../backbones/formula.py. Made with torch 2.15.0.
"""

import json
import sys
from pathlib import Path

import torch
from make import MSRResNet, NLayerDiscriminator, SrganGenerator, UnetGenerator
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from formula import formula, signed  # noqa: E402

torch.set_num_threads(1)
BATCH, SIDE, STEPS, RATE, BETAS, EMA = 3, 32, 2, 2e-3, (0.5, 0.999), 0.9
# As in make_step.py.
EPS = 1e-4


class SrDiscriminator(nn.Module):
    def __init__(self, c, hidden):
        super().__init__()
        layers, inputs = [], 3
        for index in range(8):
            outputs, stride = c << (index // 2), 1 + index % 2
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=index == 0)]
            layers += [nn.BatchNorm2d(outputs)] if index else []
            layers += [nn.LeakyReLU(0.2)]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        area = (SIDE // 16) ** 2
        self.classifier = nn.Sequential(nn.Linear(8 * c * area, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def start(module, player):
    for name, tensor in module.state_dict().items():
        if tensor.dtype == torch.float32:
            tensor.copy_(formula(f"{player}.{name}", tensor.shape, 2.0))


def luma(x):
    return 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]


def pair(kind, step):
    """The input and the target."""
    target = signed(f"target/{step}", (BATCH, 3, SIDE, SIDE))
    if kind == "srgan":
        return (signed(f"input/{step}", (BATCH, 3, SIDE // 2, SIDE // 2)) + 1) / 2, (target + 1) / 2
    if kind == "complete":
        mask = (signed(f"mask/{step}", (BATCH, 1, SIDE, SIDE)) > 0.3).float()
        return torch.cat([target * (1 - mask), mask], 1), target
    if kind == "colorize":
        return luma(target), target
    return signed(f"input/{step}", (BATCH, 3, SIDE, SIDE)), target


def composed(kind, x, y):
    if kind == "complete":
        return x[:, :3] + y * x[:, 3:]
    if kind == "colorize":
        return y + (x - luma(y))
    return y


def run(kind, generator, discriminator, pixel, pixel_weight, adversarial, critic_weight, variation=0.0):
    start(generator, "generator")
    optimizer = torch.optim.Adam(generator.parameters(), RATE, BETAS, EPS)
    if discriminator:
        start(discriminator, "discriminator")
        of_discriminator = torch.optim.Adam(discriminator.parameters(), RATE, BETAS, EPS)
    averages = {name: tensor.detach().clone() for name, tensor in generator.state_dict().items()
                if tensor.dtype == torch.float32}
    distance = {"l1": functional.l1_loss, "l2": functional.mse_loss}[pixel]
    cross = functional.binary_cross_entropy_with_logits
    found = []
    for step in range(STEPS):
        x, target = pair(kind, step)
        y = generator(x)
        made = composed(kind, x, y)
        shown = (lambda image: image) if kind == "srgan" else (lambda image: torch.cat([x, image], 1))
        losses = {}
        if discriminator:
            of_discriminator.zero_grad()
            real, fake = discriminator(shown(target)), discriminator(shown(made.detach()))
            d = critic_weight * (cross(real, torch.ones_like(real)) + cross(fake, torch.zeros_like(fake)))
            d.backward()
            of_discriminator.step()
            losses["discriminator"] = d.item()
        optimizer.zero_grad()
        g = pixel_weight * distance(y if kind == "complete" else made, target)
        if discriminator:
            fake = discriminator(shown(made))
            g = g + adversarial * cross(fake, torch.ones_like(fake))
        if variation:
            down, right = made[:, :, 1:] - made[:, :, :-1], made[..., 1:] - made[..., :-1]
            g = g + variation * 2 * (down.square().mean() + right.square().mean())
        g.backward()
        optimizer.step()
        losses["generator" if discriminator else "loss"] = g.item()
        decay = min(EMA, (2 + step) / (11 + step))
        for name, tensor in generator.state_dict().items():
            if name in averages:
                averages[name] += (1 - decay) * (tensor.detach() - averages[name])
        found.append(losses)
    weights = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    if discriminator:
        weights |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    weights |= {f"average.{name}": tensor for name, tensor in averages.items()}
    summary = {}
    for name, tensor in weights.items():
        if tensor.dtype == torch.float32:
            flat = tensor.detach().double().flatten()
            step = max(1, len(flat) // 4)
            summary[name] = [float(f"{value:.7g}") for value in flat[::step][:4].tolist()]
    return {"losses": found, "weights": summary}


def main():
    patches = lambda inputs, kind: NLayerDiscriminator(inputs, 4, 2, kind)  # noqa: E731
    cases = {
        "srgan l2 1 0.1 1 0.01": run("srgan", SrganGenerator(2, 2, 4), SrDiscriminator(4, 8), "l2", 1, 0.1, 1, 0.01),
        "srresnet l1 1 0 1 0": run("srgan", MSRResNet(2, 2, 4), None, "l1", 1, 0, 1),
        "pix2pix-batch l1 100 1 0.5 0": run("pix2pix", UnetGenerator(3, 3, 5, 4, "batch"), patches(6, "batch"), "l1",
                                            100, 1, 0.5),
        "pix2pix-instance l1 10 1 0.5 0": run("pix2pix", UnetGenerator(3, 3, 5, 4, "instance"), patches(6, "instance"),
                                              "l1", 10, 1, 0.5),
        "complete-batch l2 0.999 0.1 0.5 0": run("complete", UnetGenerator(4, 3, 5, 4, "batch"), patches(7, "batch"),
                                                 "l2", 0.999, 0.1, 0.5),
        "colorize-batch l1 10 1 0.5 0": run("colorize", UnetGenerator(1, 3, 5, 4, "batch"), patches(4, "batch"), "l1",
                                            10, 1, 0.5),
    }
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_pairs.py",
        "batch": BATCH, "side": SIDE, "steps": STEPS, "rate": RATE, "betas": BETAS, "eps": EPS, "ema": EMA,
        "cases": cases,
    }
    (HERE / "pairs.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")).replace('"],"', '"],\n"')
                                     .replace("],", "],\n") + "\n")


if __name__ == "__main__":
    main()
