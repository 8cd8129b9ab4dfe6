#!/usr/bin/env python3
"""Goldens of the GAN of tables (Xu et al. 2019): two whole steps of PyTorch, of the critic on groups of two rows with its
gradient penalty and of the generator with the loss of its conditions; and the modes of columns by scikit-learn.

    python3 testdata/goldens/gan/make_table.py

Written from the paper. The formula is that of ../backbones/formula.py. Made with torch 2.15.0 and scikit-learn 1.9.1; without
scikit-learn, mixture.json stays as it is.
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "backbones"))
from formula import formula, signed  # noqa: E402

torch.set_num_threads(1)
BATCH, LATENT, PAC, PENALTY, TEMPERATURE = 6, 4, 2, 10.0, 0.2
STEPS, RATE, BETAS, DECAY = 2, 2e-3, (0.5, 0.9), 1e-2
# Larger than usual: the gradient of a bias before a batch norm is 0 but for rounding, of which Adam would make whole steps.
EPS = 1e-4
# A column of numbers with three modes and empty cells, and two of categories.
SPANS = [("tanh", 1), ("softmax", 4), ("softmax", 3), ("softmax", 2)]
WIDTH = 10
# Where the categories are in a row and in a condition.
CONDITIONS = [(5, 0, 3), (8, 3, 2)]
CONDITION_WIDTH = 5


class Generator(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        inputs = LATENT + CONDITION_WIDTH
        self.hidden = nn.ModuleList()
        for columns in hidden:
            parts = {"linear": nn.Linear(inputs, columns), "norm": nn.BatchNorm1d(columns)}
            self.hidden.append(nn.ModuleDict(parts))
            inputs += columns
        self.last = nn.Linear(inputs, WIDTH)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.cat([torch.relu(layer["norm"](layer["linear"](x))), x], 1)
        return self.last(x)


def critic(hidden):
    inputs, layers = PAC * (WIDTH + CONDITION_WIDTH), []
    for columns in hidden:
        # A dropout of 0 keeps the numbers of the layers.
        layers += [nn.Linear(inputs, columns), nn.LeakyReLU(0.2), nn.Dropout(0.0)]
        inputs = columns
    module = nn.Module()
    module.model = nn.Sequential(*layers, nn.Linear(inputs, 1))
    return module


def start(module, player):
    for name, tensor in module.state_dict().items():
        if tensor.dtype == torch.float32:
            tensor.copy_(formula(f"{player}.{name}", tensor.shape, 2.0))


def draw(player, step):
    """Random vectors, conditions, noise, and the place of each row's condition."""
    z = 2 * signed(f"{player}/latents/{step}", (BATCH, LATENT))
    noise = 2 * signed(f"{player}/noise/{step}", (BATCH, WIDTH))
    noise[:, 0] = 0
    conditions, chosen = torch.zeros(BATCH, CONDITION_WIDTH), []
    for row in range(BATCH):
        column = (row + step) % 2
        start_of_row, start_of_condition, length = CONDITIONS[column]
        category = row % length
        conditions[row, start_of_condition + category] = 1
        chosen.append((start_of_row, length, category))
    return torch.cat([z, conditions], 1), conditions, noise, chosen


def activate(logits, noise):
    parts, at = [], 0
    for kind, length in SPANS:
        part = logits[:, at:at + length]
        if kind == "tanh":
            parts.append(torch.tanh(part))
        else:
            parts.append(torch.softmax((part + noise[:, at:at + length]) / TEMPERATURE, 1))
        at += length
    return torch.cat(parts, 1)


