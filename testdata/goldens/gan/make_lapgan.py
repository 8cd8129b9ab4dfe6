#!/usr/bin/env python3
"""Golden of LAPGAN: two whole steps of PyTorch, of both sizes, each of the discriminator, the generator and Adam, on weights
and data from a formula.

    python3 testdata/goldens/gan/make_lapgan.py

The networks are those of eyescream (facebook), small and conditional, without dropout. Made with torch 2.15.0.
"""

import json
from pathlib import Path

import torch
from make_step import BETAS, RATE, start
from formula import signed
from make_unpaired import EPS, adam, summary
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
BATCH, LATENT, LABELS, STEPS, SIDE, CHANNELS = 6, 5, 3, 2, 16, 4


class CoarseGenerator(nn.Module):
    """ReLU, hidden layers of 8 and 12 columns, images of 3 x 8 x 8."""

    def __init__(self):
        super().__init__()
        relu = nn.ReLU()
        self.model = nn.Sequential(nn.Linear(LATENT + LABELS, 8), relu, nn.Linear(8, 12), relu, nn.Linear(12, 192),
                                   nn.Tanh())

    def forward(self, z, labels):
        return self.model(torch.cat([z, labels], 1)).view(-1, 3, 8, 8)


class CoarseDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        self.label_embedding = nn.Embedding(LABELS, LABELS)
        self.model = nn.Sequential(nn.Linear(192 + LABELS, 12), leaky, nn.Linear(12, 8), leaky, nn.Linear(8, 1))

    def forward(self, images, labels):
        return self.model(torch.cat([images.flatten(1), self.label_embedding(labels.argmax(1))], 1)).flatten()


class ClassPlane(nn.Linear):
    def __init__(self):
        super().__init__(LABELS, SIDE * SIDE)

    def forward(self, labels):
        return torch.relu(super().forward(labels)).view(-1, 1, SIDE, SIDE)


class LevelGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.class_plane = ClassPlane()
        self.conv1 = nn.Conv2d(5, CHANNELS, 7, padding=3)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 7, padding=3)
        self.conv3 = nn.Conv2d(CHANNELS, 3, 5, padding=2)

    def forward(self, noise, labels, coarse):
        x = torch.cat([noise.view(-1, 1, SIDE, SIDE), self.class_plane(labels), coarse], 1)
        return self.conv3(torch.relu(self.conv2(torch.relu(self.conv1(x)))))


class LevelDiscriminator(nn.Module):
    """Sees the sum of the difference and the coarse image (CAddTable)."""

    def __init__(self):
        super().__init__()
        self.class_plane = ClassPlane()
        self.conv1 = nn.Conv2d(4, CHANNELS, 5)
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 5, 2)
        self.linear = nn.Linear(CHANNELS * 4 * 4, 1)

    def forward(self, images, labels):
        x = torch.cat([images, self.class_plane(labels)], 1)
        return self.linear(torch.relu(self.conv2(torch.relu(self.conv1(x)))).flatten(1)).flatten()


def main():
    made = {"coarse.": CoarseGenerator(), "level.1.": LevelGenerator(), "discriminator.0.": CoarseDiscriminator(),
            "discriminator.1.": LevelDiscriminator()}
    for prefix, module in made.items():
        start(module, prefix.rstrip("."))
    optimizers = {prefix: adam([module]) for prefix, module in made.items()}
    cross = functional.binary_cross_entropy_with_logits
    found = []
    for step in range(STEPS):
        fine = signed(f"real/{step}", (BATCH, 3, SIDE, SIDE))
        latents = 2 * signed(f"latents/{step}", (BATCH, LATENT + SIDE * SIDE))
        z, noise = latents[:, :LATENT], latents[:, LATENT:]
        labels = functional.one_hot(torch.arange(BATCH) % LABELS, LABELS).float()
        small = functional.avg_pool2d(fine, 2)
        coarse = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        losses = {}
        for level, real in enumerate([small, fine]):
            generator, discriminator = list(made)[level], list(made)[2 + level]
            fake = made[generator](z, labels) if level == 0 else coarse + made[generator](noise, labels, coarse)
            judge, ones = made[discriminator], torch.ones(BATCH)
            optimizers[discriminator].zero_grad()
            d = (cross(judge(real, labels), ones) + cross(judge(fake.detach(), labels), 0 * ones)) / 2
            d.backward()
            optimizers[discriminator].step()
            optimizers[generator].zero_grad()
            g = cross(judge(fake, labels), ones)
            g.backward()
            optimizers[generator].step()
            losses |= {f"discriminator_{level}": d.item(), f"generator_{level}": g.item()}
        found.append(losses)
    with torch.no_grad():
        # A sample: the smallest image, enlarged, and the difference of the larger size.
        small = made["coarse."](z, labels)
        coarse = functional.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        sample = (coarse + made["level.1."](noise, labels, coarse)).flatten()
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_lapgan.py",
        "batch": BATCH, "latent": LATENT, "labels": LABELS, "side": SIDE, "channels": CHANNELS, "rate": RATE,
        "betas": BETAS, "eps": EPS, "losses": found, "weights": summary(made),
        "sample": [float(f"{value:.9g}") for value in sample[::101].tolist()],
    }
    text = json.dumps(golden, separators=(",", ":"))
    (HERE / "lapgan.json").write_text(text.replace('],"', '],\n"') + "\n")


if __name__ == "__main__":
    main()
