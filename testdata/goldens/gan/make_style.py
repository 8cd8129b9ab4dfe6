#!/usr/bin/env python3
"""Goldens of StyleGAN2 and of adaptive augmentation, on weights and data from a formula.

    python3 testdata/goldens/gan/make_style.py

style.json has whole steps, each of the discriminator, the generator, R1 on every second step, Adam and the moving average of
the generator, written from the formulas of Karras et al. 2019, 2020 and 2020a: each sample has a modulated weight of its own
here, and filters are applied by their definition. transforms.json has images under the transformations of adaptive
augmentation, by torch's grid_sample and products of matrices. The formula is that of ../backbones/formula.py. Made with torch
2.15.0.
"""

import json
import math
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from formula import formula, signed  # noqa: E402

torch.set_num_threads(1)
BATCH, LATENT, LABELS, COLUMNS, STEPS = 6, 5, 3, 2, 3
LAYERS, BASE, MOST = 2, 72, 6
RATE, BETAS, LAZY, GAMMA, EMA = 2.5e-3, (0.0, 0.99), 2, 500.0, 0.9
EPS = 1e-4
# Width and height of the maps.
MAPS = [(6, 4), (12, 8), (24, 16)]
# The step whose styles are mixed, and the first mixed layer.
MIXED = {1: 2}
GAIN = math.sqrt(2)


