#!/usr/bin/env python3
"""dl-propose selective-search beside OpenCV's, on the same pictures and objects.

For each object of a VOC data set: the best IoU of any of the first N proposals. Their mean over all objects is the
mean ABO; over the objects of a class, that class's ABO; the mean of those, MABO (Uijlings et al. 2013, section 5).

    python bench/selective_search.py ../shared/data/bccd --split test

Needs numpy and opencv-contrib-python-headless, and a release build of dl-propose.
"""

import argparse
import json
import subprocess
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


def ours(pictures, arguments, count):
    command = [str(ROOT / "target/release/dl-propose"), "selective-search", "--max", str(count), *arguments]
    start = time.perf_counter()
    run = subprocess.run([*command, *map(str, pictures)], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    records = [json.loads(line) for line in run.stdout.splitlines()]
    boxes = [np.array([proposal["box"] for proposal in record["proposals"]]) for record in records]
    return boxes, seconds


def opencv(pictures, mode, count):
    boxes = []
    start = time.perf_counter()
    for picture in pictures:
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(cv2.imread(str(picture)))
        {
            "single": search.switchToSingleStrategy,
            "fast": search.switchToSelectiveSearchFast,
            "quality": search.switchToSelectiveSearchQuality,
        }[mode]()
        found = search.process()[:count].astype(float)
        found[:, 2:] += found[:, :2]
        boxes.append(found)
    return boxes, time.perf_counter() - start


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
    parser.add_argument("data", type=Path, help="folder in VOC's layout")
    parser.add_argument("--split", default="test")
    parser.add_argument("--mode", default="fast", choices=["single", "fast", "quality"])
    parser.add_argument("--count", type=int, default=2000, help="proposals that count")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--first", type=int, help="only so many pictures")
    known, arguments = parser.parse_known_args()

    names = (known.data / f"ImageSets/Main/{known.split}.txt").read_text().split()[: known.first]
    pictures = [known.data / f"JPEGImages/{name}.jpg" for name in names]
    truth = [objects(known.data / f"Annotations/{name}.xml") for name in names]
    labels = sorted({label for items in truth for label, _ in items})
    print(f"{len(pictures)} pictures, {sum(map(len, truth))} objects, first {known.count} proposals, mode {known.mode}\n")
    header = ["", "mean ABO", "MABO", *(f"ABO {label}" for label in labels), "recall@0.5", "proposals", "s/picture"]
    print("| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    mine = report("dl-propose", *ours(pictures, ["--mode", known.mode, *arguments], known.count), truth)
    if not known.only_ours:
        theirs = report(f"OpenCV {cv2.__version__}", *opencv(pictures, known.mode, known.count), truth)
        print(f"\nmean ABO: {mine - theirs:+.4f} against OpenCV")


if __name__ == "__main__":
    main()
