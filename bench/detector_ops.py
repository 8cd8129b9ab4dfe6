#!/usr/bin/env python3
"""Compare single operations of detectors with torchvision and pycocotools, on the same numbers.

- RoIAlign: 1,000 boxes on a map of 256 channels (50 x 68 pixels, 1/16 of the input), 7 x 7 bins of 2 x 2 samples.
- proposals: objectness and deltas of a pyramid for an input of 800 x 1088 pixels to at most 2,000 proposals: the best 2,000
  of each map, decoded, clipped, without small ones, and suppressed map by map.
- masks: 100 masks of 28 x 28 pixels pasted into an image of 1088 x 800 pixels, and encoded as COCO's run lengths.

    python bench/detector_ops.py [--runs 15]

Runs take turns, with 2 threads. Only the operations are measured, with the numbers in memory. Needs numpy, torch, torchvision,
pycocotools and safetensors, and `cargo build --release --workspace --examples`.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from pycocotools import mask as coco
from safetensors.torch import save_file
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image

ROOT = Path(__file__).resolve().parent.parent
THREADS, HEIGHT, WIDTH = 2, 800, 1088


def boxes(count, generator):
    corner = torch.rand(count, 2, generator=generator) * torch.tensor([WIDTH * 0.8, HEIGHT * 0.8])
    sides = 16 * torch.exp(3 * torch.rand(count, 2, generator=generator))
    return torch.cat([corner, torch.minimum(corner + sides, torch.tensor([float(WIDTH), float(HEIGHT)]))], 1)


def align(generator):
    tensors = {"map": torch.randn(1, 256, 50, 68, generator=generator)}
    tensors["boxes"] = torch.cat([torch.zeros(1000, 1), boxes(1000, generator)], 1)

    def run():
        pooled = torchvision.ops.roi_align(tensors["map"], tensors["boxes"], (7, 7), 1 / 16, 2, False)
        return float(pooled[0, 0, 0, 0])

    return tensors, run


def propose(generator):
    network = torchvision.models.detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    rpn = network.rpn.train()
    sides = [(-(-HEIGHT // stride), -(-WIDTH // stride)) for stride in (4, 8, 16, 32, 64)]
    tensors = {}
    for index, (height, width) in enumerate(sides):
        # Smooth, so that neighbors score alike, as in a trained network.
        coarse = torch.randn(1, 3, height // 4 + 2, width // 4 + 2, generator=generator)
        tensors[f"objectness.{index}"] = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear").contiguous()
        tensors[f"deltas.{index}"] = 0.3 * torch.randn(1, 12, height, width, generator=generator)
    images = ImageList(torch.zeros(1, 3, HEIGHT, WIDTH), [(HEIGHT, WIDTH)])
    maps = [torch.zeros(1, 1, height, width) for height, width in sides]
    scores = [tensors[f"objectness.{index}"] for index in range(5)]
    deltas = [tensors[f"deltas.{index}"] for index in range(5)]

    def run():
        anchors = rpn.anchor_generator(images, maps)
        counts = [score[0].numel() for score in scores]
        objectness, codes = torchvision.models.detection.rpn.concat_box_prediction_layers(scores, deltas)
        moved = rpn.box_coder.decode(codes, anchors).view(1, -1, 4)
        return len(rpn.filter_proposals(moved, objectness, images.image_sizes, counts)[0][0])

    return tensors, run


def paste(generator):
    coarse = torch.rand(100, 1, 7, 7, generator=generator)
    masks = torch.nn.functional.interpolate(coarse, (28, 28), mode="bilinear")
    tensors = {"masks": masks.contiguous(), "boxes": boxes(100, generator)}

    def run():
        pasted = paste_masks_in_image(tensors["masks"], tensors["boxes"], (HEIGHT, WIDTH)) > 0.5
        bitmaps = np.asfortranarray(pasted[:, 0].numpy().astype(np.uint8).transpose(1, 2, 0))
        return int(coco.area(coco.encode(bitmaps)).sum())

    return tensors, run


class Ours:
    def __init__(self, operation, path):
        command = [str(ROOT / "target/release/examples/detector_speed"), operation, path]
        environment = dict(os.environ, RAYON_NUM_THREADS=str(THREADS))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.check = json.loads(self.process.stdout.readline())["check"]

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["milliseconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    torch.set_num_threads(THREADS)
    print("| operation | ours ms | peer ms | peer / ours |\n| --- | --- | --- | --- |")
    for name, operation in (("RoIAlign", align), ("proposals", propose), ("masks", paste)):
        tensors, peer = operation(torch.Generator().manual_seed(0))
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
            path = f"{folder}/input.safetensors"
            save_file(tensors, path)
            ours = Ours(operation.__name__, path)
            check = peer()
            # Ties and roundings may decide for another box.
            assert abs(ours.check - check) <= 2e-3 * abs(check), (name, ours.check, check)
            mine, theirs = [], []
            for _ in range(runs):
                mine.append(ours.run())
                start = time.perf_counter()
                peer()
                theirs.append(1000 * (time.perf_counter() - start))
            ours.process.stdin.close()
            ours.process.wait()
        mine, theirs = statistics.median(mine), statistics.median(theirs)
        print(f"| {name} | {mine:.2f} | {theirs:.2f} | {theirs / mine:.1f} |", flush=True)


if __name__ == "__main__":
    main()
