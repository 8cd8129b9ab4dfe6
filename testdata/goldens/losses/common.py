"""Inputs by a formula that the Rust tests repeat (crates/dl-train/src/golden.rs), and losses with their gradients in
double precision."""

import json
import os

import torch


def formula(first, *shape, scale=1.0):
    """Multiples of 1/64 in [-2, 2) times `scale`; the rows of the matrix [.., last axis] begin at `first`."""
    count, columns = 1, shape[-1]
    for length in shape:
        count *= length
    numbers = []
    for index in range(count):
        i, j = first + index // columns, index % columns
        mixed = (i * 2654435761 + j * 40503 + 12345) & 0xFFFFFFFF
        mixed ^= mixed >> 13
        mixed = (mixed * 1597334677) & 0xFFFFFFFF
        mixed ^= mixed >> 16
        numbers.append((mixed % 256) / 64.0 - 2.0)
    return (torch.tensor(numbers, dtype=torch.float64) * scale).reshape(shape).requires_grad_()


def numbers(tensor):
    """Nine digits are enough for comparisons to 1e-5."""
    return [float(f"{x:.9g}") for x in tensor.detach().double().flatten().tolist()]


def case(loss, **inputs):
    """The loss and its gradients; a name's "__" stands for a point."""
    loss.backward()
    gradients = {name.replace("__", "."): None if x.grad is None else numbers(x.grad) for name, x in inputs.items()}
    return {"value": numbers(loss)[0], "gradients": gradients}


def write(name, **cases):
    """One line for each case."""
    cases = {"peer": f"torch {torch.__version__.split('+')[0]}", **cases}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in cases.items())
    with open(os.path.join(os.path.dirname(__file__), name), "w") as file:
        file.write("{\n" + lines + "\n}\n")
