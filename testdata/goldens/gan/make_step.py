#!/usr/bin/env python3
"""Goldens of GANs: two whole steps of PyTorch, each of the discriminator, the generator, Adam and the moving average of the
generator, on weights and data from a formula.

    python3 testdata/goldens/gan/make_step.py

The networks are those of PyTorch-GAN's gan.py and cgan.py and of pytorch/examples' dcgan, small. The formula is that of
../backbones/formula.py. Made with torch 2.15.0.
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
BATCH, LATENT, LABELS, COLUMNS = 6, 5, 3, 2
STEPS, RATE, BETAS, EMA = 2, 2e-3, (0.5, 0.999), 0.9
# Larger than usual: the gradients of a bias before a batch norm and of a critic's last bias are 0 but for rounding, of which
# Adam would make whole steps.
EPS = 1e-4


def start(module, player):
    """Fills the weights; names begin with the player's."""
    for name, tensor in module.state_dict().items():
        if tensor.dtype == torch.float32:
            tensor.copy_(formula(f"{player}.{name}", tensor.shape, 2.0))


class Vanilla(nn.Module):
    """PyTorch-GAN's generator, with hidden layers of 8, 12 and 16 columns, of 1 x 4 x 4 images."""

    def __init__(self, inputs):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        self.model = nn.Sequential(
            nn.Linear(inputs, 8), leaky, nn.Linear(8, 12), nn.BatchNorm1d(12), leaky, nn.Linear(12, 16),
            nn.BatchNorm1d(16), leaky, nn.Linear(16, 16), nn.Tanh())

    def forward(self, z):
        return self.model(z).view(-1, 1, 4, 4)


class VanillaDiscriminator(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        self.model = nn.Sequential(
            nn.Linear(inputs, 12), leaky, nn.Linear(12, 8), leaky, nn.Linear(8, 1))

    def forward(self, images):
        return self.model(images.flatten(1)).flatten()


class Conditional(nn.Module):
    """The label's embedding after the random vector."""

    def __init__(self):
        super().__init__()
        self.label_emb = nn.Embedding(LABELS, COLUMNS)
        self.model = Vanilla(LATENT + COLUMNS).model

    def forward(self, z, labels):
        return self.model(torch.cat([z, self.label_emb(labels)], 1)).view(-1, 1, 4, 4)


class ConditionalDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.label_embedding = nn.Embedding(LABELS, LABELS)
        self.model = VanillaDiscriminator(16 + LABELS).model

    def forward(self, images, labels):
        return self.model(torch.cat([images.flatten(1), self.label_embedding(labels)], 1)).flatten()


class Dcgan(nn.Module):
    """pytorch/examples' generator for 3 x 16 x 16 images, ngf 4."""

    def __init__(self):
        super().__init__()
        relu = nn.ReLU()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(LATENT, 8, 4, 1, 0, bias=False), nn.BatchNorm2d(8), relu,
            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), relu,
            nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z):
        return self.main(z[:, :, None, None])


class DcganDiscriminator(nn.Module):
    """ndf 4. With `labels`, an embedding's inner product with the last features (Miyato and Koyama 2018)."""

    def __init__(self, labels=0, norms=True):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        norm = [nn.BatchNorm2d(8)] if norms else []
        self.main = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, 1, bias=False), leaky, nn.Conv2d(4, 8, 4, 2, 1, bias=False), *norm, leaky,
            nn.Conv2d(8, 1, 4, 1, 0, bias=False))
        if labels:
            self.label_projection = nn.Embedding(labels, 8)

    def forward(self, images, labels=None):
        features = self.main[:-1](images)
        logits = self.main[-1](features).flatten()
        if labels is None:
            return logits
        return logits + (features.sum((2, 3)) * self.label_projection(labels)).sum(1)


class ConditionalDcgan(nn.Module):
    def __init__(self):
        super().__init__()
        self.label_emb = nn.Embedding(LABELS, COLUMNS)
        self.main = Dcgan().main
        self.main[0] = nn.ConvTranspose2d(LATENT + COLUMNS, 8, 4, 1, 0, bias=False)

    def forward(self, z, labels):
        return self.main(torch.cat([z, self.label_emb(labels)], 1)[:, :, None, None])


def spectral(discriminator):
    """Spectral normalization of all weights (Miyato et al. 2018): each pass improves the singular vectors once."""
    for module in discriminator.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.utils.spectral_norm(module)
    return discriminator


