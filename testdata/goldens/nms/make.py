"""Which detections torchvision keeps: `torchvision.ops.nms` and `batched_nms` on seeded boxes, in double precision.

Writes torchvision.json beside itself. Needs torch, torchvision and numpy.
"""

import json
import pathlib

import numpy as np
import torch
import torchvision

random = np.random.default_rng(20140623)
count = 160
corner = random.uniform(0, 100, (count, 2))
size = 2 ** random.uniform(2, 6, (count, 1)) * random.uniform(0.7, 1.4, (count, 2))
boxes = np.concatenate([corner, corner + size], axis=1).round(1)
scores = random.permutation(count) / count  # no ties: torchvision does not say how it breaks them
labels = random.integers(0, 3, count)

boxes_t, scores_t, labels_t = torch.tensor(boxes), torch.tensor(scores), torch.tensor(labels)
cases = []
for iou in [0.1, 0.3, 0.5, 0.7]:
    kept = torchvision.ops.nms(boxes_t, scores_t, iou)
    cases.append({"iou": iou, "class_agnostic": True, "kept": kept.tolist()})
    kept = torchvision.ops.batched_nms(boxes_t, scores_t, labels_t, iou)
    cases.append({"iou": iou, "class_agnostic": False, "kept": kept.tolist()})

detections = [
    {"box": box, "label": ["cat", "dog", "bird"][label], "score": score, "index": index}
    for index, (box, label, score) in enumerate(zip(boxes.tolist(), labels, scores.tolist()))
]
golden = {"made_with": f"torchvision {torchvision.__version__}", "detections": detections, "cases": cases}
path = pathlib.Path(__file__).with_name("torchvision.json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
