#!/usr/bin/env python3
"""Compare the computation of R-CNN's features: AlexNet's fc7 for 2000 regions of one image, from JPEG to stdout.

    bench/regions.py PHOTO.jpg [--regions 2000] [--rounds 3]

The peer is a straightforward Python program: OpenCV decodes the image and warps the crops, ONNX Runtime computes in batches
of 64, and the matrix is written to a pipe as bytes. Ours is `dl-embed`, which reads and writes records. Both times include
the start of the program and the loading of the weights.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/dl-embed"
DATA = Path(__file__).resolve().parent / ".data"
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def weights():
    """AlexNet with random weights, for both."""
    import torch
    import torchvision
    from safetensors.torch import save_file

    DATA.mkdir(exist_ok=True)
    ours, theirs = DATA / "alexnet.safetensors", DATA / "alexnet-fc7.onnx"
    if not (ours.exists() and theirs.exists()):
        torch.manual_seed(0)
        network = torchvision.models.alexnet(weights=None).eval()
        save_file(network.state_dict(), str(ours))
        network.classifier = network.classifier[:6]
        axes = {"x": {0: "n"}, "y": {0: "n"}}
        torch.onnx.export(network, torch.zeros(64, 3, 224, 224), str(theirs), input_names=["x"], output_names=["y"],
                          dynamic_axes=axes, dynamo=False, opset_version=17)
    return ours, theirs


def peer(photo, boxes, model, threads):
    """All of the peer's work, in this process."""
    import cv2
    import onnxruntime

    cv2.setNumThreads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    image = cv2.cvtColor(cv2.imread(photo), cv2.COLOR_BGR2RGB)
    for first in range(0, len(boxes), 64):
        crops = []
        for x1, y1, x2, y2 in boxes[first:first + 64]:
            # 16 pixels of context in the warped crop, as in R-CNN.
            dx, dy = (x2 - x1) * 16 / 192, (y2 - y1) * 16 / 192
            matrix = np.float32([[(x2 - x1 + 2 * dx) / 224, 0, x1 - dx], [0, (y2 - y1 + 2 * dy) / 224, y1 - dy]])
            crop = cv2.warpAffine(image, matrix, (224, 224), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            crops.append(((crop.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1))
        sys.stdout.buffer.write(session.run(None, {"x": np.ascontiguousarray(np.stack(crops))})[0].tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photo")
    parser.add_argument("--regions", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    import cv2

    height, width = cv2.imread(args.photo).shape[:2]
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.7, (args.regions, 2)) * [width, height]
    far = np.minimum(corner + rng.uniform(0.05, 0.6, (args.regions, 2)) * [width, height], [width, height])
    boxes = np.hstack([corner, far]).tolist()
    ours, theirs = weights()
    if args.peer:
        return peer(args.photo, boxes, str(theirs), args.threads)
    record = json.dumps({"id": "photo", "image": args.photo, "proposals": [{"box": box, "score": 1} for box in boxes]})
    programs = {
        "ours": ([str(PROGRAM), "--model", str(ours), "--arch", "alexnet", "--layer", "fc7", "--threads", str(args.threads)], record),
        "peer": ([sys.executable, __file__, args.photo, "--peer", "--regions", str(args.regions), "--threads",
                  str(args.threads)], ""),
    }
    times = {name: [] for name in programs}
    for _ in range(args.rounds):
        for name, (command, text) in programs.items():
            start = time.perf_counter()
            subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True)
            times[name].append(time.perf_counter() - start)
    middle = {name: statistics.median(found) for name, found in times.items()}
    print("| regions | ours s | OpenCV and onnxruntime s | ratio |\n| --- | --- | --- | --- |")
    print(f"| {args.regions} | {middle['ours']:.2f} | {middle['peer']:.2f} | {middle['peer'] / middle['ours']:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