def losses(kind, smoothing):
    ones, cross = torch.ones(BATCH), functional.binary_cross_entropy_with_logits
    softplus = functional.softplus
    of_discriminator = {
        "minimax": lambda r, f: cross(r, ones * (1 - smoothing)) + cross(f, 0 * ones),
        "non-saturating": lambda r, f: cross(r, ones * (1 - smoothing)) + cross(f, 0 * ones),
        "lsgan": lambda r, f: (functional.mse_loss(r, ones * (1 - smoothing)) + functional.mse_loss(f, 0 * ones)) / 2,
        "hinge": lambda r, f: torch.relu(1 - r).mean() + torch.relu(1 + f).mean(),
        "wgan": lambda r, f: f.mean() - r.mean(),
        "relativistic": lambda r, f: softplus(f - r).mean(),
    }
    of_generator = {
        "minimax": lambda r, f: -cross(f, 0 * ones),
        "non-saturating": lambda r, f: cross(f, ones),
        "lsgan": lambda r, f: functional.mse_loss(f, ones),
        "hinge": lambda r, f: -f.mean(),
        "wgan": lambda r, f: -f.mean(),
        "relativistic": lambda r, f: softplus(r - f).mean(),
    }
    return of_discriminator[kind], of_generator[kind]


def squared_gradient(discriminator, images, labels):
    """The mean squared norm of the gradient, half of it: R1 or R2 with a gamma of 1."""
    images = images.detach().clone().requires_grad_()
    gradient = torch.autograd.grad(discriminator(images, *labels).sum(), images, create_graph=True)[0]
    return gradient.flatten(1).square().sum(1).mean() / 2


def run(generator, discriminator, loss, smoothing, channels, side, labeled, penalized=()):
    start(generator, "generator")
    start(discriminator, "discriminator")
    optimizers = [torch.optim.Adam(module.parameters(), RATE, BETAS, EPS) for module in (discriminator, generator)]
    averages = {name: tensor.detach().clone() for name, tensor in generator.state_dict().items()
                if tensor.dtype == torch.float32}
    of_discriminator, of_generator = losses(loss, smoothing)
    found = []
    for step in range(STEPS):
        real = signed(f"real/{step}", (BATCH, channels, side, side))
        z = 2 * signed(f"latents/{step}", (BATCH, LATENT))
        labels = [torch.arange(BATCH) % LABELS] if labeled else []
        made = generator(z, *labels)
        optimizers[0].zero_grad()
        d = of_discriminator(discriminator(real, *labels), discriminator(made.detach(), *labels))
        for name in penalized:
            d = d + squared_gradient(discriminator, {"r1": real, "r2": made}[name], labels)
        d.backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        of_made = discriminator(made, *labels)
        # A relativistic generator also sees the real images, after the generated ones.
        of_real = discriminator(real, *labels) if loss == "relativistic" else None
        g = of_generator(of_real, of_made)
        g.backward()
        optimizers[1].step()
        decay = min(EMA, (2 + step) / (11 + step))
        for name, tensor in generator.state_dict().items():
            if name in averages:
                averages[name] += (1 - decay) * (tensor.detach() - averages[name])
        found.append({"discriminator": d.item(), "generator": g.item()})
    weights = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
    weights |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
    weights |= {f"average.{name}": tensor for name, tensor in averages.items()}
    summary = {}
    for name, tensor in weights.items():
        # Computed from weight_u before it is used.
        if tensor.dtype == torch.float32 and not name.endswith(".weight_v"):
            flat = tensor.detach().double().flatten()
            step = max(1, len(flat) // 8)
            summary[name] = [float(f"{value:.9g}") for value in flat[::step][:8].tolist()]
    return {"losses": found, "weights": summary}


def main():
    cases = {}
    for loss in ("minimax", "non-saturating", "hinge", "wgan", "relativistic"):
        cases[f"vanilla {loss}"] = run(
            Vanilla(LATENT), VanillaDiscriminator(16), loss, 0.0, 1, 4, labeled=False)
    cases["vanilla lsgan embed"] = run(
        Conditional(), ConditionalDiscriminator(), "lsgan", 0.1, 1, 4, labeled=True)
    cases["dcgan non-saturating"] = run(
        Dcgan(), DcganDiscriminator(), "non-saturating", 0.1, 3, 16, labeled=False)
    cases["dcgan hinge project"] = run(
        ConditionalDcgan(), DcganDiscriminator(LABELS), "hinge", 0.0, 3, 16, labeled=True)
    cases["vanilla lsgan embed r1"] = run(
        Conditional(), ConditionalDiscriminator(), "lsgan", 0.0, 1, 4, labeled=True, penalized=["r1"])
    cases["dcgan relativistic project r1+r2"] = run(
        ConditionalDcgan(), DcganDiscriminator(LABELS, norms=False), "relativistic", 0.0, 3, 16, labeled=True,
        penalized=["r1", "r2"])
    cases["vanilla hinge - none spectral"] = run(
        Vanilla(LATENT), spectral(VanillaDiscriminator(16)), "hinge", 0.0, 1, 4, labeled=False)
    cases["dcgan non-saturating - r1 spectral"] = run(
        Dcgan(), spectral(DcganDiscriminator(norms=False)), "non-saturating", 0.0, 3, 16, labeled=False, penalized=["r1"])
    golden = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, testdata/goldens/gan/make_step.py",
        "batch": BATCH, "latent": LATENT, "labels": LABELS, "columns": COLUMNS, "steps": STEPS, "rate": RATE,
        "betas": BETAS, "eps": EPS, "ema": EMA, "cases": cases,
    }
    (HERE / "step.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
