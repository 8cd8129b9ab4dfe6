#!/usr/bin/env python3
"""Goldens of contents and styles: whole steps of the judge and the network in PyTorch, on weights and data from a
formula.

    python3 testdata/goldens/gan/make_swap.py

The losses are those of MUNIT (Huang et al. 2018) with the judge of StarGAN (Choi et al. 2018), by least squares; the
networks are small. Made with torch 2.9.1.
"""

import json
from pathlib import Path

import torch
from make_step import BETAS, RATE, start
from make_unpaired import EPS, adam, summary
from formula import signed
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
SIDES, BATCH, STEPS, CHANNELS, STYLE = (16, 20), 4, 3, 4, 5
STYLES, CONTENTS = [0, 1, 2, 1], [0, None, 1, 1]
FACTORS = {"image": 10.0, "content": 1.5, "style": 0.5, "real": 2.0, "classes": 0.75}
norm, relu = functional.instance_norm, functional.relu


def conv(a, b, kernel):
    """Same size, or half of it."""
    return nn.Conv2d(a, b, kernel, 2 - kernel % 2, (kernel - 1) // 2)


def blocks(c):
    return nn.ModuleList([nn.ModuleList([conv(c, c, 3), conv(c, c, 3)])])


class Content(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.convs = nn.ModuleList([conv(3, c, 5), conv(c, 2 * c, 4), conv(2 * c, 4 * c, 4)])
        self.blocks = blocks(4 * c)

    def forward(self, x):
        for layer in self.convs:
            x = relu(norm(layer(x)))
        for first, second in self.blocks:
            x = norm(second(relu(norm(first(x))))) + x
        return x


class Style(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.convs = nn.ModuleList([conv(3, c, 5), conv(c, 2 * c, 4), conv(2 * c, 4 * c, 4), conv(4 * c, 4 * c, 4)])
        self.last = nn.Linear(4 * c, STYLE)

    def forward(self, x):
        for layer in self.convs:
            x = relu(layer(x))
        return self.last(x.mean((2, 3)))


class Decoder(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.numbers = nn.ModuleList([nn.Linear(STYLE, 64), nn.Linear(64, 64), nn.Linear(64, 4 * 4 * c)])
        self.blocks = blocks(4 * c)
        self.ups = nn.ModuleList([conv(4 * c, 2 * c, 3), conv(2 * c, c, 3)])
        self.last = conv(c, 3, 5)

    def forward(self, x, style):
        first, second, last = self.numbers
        scale, shift, *more = last(relu(second(relu(first(style)))))[:, :, None, None].chunk(4, 1)
        first, second = self.blocks[0]
        y = relu(norm(first(x)) * (1 + scale) + shift)
        x = norm(second(y)) * (1 + more[0]) + more[1] + x
        for up in self.ups:
            x = functional.leaky_relu(up(functional.interpolate(x, scale_factor=2)), 0.2)
        return torch.tanh(self.last(x))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.content, self.style, self.decoder = Content(), Style(), Decoder()


class Judge(nn.Module):
    def __init__(self, c=CHANNELS):
        super().__init__()
        self.convs = nn.ModuleList([conv(3, c, 4), conv(c, 2 * c, 4), conv(2 * c, 2 * c, 3)])
        self.patches = conv(2 * c, 1, 3)
        self.classes = nn.ModuleList([nn.Linear(2 * c * 4 * 5, 3), nn.Linear(2 * c * 4 * 5, 2)])

    def forward(self, x):
        for layer in self.convs:
            x = functional.leaky_relu(layer(x), 0.2)
        return self.patches(x), [layer(x.flatten(1)) for layer in self.classes]


def named(classes, styles):
    """The cross entropy of both kinds; a content that is unknown counts for nothing."""
    known = [row for row, content in enumerate(CONTENTS) if content is not None]
    contents, styles = torch.tensor([CONTENTS[row] for row in known]), torch.tensor(styles)
    return functional.cross_entropy(classes[0], styles) + functional.cross_entropy(classes[1][known], contents)


def swap():
    network, judge = Network(), Judge()
    start(network, "generator")
    start(judge, "discriminator")
    optimizers, l1, found = [adam([network]), adam([judge])], functional.l1_loss, []
    wanted = STYLES[1:] + STYLES[:1]
    for step in range(STEPS):
        images, mates = (signed(f"{name}/{step}", (BATCH, 3, *SIDES)) for name in ("images", "mates"))
        contents, styles = network.content(images), network.style(images).roll(-1, 0)
        again, swaps = network.decoder(contents, network.style(mates)), network.decoder(contents, styles)
        (real, classes), (made, _) = judge(images), judge(swaps.detach())
        game = ((real - 1) ** 2).mean() / 2 + (made ** 2).mean() / 2
        losses = {"discriminator": game + FACTORS["classes"] * named(classes, STYLES)}
        optimizers[1].zero_grad()
        losses["discriminator"].backward()
        optimizers[1].step()
        made, classes = judge(swaps)
        losses["image"] = l1(again, images)
        losses["content"] = l1(network.content(swaps), contents.detach())
        losses["style"] = l1(network.style(swaps), styles.detach())
        losses["adversarial"] = ((made - 1) ** 2).mean()
        losses["generator"] = (sum(FACTORS[name] * losses[name] for name in ("image", "content", "style"))
                               + FACTORS["real"] * losses["adversarial"] + FACTORS["classes"] * named(classes, wanted))
        optimizers[0].zero_grad()
        losses["generator"].backward()
        optimizers[0].step()
        found.append({name: loss.item() for name, loss in losses.items()})
    return {"losses": found, "weights": summary({"": network, "discriminator.": judge}), "batch": BATCH, "sides": SIDES,
            "channels": CHANNELS, "style": STYLE, "styles": STYLES, "contents": CONTENTS, "factors": FACTORS}


def main():
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_swap.py",
        "rate": RATE, "betas": BETAS, "eps": EPS, "swap": swap(),
    }
    text = json.dumps(golden, indent=None, separators=(",", ":"))
    (HERE / "swap.json").write_text(text.replace('],"', '],\n"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
