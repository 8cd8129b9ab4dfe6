#!/usr/bin/env python3
"""Goldens of the generators and discriminators of images from images: PyTorch on weights from a formula.

    python3 testdata/goldens/gan/make.py

The classes repeat the layers and the names of junyanz/pytorch-CycleGAN-and-pix2pix (ResnetGenerator, UnetGenerator,
NLayerDiscriminator), SKTBrain/DiscoGAN (Generator), leftthomas/SRGAN (Generator) and BasicSR (MSRResNet). Weights as in goldens/backbones/make.py, with
the gain given here: it keeps the numbers within the range where tanh does not hide differences. The first number of each
norm with statistics is the running mean. Gradients are those of sum(y * (2 mix("loss", i) - 1)), as in inference.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent / "backbones"))
from formula import formula, signed  # noqa: E402


def norm_layer(kind):
    return (lambda c: nn.InstanceNorm2d(c)) if kind == "instance" else (lambda c: nn.BatchNorm2d(c))


class ResnetBlock(nn.Module):
    def __init__(self, c, norm, bias, dropout):
        super().__init__()
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), norm(c), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
        self.conv_block = nn.Sequential(*layers, nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), norm(c))

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    def __init__(self, inputs, outputs, c, blocks, kind, dropout):
        super().__init__()
        norm, bias = norm_layer(kind), kind == "instance"
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, c, 7, bias=bias), norm(c), nn.ReLU()]
        for i in [1, 2]:
            layers += [nn.Conv2d(c * i, c * i * 2, 3, 2, 1, bias=bias), norm(c * i * 2), nn.ReLU()]
        layers += [ResnetBlock(c * 4, norm, bias, dropout) for _ in range(blocks)]
        for i in [4, 2]:
            layers += [nn.ConvTranspose2d(c * i, c * i // 2, 3, 2, 1, 1, bias=bias), norm(c * i // 2), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c, outputs, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class DiscoGenerator(nn.Module):
    def __init__(self, steps, c, code):
        super().__init__()
        def conv(a, b, stride=2):
            return nn.Conv2d(a, b, 4, stride, stride - 1, bias=False)
        def up(a, b, stride=2):
            return nn.ConvTranspose2d(a, b, 4, stride, stride - 1, bias=False)
        widths = [c * 2 ** min(step, 3) for step in range(steps)]
        leaky, relu, norm = nn.LeakyReLU(0.2), nn.ReLU(), nn.BatchNorm2d
        layers = [conv(3, c), leaky]
        for narrow, wide in zip(widths, widths[1:]):
            layers += [conv(narrow, wide), norm(wide), leaky]
        if code:
            layers += [conv(widths[-1], code, 1), norm(code), leaky, up(code, widths[-1], 1), norm(widths[-1]), relu]
        for narrow, wide in zip(widths[-2::-1], widths[:0:-1]):
            layers += [up(wide, narrow), norm(narrow), relu]
        self.main = nn.Sequential(*layers, up(c, 3), nn.Sigmoid())

    def forward(self, x):
        return self.main(x)


class UnetBlock(nn.Module):
    def __init__(self, outer, inner, inputs=None, sub=None, outermost=False, innermost=False, kind="batch"):
        super().__init__()
        self.outermost = outermost
        norm, bias = norm_layer(kind), kind == "instance"
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=bias)
        if outermost:
            layers = [down, sub, nn.ReLU(), nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1), nn.Tanh()]
        elif innermost:
            up = nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=bias)
            layers = [nn.LeakyReLU(0.2, True), down, nn.ReLU(), up, norm(outer)]
        else:
            up = nn.ConvTranspose2d(inner * 2, outer, 4, 2, 1, bias=bias)
            layers = [nn.LeakyReLU(0.2, True), down, norm(inner), sub, nn.ReLU(), up, norm(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        # As in the source, the leaky ReLU has changed x before it is joined.
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UnetGenerator(nn.Module):
    def __init__(self, inputs, outputs, steps, c, kind):
        super().__init__()
        block = UnetBlock(c * 8, c * 8, innermost=True, kind=kind)
        for _ in range(steps - 5):
            block = UnetBlock(c * 8, c * 8, sub=block, kind=kind)
        for i in [4, 2, 1]:
            block = UnetBlock(c * i, c * i * 2, sub=block, kind=kind)
        self.model = UnetBlock(outputs, c, inputs=inputs, sub=block, outermost=True, kind=kind)

    def forward(self, x):
        return self.model(x)


class NLayerDiscriminator(nn.Module):
    def __init__(self, inputs, c, n, kind):
        super().__init__()
        norm, bias = norm_layer(kind), kind == "instance"
        layers = [nn.Conv2d(inputs, c, 4, 2, 1), nn.LeakyReLU(0.2)]
        for layer in range(1, n + 1):
            a, b = c * min(2 ** (layer - 1), 8), c * min(2**layer, 8)
            layers += [nn.Conv2d(a, b, 4, 1 if layer == n else 2, 1, bias=bias), norm(b), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(c * min(2**n, 8), 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


class SrganBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c), nn.PReLU()
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c)

    def forward(self, x):
        return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class SrganUp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv, self.prelu = nn.Conv2d(c, 4 * c, 3, padding=1), nn.PReLU()

    def forward(self, x):
        return self.prelu(F.pixel_shuffle(self.conv(x), 2))


class SrganGenerator(nn.Module):
    def __init__(self, scale, blocks, c):
        super().__init__()
        self.blocks = blocks
        self.block1 = nn.Sequential(nn.Conv2d(3, c, 9, padding=4), nn.PReLU())
        for i in range(blocks):
            setattr(self, f"block{i + 2}", SrganBlock(c))
        setattr(self, f"block{blocks + 2}", nn.Sequential(nn.Conv2d(c, c, 3, padding=1), nn.BatchNorm2d(c)))
        ups = [SrganUp(c) for _ in range(scale.bit_length() - 1)]
        setattr(self, f"block{blocks + 3}", nn.Sequential(*ups, nn.Conv2d(c, 3, 9, padding=4)))

    def forward(self, x):
        first = y = self.block1(x)
        for i in range(self.blocks + 1):
            y = getattr(self, f"block{i + 2}")(y)
        return (torch.tanh(getattr(self, f"block{self.blocks + 3}")(first + y)) + 1) / 2


class ResidualBlockNoBN(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(x)))


class MSRResNet(nn.Module):
    def __init__(self, scale, blocks, c):
        super().__init__()
        self.scale, self.factors = scale, [3] if scale == 3 else [2] * (scale.bit_length() - 1)
        self.conv_first = nn.Conv2d(3, c, 3, padding=1)
        self.body = nn.Sequential(*[ResidualBlockNoBN(c) for _ in range(blocks)])
        for i, factor in enumerate(self.factors):
            setattr(self, f"upconv{i + 1}", nn.Conv2d(c, c * factor * factor, 3, padding=1))
        self.conv_hr, self.conv_last = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x):
        y = self.body(F.leaky_relu(self.conv_first(x), 0.1))
        for i, factor in enumerate(self.factors):
            y = F.leaky_relu(F.pixel_shuffle(getattr(self, f"upconv{i + 1}")(y), factor), 0.1)
        y = self.conv_last(F.leaky_relu(self.conv_hr(y), 0.1))
        return y + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)


class Rdn(nn.Module):
    def __init__(self, scale, blocks, layers, growth, c):
        super().__init__()
        self.scale, self.blocks, self.layers = scale, blocks, layers
        conv = lambda a, b, k: nn.Conv2d(a, b, k, padding=k // 2)  # noqa: E731
        self.F_m1, self.F_0 = conv(3, c, 3), conv(c, c, 3)
        for d in range(1, blocks + 1):
            for i in range(1, layers + 1):
                setattr(self, f"F_{d}_{i}", conv(c + (i - 1) * growth, growth, 3))
            setattr(self, f"LFF_{d}", conv(c + layers * growth, c, 1))
        self.GFF_1, self.GFF_2 = conv(blocks * c, c, 1), conv(c, c, 3)
        self.UPN1, self.UPN2, self.UPN3 = conv(c, 64, 5), conv(64, 32, 3), conv(32, 3 * scale * scale, 3)
        self.SR = conv(3 * scale * scale, 3, 3)

    def forward(self, x):
        m = self.F_m1(x)
        y, outputs = self.F_0(m), []
        for d in range(1, self.blocks + 1):
            maps = [y]
            for i in range(1, self.layers + 1):
                maps.append(F.relu(getattr(self, f"F_{d}_{i}")(torch.cat(maps, 1))))
            y = getattr(self, f"LFF_{d}")(torch.cat(maps, 1)) + y
            outputs.append(y)
        y = self.GFF_2(self.GFF_1(torch.cat(outputs, 1))) + m
        y = self.UPN3(F.relu(self.UPN2(F.relu(self.UPN1(y)))))
        return self.SR(F.interpolate(y, scale_factor=self.scale, mode="nearest"))


def golden(architecture, options, network, shape, gradients, gain):
    network = network.double().eval()
    state = network.state_dict()
    state = {key: formula(key, value.shape, gain).double() if value.ndim else value for key, value in state.items()}
    network.load_state_dict(state)
    x = signed("input", shape).double()
    y = network(x)
    (y * signed("loss", y.shape)).sum().backward()
    parameters = dict(network.named_parameters())
    flat = y.detach().flatten()
    picked = flat[:: max(1, len(flat) // 40)][:40]
    sizes = {name: parameters[name].grad.abs().sum().item() for name in gradients}
    return {
        "architecture": architecture,
        "options": options,
        "tensors": len([key for key, value in state.items() if value.ndim]),
        "input": shape,
        "shape": list(y.shape),
        "size": flat.abs().sum().item(),
        "picked": [float(f"{value:.7g}") for value in picked.tolist()],
        "gradients": {name: float(f"{size:.7g}") for name, size in sizes.items()},
    }


def main():
    goldens = []
    for kind, dropout, inputs, outputs in [("instance", False, 3, 3), ("batch", True, 1, 3)]:
        options = {"blocks": 2, "channels": 4, "inputs": inputs, "outputs": outputs, "norm": kind, "dropout": dropout}
        network = ResnetGenerator(inputs, outputs, 4, 2, kind, dropout)
        second = "model.11.conv_block.6.weight" if dropout else "model.11.conv_block.5.weight"
        goldens.append(golden("cyclegan", options, network, [2, inputs, 20, 24],
                              ["model.1.weight", "model.4.weight", second, "model.12.weight", "model.19.bias"], 3.0))
    for steps, code in [(5, 0), (2, 5)]:
        options = {"steps": steps, "channels": 3, "code": code, "colors": 3}
        last = 6 * steps - 4 + (6 if code else 0)
        goldens.append(golden("discogan", options, DiscoGenerator(steps, 3, code), [2, 3, 64, 32],
                              ["main.0.weight", "main.2.weight", "main.3.weight", f"main.{last}.weight"], 3.0))
    for kind, steps in [("batch", 6), ("instance", 5)]:
        options = {"steps": steps, "channels": 3, "inputs": 3, "outputs": 1, "norm": kind, "dropout": False}
        network = UnetGenerator(3, 1, steps, 3, kind)
        goldens.append(golden("unet", options, network, [2, 3, 64, 64],
                              ["model.model.0.weight", "model.model.1.model.1.weight", "model.model.3.bias"], 3.0))
    for kind, layers in [("instance", 3), ("batch", 5)]:
        options = {"inputs": 6, "channels": 3, "layers": layers, "norm": kind}
        network = NLayerDiscriminator(6, 3, layers, kind)
        last = f"model.{3 * layers + 2}.weight"
        goldens.append(golden("patch_gan", options, network, [2, 6, 128, 100], ["model.0.weight", "model.2.weight", last], 4.0))
    for scale, blocks in [(2, 1), (8, 2)]:
        options = {"scale": scale, "blocks": blocks, "channels": 6, "after_blocks": "batch_norm"}
        goldens.append(golden("srgan", options, SrganGenerator(scale, blocks, 6), [2, 3, 7, 5],
                              ["block1.0.weight", "block1.1.weight", f"block{blocks + 3}.0.conv.weight"], 2.0))
    for scale in [2, 3, 4]:
        options = {"scale": scale, "blocks": 2, "channels": 6}
        goldens.append(golden("srresnet", options, MSRResNet(scale, 2, 6), [2, 3, 7, 5],
                              ["conv_first.weight", "body.1.conv2.weight", "upconv1.bias"], 4.0))
    options = {"scale": 3, "blocks": 3, "layers": 2, "growth": 5, "channels": 7}
    goldens.append(golden("rdn", options, Rdn(3, 3, 2, 5, 7), [2, 3, 6, 5], ["F_m1.weight", "F_2_2.weight", "SR.bias"], 3.0))

    text = json.dumps({"made_with": f"torch {torch.__version__}", "goldens": goldens}, separators=(",", ":"))
    path = Path(__file__).with_name("translators.json")
    path.write_text(text.replace('{"architecture"', '\n{"architecture"') + "\n")
    print(f"{len(goldens)} goldens, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
