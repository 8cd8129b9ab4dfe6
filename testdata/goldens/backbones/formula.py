"""Weights of the goldens' networks, from a formula that the Rust tests repeat."""

import math

import numpy as np
import torch


def mix(name, count):
    """`count` numbers in [0, 1): murmur's last step on a counter that starts at FNV-1a of the name."""
    start = 0x811C9DC5
    for byte in name.encode():
        start = ((start ^ byte) * 0x01000193) & 0xFFFFFFFF
    h = (start + np.arange(count, dtype=np.uint64) * 0x9E3779B9) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return (h ^ (h >> 16)).astype(np.float64) / 2.0**32


def formula(name, shape, gain=6.0):
    count = math.prod(shape)
    numbers = 2.0 * mix(name, count) - 1.0
    if name.endswith("running_var") or (len(shape) == 1 and name.endswith(".weight")):
        numbers = 1.0 + 0.5 * numbers
    else:
        numbers *= 0.1 if len(shape) == 1 else math.sqrt(gain / (count // shape[0]))
    return torch.from_numpy(numbers.astype(np.float32)).reshape(shape)


def signed(name, shape):
    """Numbers in [-1, 1)."""
    return torch.from_numpy((2.0 * mix(name, math.prod(shape)) - 1.0).astype(np.float32)).reshape(shape)