def main():
    generator, judge = Generator([6, 5]), critic([8, 6])
    start(generator, "generator")
    start(judge, "discriminator")

    def adam(module):
        weights = [weight for weight in module.parameters() if weight.dim() > 1]
        vectors = [weight for weight in module.parameters() if weight.dim() == 1]
        return torch.optim.Adam([{"params": weights, "weight_decay": DECAY}, {"params": vectors}], RATE, BETAS, EPS)

    optimizers = [adam(judge), adam(generator)]
    groups = lambda rows: rows.reshape(BATCH // PAC, -1)
    score = lambda rows: judge.model(rows).flatten()
    found = []
    for step in range(STEPS):
        real = signed(f"real/{step}", (BATCH, WIDTH + CONDITION_WIDTH))
        inputs, conditions, noise, _ = draw("critic", step)
        made = torch.cat([activate(generator(inputs), noise), conditions], 1).detach()
        share = (signed(f"shares/{step}", (BATCH // PAC, 1)) + 1) / 2
        mixed = (share * groups(real) + (1 - share) * groups(made)).requires_grad_()
        gradient = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)[0]
        penalty = PENALTY * (gradient.norm(dim=1) - 1).square().mean()
        d = score(groups(made)).mean() - score(groups(real)).mean() + penalty
        optimizers[0].zero_grad()
        d.backward()
        optimizers[0].step()
        inputs, conditions, noise, chosen = draw("generator", step)
        logits = generator(inputs)
        made = torch.cat([activate(logits, noise), conditions], 1)
        of_conditions = sum(
            functional.cross_entropy(logits[row:row + 1, at:at + length], torch.tensor([category]))
            for row, (at, length, category) in enumerate(chosen)) / BATCH
        g = -score(groups(made)).mean() + of_conditions
        optimizers[1].zero_grad()
        g.backward()
        optimizers[1].step()
        found.append({"discriminator": d.item(), "generator": g.item(), "penalty": penalty.item(),
                      "condition": of_conditions.item()})
    weights = dict(generator.state_dict().items())
    weights |= {f"discriminator.{name}": tensor for name, tensor in judge.state_dict().items()}
    summary = {}
    for name, tensor in weights.items():
        if tensor.dtype == torch.float32:
            flat = tensor.detach().double().flatten()
            stride = max(1, len(flat) // 8)
            summary[name] = [float(f"{value:.9g}") for value in flat[::stride][:8].tolist()]
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_table.py",
        "batch": BATCH, "latent": LATENT, "pac": PAC, "gamma": PENALTY, "temperature": TEMPERATURE, "steps": STEPS,
        "rate": RATE, "betas": BETAS, "eps": EPS, "weight_decay": DECAY, "losses": found, "weights": summary,
    }
    (HERE / "table.json").write_text(json.dumps(golden, indent=1) + "\n")


def mixtures():
    try:
        import numpy as np
        from sklearn.mixture import BayesianGaussianMixture
    except ImportError:
        print("mixture.json: needs scikit-learn; kept", file=sys.stderr)
        return
    random = np.random.default_rng(0)
    columns = {
        "three": np.concatenate([random.normal(-5, 0.5, 200), random.normal(0, 1, 300), random.normal(20, 3, 500)]),
        "one": random.normal(100, 7, 600),
        "two": np.concatenate([random.normal(0, 1, 400), random.normal(1000, 30, 100)]),
    }
    cases = []
    for name, numbers in columns.items():
        numbers = np.round(numbers, 3)
        scaled = ((numbers - numbers.mean()) / numbers.std())[:, None]
        # Several starts: one alone may divide a mode.
        found = BayesianGaussianMixture(
            n_components=10, weight_concentration_prior=1e-3, max_iter=2000, n_init=10, random_state=0).fit(scaled)
        kept = [index for index in np.argsort(found.means_[:, 0]) if found.weights_[index] > 5e-3]
        weights = found.weights_[kept] / found.weights_[kept].sum()
        deviations = np.sqrt(found.covariances_[kept, 0, 0])
        cases.append({
            "name": name, "numbers": numbers.tolist(),
            "means": (found.means_[kept, 0] * numbers.std() + numbers.mean()).round(6).tolist(),
            "deviations": (deviations * numbers.std()).round(6).tolist(), "weights": weights.round(6).tolist(),
        })
    import sklearn
    golden = {"made_with": f"scikit-learn {sklearn.__version__}, testdata/goldens/gan/make_table.py", "cases": cases}
    (HERE / "mixture.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
    mixtures()
