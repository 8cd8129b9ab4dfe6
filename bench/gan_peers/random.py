"""Vanilla and DCGAN: PyTorch-GAN's gan.py and pytorch/examples' dcgan."""

import time

import torch
from torch import nn


def vanilla(batch):
    def block(inputs, outputs, norm=True):
        layers = [nn.Linear(inputs, outputs)] + ([nn.BatchNorm1d(outputs)] if norm else [])
        return layers + [nn.LeakyReLU(0.2)]

    generator = nn.Sequential(*block(100, 128, False), *block(128, 256), *block(256, 512), *block(512, 1024),
                              nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256),
                                  nn.LeakyReLU(0.2), nn.Linear(256, 1))
    real = torch.rand(batch, 1, 28, 28) * 2 - 1
    return game(generator, discriminator, lambda: torch.randn(batch, 100), real)


def dcgan(batch, side):
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
    real = torch.rand(batch, 3, side, side) * 2 - 1
    return game(generator, discriminator, lambda: torch.randn(batch, 100, 1, 1), real)


def game(generator, discriminator, latents, real):
    """Both players, with real and generated images in passes of their own."""
    cross = nn.BCEWithLogitsLoss()
    optimizers = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (discriminator, generator)]
    ones, zeros = torch.ones(len(real)), torch.zeros(len(real))

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
