"""CycleGAN: pytorch-CycleGAN-and-pix2pix's optimize_parameters."""

import time

import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels)]
        self.block = nn.Sequential(*half, nn.ReLU(True), *other)

    def forward(self, x):
        return x + self.block(x)


def networks():
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

    return [generator(), generator()], [discriminator(), discriminator()]


def cyclegan(batch):
    """A step without a pool."""
    generators, discriminators = networks()
    real = [torch.rand(batch, 3, 64, 64) * 2 - 1 for _ in range(2)]
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
