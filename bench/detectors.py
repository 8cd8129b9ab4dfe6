#!/usr/bin/env python3
"""Whole detectors, from the pixels to the boxes, beside torchvision: `bench/detectors.py [BIN]`.

Both start from the same seeded, untrained weights. dl-detect runs on a list of one image and on a list of many; the
difference over the number of images more is the time of one, including the decoding of the JPEG, which torchvision is
spared. The programs take turns; each figure is the median over the rounds. Needs torch, torchvision and Pillow.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch
import torchvision
from PIL import Image

BIN = Path(sys.argv[1] if len(sys.argv) > 1 else "target/release")
ROUNDS, THREADS = 5, 2
# Name, images of the long list.
DETECTORS = {
    "ssd300_vgg16": 9,
    "ssdlite320_mobilenet_v3_large": 17,
    "fasterrcnn_mobilenet_v3_large_320_fpn": 9,
    "fasterrcnn_resnet50_fpn": 3,
    "maskrcnn_resnet50_fpn": 3,
}


def ours(model, name, image, count):
    """Seconds of dl-detect on `count` images."""
    records = "".join(f'{{"id":"{index}","image":"{image}"}}\n' for index in range(count))
    command = [BIN / "dl-detect", "--model", model, "--arch", name, "--threads", str(THREADS), "--quiet", "--batch", "1"]
    start = time.perf_counter()
    subprocess.run(command, input=records.encode(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main():
    torch.set_num_threads(THREADS)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {THREADS} threads of {os.cpu_count()}")
    print("| detector | ours ms | torchvision ms | torchvision / ours |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image.jpg"
        pixels = numpy.random.default_rng(0).integers(0, 255, (15, 20, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).resize((640, 480), Image.BICUBIC).save(image, quality=90)
        x = torch.from_numpy(numpy.array(Image.open(image))).permute(2, 0, 1).float() / 255
        for name, count in DETECTORS.items():
            torch.manual_seed(0)
            build = getattr(torchvision.models.detection, name)
            network = build(weights=None, weights_backbone=None, num_classes=91).eval()
            model = Path(folder) / f"{name}.pth"
            torch.save(network.state_dict(), model)
            found = {"ours": [], "peer": []}
            with torch.inference_mode():
                network([x])
                for _ in range(ROUNDS):
                    few, many = (ours(model, name, image, number) for number in (1, count))
                    found["ours"].append((many - few) / (count - 1))
                    start = time.perf_counter()
                    for _ in range(count - 1):
                        network([x])
                    found["peer"].append((time.perf_counter() - start) / (count - 1))
            mine, peer = (1000 * statistics.median(found[side]) for side in ("ours", "peer"))
            print(f"| {name} | {mine:.1f} | {peer:.1f} | {peer / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
