"""Figures of pycocotools for a small seeded dataset: object ids from 0, crowds, equal scores, few and many detections.

Writes truth.json, results.json and expected.json (the twelve numbers for boxes and masks at several maxDets; also of the
same truth with ids from 1) beside itself. Needs pycocotools and numpy.
"""

import contextlib
import copy
import importlib.metadata
import io
import json
import pathlib

import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

random = np.random.default_rng(2014)
here = pathlib.Path(__file__).parent
side = 160


def rle(box):
    """An ellipse in the box."""
    x, y, w, h = box
    rows, columns = np.mgrid[0:side, 0:side] + 0.5
    inside = ((columns - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 1
    runs = mask.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


images = [{"id": i, "width": side, "height": side, "file_name": f"{i}.png"} for i in range(5)]
categories = [{"id": i, "name": name} for i, name in enumerate(["bird", "cat", "dog"], 1)]
annotations, results = [], []
for image in images:
    for _ in range(random.integers(1, 5)):
        size = 2 ** random.uniform(3.5, 7)
        box = [*random.uniform(0, side - size, 2).round(1).tolist(), round(size, 1), round(size * 0.9, 1)]
        category = int(random.integers(1, 3))
        segmentation = rle(box)
        annotations.append({
            "id": len(annotations), "image_id": image["id"], "category_id": category, "bbox": box,
            "area": float(mask.area(segmentation)), "iscrowd": int(random.random() < 0.15), "segmentation": segmentation,
        })
        for _ in range(random.integers(0, 6)):
            moved = (np.array(box) + random.normal(0, size / 9, 4)).round(1).tolist()
            found = category if random.random() < 0.9 else 3
            score = round(float(random.random()), 1)
            results.append({
                "image_id": image["id"], "category_id": found, "bbox": moved, "segmentation": rle(moved), "score": score,
            })
# The object with id 0 is found, and is not a crowd.
annotations[0]["iscrowd"] = 0
results.append({"image_id": 0, "category_id": annotations[0]["category_id"], "bbox": annotations[0]["bbox"],
                "segmentation": annotations[0]["segmentation"], "score": 0.95})
truth = {"images": images, "categories": categories, "annotations": annotations}
from_one = copy.deepcopy(truth)
for annotation in from_one["annotations"]:
    annotation["id"] += 1


def stats(truth, iou_type, max_dets):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = copy.deepcopy(truth)
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), iou_type)
        evaluation.params.maxDets = max_dets
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


cases = []
for iou_type in ["bbox", "segm"]:
    for max_dets in [[1, 10, 100], [1, 2, 3], [1, 2, 300], [1, 100, 300]]:
        cases.append({
            "iou_type": iou_type, "max_dets": max_dets,
            "stats": stats(truth, iou_type, max_dets), "stats_with_ids_from_1": stats(from_one, iou_type, max_dets),
        })
expected = {"made_with": f"pycocotools {importlib.metadata.version('pycocotools')}", "cases": cases}
for name, content in [("truth", truth), ("results", results), ("expected", expected)]:
    (here / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
