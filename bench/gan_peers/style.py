"""StyleGAN2, written from the paper's formulas in torch's own operations, without style mixing."""

import time

import torch
from torch import nn
from torch.nn import functional


def filtered(x, up=1, down=1, before=0, after=0):
    """StyleGAN2's filter [1, 3, 3, 1] as a depthwise convolution."""
    channels = x.shape[1]
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    taps = (torch.outer(taps, taps) / 64 * up * up).expand(channels, 1, 4, 4)
    if up > 1:
        return functional.conv_transpose2d(x, taps, stride=2, padding=1, groups=channels)
    return functional.conv2d(functional.pad(x, (before, after, before, after)), taps, stride=down, groups=channels)


class Dense(nn.Module):
    def __init__(self, inputs, outputs, rate=1.0, bias=0.0):
        super().__init__()
        self.weight, self.rate = nn.Parameter(torch.randn(outputs, inputs) / rate), rate
        self.bias = nn.Parameter(torch.full([outputs], bias))

    def forward(self, x):
        return functional.linear(x, self.weight * (self.rate / self.weight.shape[1] ** 0.5), self.bias * self.rate)


class Conv(nn.Module):
    def __init__(self, inputs, outputs, side, stride=1, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, side, side))
        self.bias, self.stride = nn.Parameter(torch.zeros(outputs)) if bias else None, stride

    def forward(self, x):
        weight = self.weight / self.weight[0].numel() ** 0.5
        padding = self.weight.shape[-1] // 2 if self.stride == 1 else 0
        return functional.conv2d(x, weight, self.bias, self.stride, padding)


def leaky(x):
    return functional.leaky_relu(x, 0.2) * 2 ** 0.5


class Modulated(nn.Module):
    """Scales of the input and the output instead of a weight for each sample, as the authors' code has it in training."""

    def __init__(self, columns, inputs, outputs, side, doubles=False, demodulates=True):
        super().__init__()
        self.affine, self.weight = Dense(columns, inputs, bias=1.0), nn.Parameter(torch.randn(outputs, inputs, side, side))
        self.bias, self.strength = nn.Parameter(torch.zeros(outputs)), nn.Parameter(torch.zeros([]))
        self.doubles, self.demodulates = doubles, demodulates

    def forward(self, x, w):
        styles, weight = self.affine(w), self.weight / self.weight[0].numel() ** 0.5
        x = x * styles[:, :, None, None]
        if self.doubles:
            y = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
            y = 4 * filtered(y, before=1, after=1)
        else:
            y = functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if not self.demodulates:
            return y + self.bias[None, :, None, None]
        y = y * (styles.square() @ weight.square().sum((2, 3)).t() + 1e-8).rsqrt()[:, :, None, None]
        y = y + torch.randn(len(x), 1, *y.shape[2:]) * self.strength
        return leaky(y + self.bias[None, :, None, None])


class StyleGenerator(nn.Module):
    def __init__(self, channels, doublings):
        super().__init__()
        self.mapping = nn.ModuleList([Dense(channels, channels, 0.01) for _ in range(8)])
        self.constant = nn.Parameter(torch.randn(1, channels, 4, 4))
        layer = lambda **options: Modulated(channels, channels, channels, 3, **options)
        self.first = nn.ModuleList([layer(doubles=True) for _ in range(doublings)])
        self.second = nn.ModuleList([layer() for _ in range(doublings + 1)])
        self.images = nn.ModuleList([Modulated(channels, channels, 3, 1, demodulates=False) for _ in range(doublings + 1)])

    def forward(self, z):
        w = z / (z.square().mean(1, keepdim=True) + 1e-8).sqrt()
        for layer in self.mapping:
            w = leaky(layer(w))
        x = self.second[0](self.constant.expand(len(z), -1, -1, -1), w)
        image = self.images[0](x, w)
        for first, second, to_image in zip(self.first, self.second[1:], self.images[1:]):
            x = second(first(x, w), w)
            image = filtered(image, up=2) + to_image(x, w)
        return image


class StyleDiscriminator(nn.Module):
    def __init__(self, channels, halvings):
        super().__init__()
        self.image = Conv(3, channels, 1)
        blocks = lambda make: nn.ModuleList([make() for _ in range(halvings)])
        self.first = blocks(lambda: Conv(channels, channels, 3))
        self.second = blocks(lambda: Conv(channels, channels, 3, stride=2))
        self.skip = blocks(lambda: Conv(channels, channels, 1, bias=False))
        self.conv, self.linear, self.last = Conv(channels + 1, channels, 3), Dense(channels * 16, channels), Dense(channels, 1)

    def forward(self, x):
        x = leaky(self.image(x))
        for first, second, skip in zip(self.first, self.second, self.skip):
            y = leaky(second(filtered(leaky(first(x)), before=2, after=2)))
            x = (y + skip(filtered(x, down=2, before=1, after=1))) * 0.5 ** 0.5
        deviation = (x.reshape(4, -1, *x.shape[1:]).var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        x = torch.cat([x, deviation.repeat(4)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        return self.last(leaky(self.linear(leaky(self.conv(x)).flatten(1)))).flatten()


def game(generator, discriminator, latents, real):
    """Non-saturating, R1 on one of 16 steps, and a moving average of the generator."""
    part, gamma = 16 / 17, 0.0002 * 32 * 32 / len(real)
    adam_d = torch.optim.Adam(discriminator.parameters(), 2.5e-3 * part, (0.0, 0.99 ** part))
    adam_g = torch.optim.Adam(generator.parameters(), 2.5e-3, (0.0, 0.99))
    averages = [weight.detach().clone() for weight in generator.parameters()]
    softplus, done = functional.softplus, [0]

    def step():
        start = time.perf_counter()
        discriminator.zero_grad()
        made = generator(latents())
        (softplus(-discriminator(real)).mean() + softplus(discriminator(made.detach())).mean()).backward()
        adam_d.step()
        generator.zero_grad()
        discriminator.requires_grad_(False)
        softplus(-discriminator(made)).mean().backward()
        discriminator.requires_grad_(True)
        adam_g.step()
        if done[0] % 16 == 0:
            discriminator.zero_grad()
            images = real.clone().requires_grad_()
            gradient = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)[0]
            (8 * gamma * gradient.square().sum((1, 2, 3)).mean()).backward()
            adam_d.step()
        with torch.no_grad():
            for average, weight in zip(averages, generator.parameters()):
                average.lerp_(weight, 0.002)
        done[0] += 1
        return time.perf_counter() - start

    return step


def stylegan(batch):
    """An eighth of the paper's channels."""
    real = torch.rand(batch, 3, 32, 32) * 2 - 1
    return game(StyleGenerator(64, 3), StyleDiscriminator(64, 3), lambda: torch.randn(batch, 64), real)
