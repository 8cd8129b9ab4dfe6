#!/usr/bin/env python3
"""Compare non-maximum suppression (dl_vision::boxes::nms) with torchvision.ops.nms, on the same boxes.

Two kinds of boxes:

- detector: boxes as a detector gives them before suppression. An image of 1333 x 800 has one object per 50 boxes, of 16 to
  400 pixels. 4 of 5 boxes lie around an object, and score higher the closer they are; the rest are background with low
  scores.
- uniform: corners anywhere in 1000 x 1000, sides from 1 to 100, random scores. Few boxes are suppressed.

    python bench/nms.py [--iou 0.5] [--runs 15]

Runs take turns. Only the functions are measured, with boxes in memory: ours in f64, torchvision's in f32. Needs numpy, torch
and torchvision, and `cargo build --release --workspace --examples`.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torchvision

ROOT = Path(__file__).resolve().parent.parent


def detector(count, draw):
    objects = max(1, count // 50)
    size = np.exp(draw.uniform(np.log(16), np.log(400), objects))
    aspect = np.exp(draw.normal(0, 0.4, objects))
    object_width, object_height = size * np.sqrt(aspect), size / np.sqrt(aspect)
    place = draw.uniform(0, 1, (2, objects)) * [[1333], [800]]
    of = draw.integers(0, objects, count)
    shift = draw.normal(0, 0.1, (2, count))
    scale = draw.normal(0, 0.15, (2, count))
    x = place[0][of] + shift[0] * object_width[of]
    y = place[1][of] + shift[1] * object_height[of]
    width, height = object_width[of] * np.exp(scale[0]), object_height[of] * np.exp(scale[1])
    scores = np.exp(-20 * (shift**2).sum(0) - 5 * (scale**2).sum(0)) * draw.uniform(0.5, 1, count)
    background = draw.uniform(0, 1, count) < 0.2
    x[background] = draw.uniform(0, 1333, background.sum())
    y[background] = draw.uniform(0, 800, background.sum())
    scores[background] *= 0.1
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 1), scores


def uniform(count, draw):
    corner, sides = draw.uniform(0, 1000, (count, 2)), draw.uniform(1, 100, (count, 2))
    return np.concatenate([corner, corner + sides], 1), draw.uniform(0, 1, count)


class Ours:
    def __init__(self, boxes, scores, iou):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump({"boxes": boxes.tolist(), "scores": scores.tolist(), "iou": iou}, self.file)
        self.file.flush()
        command = [str(ROOT / "target/release/examples/nms_speed"), self.file.name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.kept = json.loads(self.process.stdout.readline())["kept"]

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["milliseconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torchvision:
    def __init__(self, boxes, scores, iou):
        self.arguments = torch.from_numpy(boxes), torch.from_numpy(scores), iou
        self.kept = torchvision.ops.nms(*self.arguments).tolist()

    def run(self):
        start = time.perf_counter()
        torchvision.ops.nms(*self.arguments)
        return (time.perf_counter() - start) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iou", type=float, default=0.5)
    parser.add_argument("--runs", type=int, default=15)
    known = parser.parse_args()
    torch.set_num_threads(2)
    print(f"IoU above {known.iou}; milliseconds, median (best) of {known.runs} alternating runs; ratio of the medians\n")
    print(f"| boxes | kept | dl-vision | torchvision {torchvision.__version__} | ratio |\n|" + " --- |" * 5)
    for kind in (detector, uniform):
        for count in (1000, 10_000, 50_000):
            boxes, scores = (array.astype(np.float32) for array in kind(count, np.random.default_rng(0)))
            ours, theirs = (peer(boxes, scores, known.iou) for peer in (Ours, Torchvision))
            # Long cases need fewer runs.
            times = np.array([[ours.run(), theirs.run()] for _ in range(known.runs if count < 50_000 else known.runs // 3)])
            ours.close()
            (mine, peer), (mine_best, peer_best) = np.median(times, 0), times.min(0)
            differ = len(set(ours.kept) ^ set(theirs.kept))
            note = f", {differ} differ" if differ else ""
            print(
                f"| {count}, {kind.__name__} | {len(ours.kept)}{note} | {mine:.3f} ({mine_best:.3f}) "
                f"| {peer:.3f} ({peer_best:.3f}) | {peer / mine:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
