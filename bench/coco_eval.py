#!/usr/bin/env python3
"""Compare dl-eval coco with pycocotools and hotcoco: 5,000 images, 366,000 detections, from files to numbers.

The two files are generated from a seed into bench/.data, in the format and about the size of instances_val2017.json and a
detector's results for it. The Python peers run in a process each and are timed from opening the files to the twelve numbers,
without their import. dl-eval and hotcoco's command line are timed as whole processes.

    python bench/coco_eval.py [--rounds 3] [--fast-rounds 15]

Needs numpy, pycocotools and hotcoco, and a release build of dl-eval.
"""

import argparse
import contextlib
import io
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "bench/.data/coco"
IMAGES, OBJECTS, DETECTIONS, CATEGORIES = 5_000, 36_335, 366_000, 80
NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def draw(truth_path, results_path):
    """Writes objects of COCO's sizes and classes, and as results shifted copies of them and boxes around nothing."""
    rng = np.random.default_rng(1)
    images = [{"license": 1, "file_name": f"{i:012}.jpg", "height": 480, "width": 640, "id": i} for i in range(1, IMAGES + 1)]
    # As in COCO, a few classes have most of the objects.
    share = 1 / np.arange(1, CATEGORIES + 1) ** 0.8
    of_image = rng.integers(1, IMAGES + 1, OBJECTS)
    classes = rng.choice(CATEGORIES, OBJECTS, p=share / share.sum()) + 1
    sides = np.exp(rng.normal(4.0, 1.0, (OBJECTS, 2))).clip(4, (640, 480))
    corners = rng.random((OBJECTS, 2)) * ((640, 480) - sides)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    annotations = []
    for i in range(OBJECTS):
        (x, y), (w, h) = corners[i], sides[i]
        radii = 0.5 * (0.7 + 0.3 * rng.random(len(angles)))
        outline = np.stack([x + w * (0.5 + radii * np.cos(angles)), y + h * (0.5 + radii * np.sin(angles))], axis=1)
        annotations.append({
            "segmentation": [outline.round(2).ravel().tolist()],
            "area": round(0.6 * w * h, 4), "iscrowd": 0, "image_id": int(of_image[i]),
            "bbox": [round(float(v), 2) for v in (x, y, w, h)], "category_id": int(classes[i]), "id": i + 1,
        })
    categories = [{"supercategory": "thing", "id": c, "name": f"class {c}"} for c in range(1, CATEGORIES + 1)]
    truth_path.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations, "categories": categories}))

    which = rng.integers(0, OBJECTS, DETECTIONS)
    real = rng.random(DETECTIONS) < 0.4
    noise = rng.normal(0, 1, (DETECTIONS, 4)) * 0.15
    corner, side = corners[which] + noise[:, :2] * sides[which], sides[which] * np.exp(noise[:, 2:])
    corner[~real] = rng.random((int((~real).sum()), 2)) * (560, 400)
    classes = np.where(real | (rng.random(DETECTIONS) < 0.5), classes[which], rng.integers(1, CATEGORIES + 1, DETECTIONS))
    scores = np.where(real, rng.beta(3, 2, DETECTIONS), rng.beta(1, 6, DETECTIONS))
    results = [
        {"image_id": int(of_image[which[i]]), "category_id": int(classes[i]),
         "bbox": [round(float(v), 3) for v in (*corner[i], *side[i])], "score": round(float(scores[i]), 5)}
        for i in range(DETECTIONS)
    ]
    results_path.write_text(json.dumps(results))


def with_python(peer, truth, results):
    """Prints the seconds and the twelve numbers of a package with pycocotools' interface."""
    if peer == "hotcoco":
        from hotcoco import COCO, COCOeval
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO(str(truth))
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "stats": [float(v) for v in evaluation.stats]}))


def whole(command):
    start = time.perf_counter()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - start, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3, help="rounds of pycocotools, which take minutes; 0 for none")
    parser.add_argument("--fast-rounds", type=int, default=15, help="rounds of the others")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    args = parser.parse_args()
    truth, results = DATA / "instances.json", DATA / "results.json"
    if args.peer:
        return with_python(args.peer, truth, results)
    if not results.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        draw(truth, results)

    def python(peer):
        found = json.loads(whole([sys.executable, __file__, "--peer", peer])[1])
        return found["seconds"], found["stats"]

    def ours():
        command = [ROOT / "target/release/dl-eval", "coco", "--truth", truth, "--detections", results, "--threads", "2"]
        seconds, output = whole(command)
        found = json.loads(output)
        return seconds, [found[name] for name in NAMES]

    def command_line():
        command = [Path(sys.executable).with_name("coco"), "eval", "--gt", truth, "--dt", results, "--json"]
        return whole(command)[0], None

    runs = {"dl-eval": ours, "hotcoco, Python": lambda: python("hotcoco"), "hotcoco, coco eval": command_line,
            "pycocotools": lambda: python("pycocotools")}
    times = {name: [] for name in runs}
    stats = {}
    for turn in range(args.fast_rounds):
        for name, run in runs.items():
            if name != "pycocotools" or turn < args.rounds:
                seconds, stats[name] = run()
                times[name].append(seconds)
    for name, expected in stats.items():
        assert expected is None or np.allclose(expected, stats["dl-eval"], rtol=0, atol=1e-9), f"{name}: {expected}"
    reference = statistics.median(times["dl-eval"])
    print(f"| from files to numbers | median s | best s | peer / dl-eval |\n| --- | --- | --- | --- |")
    for name, seconds in times.items():
        if not seconds:
            continue
        median = statistics.median(seconds)
        print(f"| {name} | {median:.3f} | {min(seconds):.3f} | {median / reference:.2f} |")


if __name__ == "__main__":
    main()
