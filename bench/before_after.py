#!/usr/bin/env python3
"""Compare two builds of the programs: have NMS, COCO evaluation or the reading of records become slower?

    python bench/before_after.py OLD NEW [--rounds 15]

OLD and NEW are folders of release programs. Each round runs both once on the same files; whole processes are timed. The
files are generated from a seed into bench/.data. Needs numpy.
"""

import argparse
import base64
import json
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

import coco_eval

DATA = Path(__file__).resolve().parent / ".data/before_after"


def detections(rng, count):
    """Boxes as a detector gives them before suppression, with one object per 20 boxes."""
    centers = rng.random((max(1, count // 20), 2)) * (1333, 800)
    sides = np.exp(rng.normal(4, 0.7, (len(centers), 2)))
    which = rng.integers(0, len(centers), count)
    side = sides[which] * np.exp(rng.normal(0, 0.15, (count, 2)))
    corner = centers[which] + rng.normal(0, 0.1, (count, 2)) * sides[which] - side / 2
    boxes = np.concatenate([corner, corner + side], 1).round(3)
    labels = rng.integers(0, 20, len(centers))[which]
    return [
        {"box": box.tolist(), "label": f"class {label}", "score": round(float(score), 5)}
        for box, label, score in zip(boxes, labels, rng.random(count))
    ]


def draw():
    DATA.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    coco_eval.draw(DATA / "truth.json", DATA / "results.json")
    with open(DATA / "many.jsonl", "w") as file:
        for index in range(2000):
            file.write(json.dumps({"id": f"{index}.jpg", "image": f"{index}.jpg", "width": 1333, "height": 800,
                                   "detections": detections(rng, 200)}) + "\n")
    with open(DATA / "large.jsonl", "w") as file:
        file.write(json.dumps({"id": "a.jpg", "detections": detections(rng, 50_000)}) + "\n")
    with open(DATA / "small.jsonl", "w") as file:
        for index in range(200_000):
            file.write(json.dumps({"id": f"{index}", "label": "cat", "domain": "a", "weight": 1.5, "detections": []}) + "\n")
    with open(DATA / "features.jsonl", "w") as file:
        for index in range(40):
            numbers = rng.normal(0, 1, 500 * 4096).astype("<f4")
            tensor = {"dtype": "f32", "shape": [500, 4096], "base64": base64.b64encode(numbers.tobytes()).decode()}
            file.write(json.dumps({"id": f"{index}", "features": {"fc7": tensor}, "detections": []}) + "\n")


WORK = [
    ("dl-eval coco, 5,000 images, 366,000 results", ["dl-eval", "coco", "--format", "json", "--truth",
                                                      "truth.json", "--detections", "results.json"]),
    ("dl-nms, 2,000 records of 200 boxes", ["dl-nms", "many.jsonl"]),
    ("dl-nms, one record of 50,000 boxes", ["dl-nms", "large.jsonl"]),
    ("dl-nms, 200,000 small records", ["dl-nms", "small.jsonl"]),
    ("dl-nms, 437 MB of features passed through", ["dl-nms", "features.jsonl"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    known = parser.parse_args()
    if not (DATA / "features.jsonl").exists():
        draw()
    print(f"Seconds, median (best) of {known.rounds} alternating runs; ratio of the medians, old / new\n")
    print("| work | old | new | ratio |\n| --- | --- | --- | --- |")
    for title, (tool, *arguments) in WORK:
        times, outputs = {"old": [], "new": []}, {}
        for turn in range(known.rounds):
            order = [("old", known.old), ("new", known.new)]
            for name, folder in order if turn % 2 else reversed(order):
                start = time.perf_counter()
                ran = subprocess.run([folder.resolve() / tool, *arguments], cwd=DATA, capture_output=True, check=True)
                times[name].append(time.perf_counter() - start)
                outputs[name] = ran.stdout
        old, new = (statistics.median(times[name]) for name in ("old", "new"))
        cells = [f"{statistics.median(times[name]):.3f} ({min(times[name]):.3f})" for name in ("old", "new")]
        differ = "" if outputs["old"] == outputs["new"] else ", outputs differ"
        print(f"| {title} | {cells[0]} | {cells[1]} | {old / new:.2f}{differ} |", flush=True)


if __name__ == "__main__":
    main()
