#!/usr/bin/env python3
"""A step of training of detectors beside torchvision's: forward, loss, backward, SGD with momentum.

    bench/detector_training.py [--bin DIR] [--rounds N] [--steps N]

Both train on the same images and objects, from random weights. Ours includes what prepares the next batch beside the step:
decoding, flipping and resizing; torchvision is given tensors. The programs take turns; each figure is the median over all
steps but the first of each turn. Needs torch, torchvision and Pillow.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image

THREADS = 2
# Name, images per batch, [width, height] of the images.
DETECTORS = [("ssd300_vgg16", 8, (300, 300)), ("fasterrcnn_mobilenet_v3_large_320_fpn", 2, (640, 480))]
BOXES = [[20, 20, 150, 130], [120, 90, 280, 270]]


def ours(options, name, batch, records, folder):
    """Seconds of each step but the first."""
    log = folder / "log.jsonl"
    command = [options.bin / "dl-finetune", "detector", records, "--arch", name, "--batch", batch, "--optimizer", "sgd",
               "--lr", 1e-5, "--augment", "flip", "--iterations", options.steps + 1, "--threads", THREADS, "--quiet", "--force",
               "--checkpoint-every", 1000, "--log", log, "--output", folder / "model.safetensors"]
    subprocess.run(list(map(str, command)), check=True)
    ends = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
    return [later - earlier for earlier, later in zip(ends, ends[1:])]


def peer(name, images):
    network = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None, num_classes=3).train()
    optimizer = torch.optim.SGD(network.parameters(), 1e-5, momentum=0.9, weight_decay=5e-4)
    targets = [{"boxes": torch.tensor(BOXES, dtype=torch.float32), "labels": torch.tensor([1, 2])} for _ in images]

    def step():
        start = time.perf_counter()
        optimizer.zero_grad()
        sum(network(images, targets).values()).backward()
        optimizer.step()
        return time.perf_counter() - start

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {THREADS} threads of {os.cpu_count()}\n")
    print("| detector, images per batch | ours ms | torchvision ms | torchvision / ours |\n| --- | --- | --- | --- |")
    for name, batch, size in DETECTORS:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            records, images = folder / "train.jsonl", []
            with records.open("w") as file:
                for index in range(batch):
                    pixels = numpy.random.default_rng(index).integers(0, 255, (15, 20, 3), dtype=numpy.uint8)
                    image = Image.fromarray(pixels).resize(size, Image.BICUBIC)
                    image.save(folder / f"{index}.png")
                    objects = [{"box": box, "label": label} for box, label in zip(BOXES, "ab")]
                    record = {"id": str(index), "image": str(folder / f"{index}.png"), "objects": objects}
                    file.write(json.dumps(record) + "\n")
                    images.append(torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float() / 255)
            step, taken = peer(name, images), {"ours": [], "peer": []}
            step()
            for _ in range(options.rounds):
                taken["ours"] += ours(options, name, batch, records, folder)
                taken["peer"] += [step() for _ in range(options.steps)]
            mine, theirs = (1000 * statistics.median(taken[side]) for side in ("ours", "peer"))
            print(f"| {name}, {batch} | {mine:.0f} | {theirs:.0f} | {theirs / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