def channels(width):
    return min(BASE // width, MOST)


def shapes(labels):
    """Names and shapes of the weights, and of the buffers, of both players."""
    g, d = {}, {}
    columns = COLUMNS if labels else 0
    for index in range(LAYERS):
        g[f"mapping.fc{index}.weight"] = [LATENT, LATENT + columns if index == 0 else LATENT]
        g[f"mapping.fc{index}.bias"] = [LATENT]
    g["mapping.w_avg"] = [LATENT]
    if labels:
        g["label_emb.weight"] = [LABELS, COLUMNS]
        d["label_projection.weight"] = [LABELS, channels(MAPS[0][0])]

    def layer(name, inputs, outputs, size):
        g[f"{name}.affine.weight"], g[f"{name}.affine.bias"] = [inputs, LATENT], [inputs]
        g[f"{name}.weight"], g[f"{name}.bias"] = [outputs, inputs, 3, 3], [outputs]
        g[f"{name}.noise_strength"], g[f"{name}.noise_const"] = [1], [size[1], size[0]]

    before = None
    for size in MAPS:
        own, block = channels(size[0]), f"synthesis.b{size[0]}"
        if before is None:
            g[f"{block}.const"] = [own, size[1], size[0]]
        else:
            layer(f"{block}.conv0", before, own, size)
        layer(f"{block}.conv1", own, own, size)
        g[f"{block}.torgb.affine.weight"], g[f"{block}.torgb.affine.bias"] = [own, LATENT], [own]
        g[f"{block}.torgb.weight"], g[f"{block}.torgb.bias"] = [3, own, 1, 1], [3]
        before = own
    for small, size in reversed(list(zip(MAPS, MAPS[1:]))):
        own, outputs, block = channels(size[0]), channels(small[0]), f"b{size[0]}"
        if size == MAPS[-1]:
            d[f"{block}.fromrgb.weight"], d[f"{block}.fromrgb.bias"] = [own, 3, 1, 1], [own]
        d[f"{block}.conv0.weight"], d[f"{block}.conv0.bias"] = [own, own, 3, 3], [own]
        d[f"{block}.conv1.weight"], d[f"{block}.conv1.bias"] = [outputs, own, 3, 3], [outputs]
        d[f"{block}.skip.weight"] = [outputs, own, 1, 1]
    (width, height), own = MAPS[0], channels(MAPS[0][0])
    block = f"b{width}"
    d[f"{block}.conv.weight"], d[f"{block}.conv.bias"] = [own, own + 1, 3, 3], [own]
    d[f"{block}.fc.weight"], d[f"{block}.fc.bias"] = [own, own * height * width], [own]
    d[f"{block}.out.weight"], d[f"{block}.out.bias"] = [1, own], [1]
    return g, d


def start(name, shape):
    """Such that the effective weights, after the constants of the equalized learning rate, are those of the formula."""
    numbers = formula(name, shape, 2.0)
    if len(shape) > 1:
        numbers = numbers * math.sqrt(math.prod(shape) // shape[0])
    if ".mapping." in name and "w_avg" not in name:
        numbers = numbers * 100
    if name.endswith("affine.bias"):
        numbers = numbers + 1
    return numbers


def is_buffer(name):
    return name.endswith(("w_avg", "noise_const"))


def leaky(x, gain=GAIN):
    return F.leaky_relu(x, 0.2) * gain


def dense(p, name, x, rate=1.0):
    weight = p[f"{name}.weight"]
    return x @ (weight * (rate / math.sqrt(weight.shape[1]))).t() + p[f"{name}.bias"] * rate


def convolved(p, name, x, **options):
    weight = p[f"{name}.weight"]
    return F.conv2d(x, weight / math.sqrt(weight[0].numel()), p.get(f"{name}.bias"), **options)


def filtered(x, up=1, down=1, before=0, after=0):
    """Zeros between the numbers, zeros around the map, the filter [1, 3, 3, 1], every other number."""
    n, c, h, w = x.shape
    if up > 1:
        wide = torch.zeros(n, c, h * up, w * up)
        wide[:, :, ::up, ::up] = x
        x = wide
    x = F.pad(x, (before, after, before, after))
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    taps = torch.outer(taps, taps) / 64 * up * up
    y = F.conv2d(x.flatten(0, 1)[:, None], taps[None, None])
    return y.reshape(n, c, *y.shape[2:])[:, :, ::down, ::down]


def normalized(rows):
    return rows / (rows.square().mean(1, keepdim=True) + 1e-8).sqrt()


def styles_of(p, z, labels):
    x = normalized(z)
    if labels is not None:
        x = torch.cat([x, normalized(p["label_emb.weight"][labels])], 1)
    for index in range(LAYERS):
        x = leaky(dense(p, f"mapping.fc{index}", x, 0.01))
    return x


def modulated(p, name, x, w, doubles=False, demodulates=True):
    """A weight for each sample."""
    weight, styles = p[f"{name}.weight"], dense(p, f"{name}.affine", w)
    weight = weight / math.sqrt(weight[0].numel())
    results = []
    for sample in range(len(x)):
        own = weight * styles[sample][None, :, None, None]
        if demodulates:
            own = own / (own.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        one = x[sample:sample + 1]
        if doubles:
            y = F.conv_transpose2d(one, own.transpose(0, 1), stride=2)
            results.append(4 * filtered(y, before=1, after=1))
        else:
            results.append(F.conv2d(one, own, padding=own.shape[-1] // 2))
    return torch.cat(results)


def synthesized(p, styles, noise):
    start, image, style_of, noise_of = 0, None, 0, 0
    x = p[f"synthesis.b{MAPS[0][0]}.const"].expand(len(styles[0]), -1, -1, -1)
    for index, (width, height) in enumerate(MAPS):
        block = f"synthesis.b{width}"
        for name in (["conv0"] if index else []) + ["conv1"]:
            y = modulated(p, f"{block}.{name}", x, styles[style_of], doubles=name == "conv0")
            own = noise[:, start:start + width * height].reshape(-1, 1, height, width)
            start, style_of, noise_of = start + width * height, style_of + 1, noise_of + 1
            y = y + p[f"{block}.{name}.noise_strength"] * own
            x = leaky(y + p[f"{block}.{name}.bias"][None, :, None, None])
        own = modulated(p, f"{block}.torgb", x, styles[style_of], demodulates=False)
        own = own + p[f"{block}.torgb.bias"][None, :, None, None]
        image = own if image is None else filtered(image, up=2, before=2, after=1) + own
    return image


def judged(p, images, labels):
    width = MAPS[-1][0]
    x = leaky(convolved(p, f"b{width}.fromrgb", images))
    for width, _ in reversed(MAPS[1:]):
        skip = convolved(p, f"b{width}.skip", filtered(x, down=2, before=1, after=1))
        x = leaky(convolved(p, f"b{width}.conv0", x, padding=1))
        x = leaky(convolved(p, f"b{width}.conv1", filtered(x, before=2, after=2), stride=2))
        x = (x + skip) * math.sqrt(0.5)
    # Groups of 3: the most up to 4 that divide the batch.
    n, c, h, w = x.shape
    grouped = x.reshape(3, n // 3, c * h * w)
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean(1)
    x = torch.cat([x, deviation.repeat(3)[:, None, None, None].expand(-1, 1, h, w)], 1)
    block = f"b{MAPS[0][0]}"
    x = leaky(convolved(p, f"{block}.conv", x, padding=1))
    x = leaky(dense(p, f"{block}.fc", x.flatten(1)))
    logits = dense(p, f"{block}.out", x).flatten()
    if labels is not None:
        logits = logits + (x * p["label_projection.weight"][labels]).sum(1) / math.sqrt(x.shape[1])
    return logits


def run(labeled):
    g, d = ({name: start(f"{player}.{name}", shape) for name, shape in of.items()}
            for player, of in zip(("generator", "discriminator"), shapes(labeled)))
    trained = [[tensor for name, tensor in of.items() if not is_buffer(name)] for of in (g, d)]
    for tensor in trained[0] + trained[1]:
        tensor.requires_grad_()
    part = LAZY / (LAZY + 1)
    adam_g = torch.optim.Adam(trained[0], RATE, BETAS, EPS)
    adam_d = torch.optim.Adam(trained[1], RATE * part, [beta ** part for beta in BETAS], EPS)
    averages = {name: tensor.detach().clone() for name, tensor in g.items()}
    numbers = sum(width * height * (1 if index == 0 else 2) for index, (width, height) in enumerate(MAPS))
    found = []
    for step in range(STEPS):
        width, height = MAPS[-1]
        real = signed(f"real/{step}", (BATCH, 3, height, width))
        z, noise = 2 * signed(f"latents/{step}", (BATCH, LATENT)), signed(f"noise/{step}", (BATCH, numbers))
        labels = torch.arange(BATCH) % LABELS if labeled else None
        style = styles_of(g, z, labels)
        g["mapping.w_avg"] = style.detach().mean(0).lerp(g["mapping.w_avg"], 0.998)
        styles = [style] * (2 * len(MAPS))
        if step in MIXED:
            other = styles_of(g, 2 * signed(f"mixed/{step}", (BATCH, LATENT)), labels)
            styles = styles[:MIXED[step]] + [other] * (len(styles) - MIXED[step])
        made = synthesized(g, styles, noise)
        softplus = F.softplus
        adam_d.zero_grad()
        of_d = softplus(-judged(d, real, labels)).mean() + softplus(judged(d, made.detach(), labels)).mean()
        of_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        of_g = softplus(-judged(d, made, labels)).mean()
        of_g.backward()
        adam_g.step()
        losses = {"discriminator": of_d.item(), "generator": of_g.item()}
        if step % LAZY == 0:
            adam_d.zero_grad()
            images = real.clone().requires_grad_()
            gradient = torch.autograd.grad(judged(d, images, labels).sum(), images, create_graph=True)[0]
            penalty = GAMMA / 2 * LAZY * gradient.square().sum((1, 2, 3)).mean()
            penalty.backward()
            # Adam leaves weights alone on which the penalty does not depend; torch gives some of them a gradient of 0.
            for tensor in trained[1]:
                if tensor.grad is not None and not tensor.grad.any():
                    tensor.grad = None
            adam_d.step()
            losses["penalty"] = penalty.item()
        decay = min(EMA, (2 + step) / (11 + step))
        for name, tensor in g.items():
            averages[name] += (1 - decay) * (tensor.detach() - averages[name])
        found.append(losses)
    weights = {f"generator.{name}": tensor for name, tensor in g.items()}
    weights |= {f"discriminator.{name}": tensor for name, tensor in d.items()}
    weights |= {f"average.{name}": tensor for name, tensor in averages.items()}
    summary = {}
    for name, tensor in weights.items():
        flat = tensor.detach().double().flatten()
        summary[name] = [float(f"{value:.9g}") for value in flat[::max(1, len(flat) // 6)][:6].tolist()]
    return {"losses": found, "weights": summary}


# Of adaptive augmentation: each alone, then all together.
IDENTITY = {"flip": False, "quarters": 0, "shift": [0, 0], "scale": 1, "turns": [0, 0], "stretch": 1, "fraction": [0, 0],
            "brightness": 0, "contrast": 1, "luma_flip": False, "hue": 0, "saturation": 1}
ALONE = {"flip": True, "quarters": 1, "shift": [0.3, -0.2], "scale": 1.3, "turns": [0.4, -1.1], "stretch": 0.8,
         "fraction": [0.12, 0.07], "brightness": 0.2, "contrast": 1.4, "luma_flip": True, "hue": 1.2, "saturation": 0.3}


def matrix(rows):
    return torch.tensor(rows, dtype=torch.float64)


def transformed(image, draws):
    """An image [c, h, w] by torch's grid_sample, at the place that the inverse of all transformations gives."""
    c, h, w = image.shape
    turn = lambda a: matrix([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    scale = lambda x, y: torch.diag(matrix([x, y, 1]))
    move = lambda x, y: matrix([[1, 0, x], [0, 1, y], [0, 0, 1]])
    forward = [scale(-1 if draws["flip"] else 1, 1), turn(-draws["quarters"] * math.pi / 2),
               move(round(draws["shift"][0] * w), round(draws["shift"][1] * h)), scale(draws["scale"], draws["scale"]),
               turn(-draws["turns"][0]), scale(draws["stretch"], 1 / draws["stretch"]), turn(-draws["turns"][1]),
               move(draws["fraction"][0] * w, draws["fraction"][1] * h)]
    whole = torch.eye(3, dtype=torch.float64)
    for one in forward:
        whole = one @ whole
    y, x = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
    places = torch.linalg.inv(whole) @ torch.stack([x.flatten(), y.flatten(), torch.ones(h * w)]).double()
    grid = torch.stack([places[0] / ((w - 1) / 2), places[1] / ((h - 1) / 2)], 1).reshape(1, h, w, 2).float()
    moved = F.grid_sample(image[None], grid, "bilinear", "reflection", align_corners=True)[0]
    axis = matrix([1, 1, 1]) / math.sqrt(3)
    outer, eye = torch.outer(axis, axis), torch.eye(3, dtype=torch.float64)
    cross = torch.linalg.cross(eye, axis.expand(3, 3))
    angle = draws["hue"]
    hue = math.cos(angle) * eye + math.sin(angle) * cross + (1 - math.cos(angle)) * outer
    pixels = moved.double().expand(3, h, w).reshape(3, -1) + draws["brightness"]
    pixels = pixels * draws["contrast"]
    if draws["luma_flip"]:
        pixels = pixels - 2 * outer @ pixels
    pixels = hue @ pixels
    pixels = outer @ pixels + draws["saturation"] * (pixels - outer @ pixels)
    pixels = pixels if c == 3 else pixels.mean(0, keepdim=True)
    return pixels.reshape(c, h, w)


def transforms():
    cases = []
    for names in [[name] for name in ALONE] + [list(ALONE)]:
        draws = IDENTITY | {name: ALONE[name] for name in names}
        for c in (3, 1):
            y = transformed(signed("image", (c, 7, 10)), draws).flatten()
            cases.append({"name": " ".join(names), "draws": draws, "channels": c,
                          "numbers": [float(f"{value:.7g}") for value in y[::5].tolist()]})
    return cases


def main():
    made_with = f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_style.py"
    golden = {
        "made_with": made_with, "batch": BATCH, "latent": LATENT, "labels": LABELS, "columns": COLUMNS, "steps": STEPS,
        "mapping_layers": LAYERS, "channel_base": BASE, "channel_max": MOST, "width": MAPS[-1][0], "height": MAPS[-1][1],
        "rate": RATE, "betas": BETAS, "lazy": LAZY, "gamma": GAMMA, "eps": EPS, "ema": EMA,
        "mixed": {str(step): layer for step, layer in MIXED.items()},
        "cases": {"plain": run(False), "labeled": run(True)},
    }
    (HERE / "style.json").write_text(json.dumps(golden, indent=1) + "\n")
    golden = {"made_with": made_with, "height": 7, "width": 10, "cases": transforms()}
    text = json.dumps(golden, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (HERE / "transforms.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
