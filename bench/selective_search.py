#!/usr/bin/env python3
"""Compare dl-propose selective-search with OpenCV's, on the same images and objects.

Measures the best IoU of each object of a VOC dataset with any of the first N proposals. Its mean over all objects is the
mean ABO, over the objects of a class that class's ABO, and the mean of those is MABO (Uijlings et al. 2013, section 5).

    python bench/selective_search.py ../shared/data/bccd --split test

With --speed, measures the time of the function alone, on images in memory: those of a folder, scaled to 512 x 512. Runs
take turns. This also needs `cargo build --release --workspace --examples`.

    python bench/selective_search.py ../shared/data/rcnn-demo --speed

Needs numpy and opencv-contrib-python-headless, and a release build of dl-propose.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def objects(annotation):
    """VOC's 1-based inclusive corners as continuous boxes, with their labels."""
    found = []
    for item in ET.parse(annotation).iter("object"):
        corner = {edge: float(item.find(f"bndbox/{edge}").text) for edge in ("xmin", "ymin", "xmax", "ymax")}
        box = [corner["xmin"] - 1, corner["ymin"] - 1, corner["xmax"], corner["ymax"]]
        found.append((item.find("name").text, box))
    return found


def best_overlap(box, proposals):
    if len(proposals) == 0:
        return 0.0
    width = np.minimum(box[2], proposals[:, 2]) - np.maximum(box[0], proposals[:, 0])
    height = np.minimum(box[3], proposals[:, 3]) - np.maximum(box[1], proposals[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    areas = (proposals[:, 2] - proposals[:, 0]) * (proposals[:, 3] - proposals[:, 1])
    return float(np.max(both / (areas + (box[2] - box[0]) * (box[3] - box[1]) - both)))


def ours(images, arguments, count):
    command = [str(ROOT / "target/release/dl-propose"), "selective-search", "--max", str(count), *arguments]
    start = time.perf_counter()
    run = subprocess.run([*command, *map(str, images)], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    records = [json.loads(line) for line in run.stdout.splitlines()]
    boxes = [np.array([proposal["box"] for proposal in record["proposals"]]) for record in records]
    return boxes, seconds


def opencv(images, mode, count):
    boxes = []
    start = time.perf_counter()
    for image in images:
        found = opencv_search(cv2.imread(str(image)), mode)[:count].astype(float)
        found[:, 2:] += found[:, :2]
        boxes.append(found)
    return boxes, time.perf_counter() - start


def opencv_search(image, mode):
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(image)
    {
        "single": search.switchToSingleStrategy,
        "fast": search.switchToSelectiveSearchFast,
        "quality": search.switchToSelectiveSearchQuality,
    }[mode]()
    return search.process()


def speed(folder, first, runs):
    """Prints a row per mode: the median of the images' median times, and the median of the ratios."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))[:first]
    program = str(ROOT / "target/release/examples/selective_search_speed")
    cv2.setNumThreads(2)
    print(f"{len(paths)} images of 512 x 512, {runs} alternating runs each, 2 threads\n")
    print(f"| mode | dl-vision, ms | OpenCV {cv2.__version__}, ms | ratio | smallest ratio | proposals |\n|" + " --- |" * 6)
    for mode in ("single", "fast", "quality"):
        medians, counts = [], []
        for path in paths:
            image = cv2.resize(cv2.imread(str(path)), (512, 512), interpolation=cv2.INTER_AREA)
            with tempfile.NamedTemporaryFile(suffix=".png") as file:
                cv2.imwrite(file.name, image)
                process = subprocess.Popen(
                    [program, file.name, mode],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "RAYON_NUM_THREADS": "2"},
                )
                proposals = json.loads(process.stdout.readline())["proposals"]
            times = []
            for _ in range(runs):
                process.stdin.write("\n")
                process.stdin.flush()
                mine = json.loads(process.stdout.readline())["milliseconds"]
                start = time.perf_counter()
                found = opencv_search(image, mode)
                times.append((mine, (time.perf_counter() - start) * 1e3))
            process.stdin.close()
            process.wait()
            medians.append(np.median(times, 0))
            counts.append((len(proposals), len(found)))
        mine, theirs = np.array(medians).T
        (our_count, their_count), ratios = np.median(counts, 0), theirs / mine
        print(
            f"| {mode} | {np.median(mine):.0f} | {np.median(theirs):.0f} | {np.median(ratios):.1f} | {ratios.min():.1f} "
            f"| {our_count:.0f}, {their_count:.0f} |",
            flush=True,
        )


def report(name, boxes, seconds, truth):
    overlaps = {}
    for proposals, items in zip(boxes, truth):
        for label, box in items:
            overlaps.setdefault(label, []).append(best_overlap(box, proposals))
    every = np.concatenate(list(overlaps.values()))
    classes = {label: float(np.mean(found)) for label, found in sorted(overlaps.items())}
    print(
        f"| {name} | {every.mean():.4f} | {np.mean(list(classes.values())):.4f} | "
        + " | ".join(f"{abo:.4f}" for abo in classes.values())
        + f" | {(every >= 0.5).mean():.4f} | {np.mean([len(found) for found in boxes]):.0f} | {seconds / len(boxes):.2f} |"
    )
    return every.mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder in VOC's layout; with --speed, of images")
    parser.add_argument("--split", default="test")
    parser.add_argument("--mode", default="fast", choices=["single", "fast", "quality"])
    parser.add_argument("--count", type=int, default=2000, help="score the first N proposals")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--first", type=int, help="use only the first N images")
    parser.add_argument("--speed", action="store_true", help="measure the time on a folder of images, scaled to 512 x 512")
    parser.add_argument("--runs", type=int, default=3, help="with --speed: runs per image")
    known, arguments = parser.parse_known_args()
    if known.speed:
        return speed(known.data, known.first, known.runs)

    names = (known.data / f"ImageSets/Main/{known.split}.txt").read_text().split()[: known.first]
    images = [known.data / f"JPEGImages/{name}.jpg" for name in names]
    truth = [objects(known.data / f"Annotations/{name}.xml") for name in names]
    labels = sorted({label for items in truth for label, _ in items})
    print(f"{len(images)} images, {sum(map(len, truth))} objects, first {known.count} proposals, mode {known.mode}\n")
    header = ["", "mean ABO", "MABO", *(f"ABO {label}" for label in labels), "recall@0.5", "proposals", "s/image"]
    print("| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    mine = report("dl-propose", *ours(images, ["--mode", known.mode, *arguments], known.count), truth)
    if not known.only_ours:
        theirs = report(f"OpenCV {cv2.__version__}", *opencv(images, known.mode, known.count), truth)
        print(f"\nmean ABO: {mine - theirs:+.4f} compared with OpenCV")


if __name__ == "__main__":
    main()
