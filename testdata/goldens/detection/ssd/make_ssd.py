#!/usr/bin/env python3
"""Goldens of SSD: torchvision's ssd300_vgg16 and ssdlite320_mobilenet_v3_large on weights from a formula, and its loss
on fixed samples.

    python3 testdata/goldens/detection/ssd/make_ssd.py

The formula is that of ../../backbones/formula.py. The image is that of ../../warp. Made with torch 2.15.0 and torchvision
0.29.2.
"""

import json
import sys
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "backbones"))
from formula import formula  # noqa: E402

torch.set_num_threads(1)


def summary(tensor, picked=24):
    flat = tensor.detach().double().flatten()
    step = max(1, len(flat) // picked)
    return {
        "count": len(flat),
        "sum": flat.sum().item(),
        "size": flat.abs().sum().item(),
        "picked": [float(f"{value:.9g}") for value in flat[::step][:picked].tolist()],
    }


def image(width, height):
    channel, y, x = torch.meshgrid(torch.arange(3), torch.arange(height), torch.arange(width), indexing="ij")
    return ((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256).float() / 255


def golden(network, classes, gain, layers, size, options=None):
    network.eval()
    state = network.state_dict()
    state = {key: formula(key, value.shape, gain) if value.ndim else value for key, value in state.items()}
    network.load_state_dict(state)
    seen = {}
    network.backbone.register_forward_hook(lambda _, __, maps: seen.update(maps=[map.clone() for map in maps.values()]))
    network.head.register_forward_hook(lambda _, __, outputs: seen.update(outputs))
    network.anchor_generator.register_forward_hook(lambda _, __, boxes: seen.update(boxes=boxes[0].clone()))
    network.transform.register_forward_hook(lambda _, __, output: seen.update(input=output[0].tensors.clone()))
    with torch.no_grad():
        found = network([image(*size)])[0]
    detections = [
        {"box": [round(edge, 5) for edge in box.tolist()], "label": label.item(), "score": round(score.item(), 7)}
        for box, label, score in zip(found["boxes"][:40], found["labels"], found["scores"])
    ]
    return {
        "classes": classes,
        "gain": gain,
        "options": options or {},
        "image": list(size),
        "tensors": sorted(key for key in state if not key.endswith("num_batches_tracked")),
        "input": summary(seen["input"]),
        "default_boxes": summary(seen["boxes"], 48),
        "sources": dict(zip(layers, (summary(map) for map in seen["maps"]))),
        "logits": summary(seen["cls_logits"], 48),
        "codes": summary(seen["bbox_regression"], 48),
        "found": len(found["scores"]),
        "detections": detections,
    }


def loss_golden():
    """compute_loss on fixed samples: three images, one without objects; box regression and classification, and sums of
    the gradients."""
    torch.manual_seed(0)
    classes = 4
    network = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=classes)
    grid = [(x, y, s) for s in (20, 30, 45) for y in range(0, 100, 20) for x in range(0, 100, 20)]
    anchors = torch.tensor([[x + 10.0 - s / 2, y + 10.0 - s / 2, x + 10.0 + s / 2, y + 10.0 + s / 2] for x, y, s in grid])
    objects = [
        ([[12.0, 15.0, 41.0, 38.0], [50.0, 52.0, 93.0, 99.0], [13.0, 16.0, 40.0, 40.0]], [1, 3, 2]),
        ([], []),
        ([[70.0, 3.0, 76.0, 9.0]], [2]),
    ]
    codes = torch.stack([2 * formula(f"codes.{i}", (len(anchors), 4), 24.0) for i in range(3)]).requires_grad_()
    logits = torch.stack([formula(f"logits.{i}", (len(anchors), classes), 24.0) for i in range(3)]).requires_grad_()
    targets, matched = [], []
    for boxes, labels in objects:
        boxes = torch.tensor(boxes).reshape(-1, 4)
        targets.append({"boxes": boxes, "labels": torch.tensor(labels, dtype=torch.int64)})
        if len(labels) == 0:
            matched.append(torch.full((len(anchors),), -1, dtype=torch.int64))
        else:
            matched.append(network.proposal_matcher(torchvision.ops.box_iou(boxes, anchors)))
    outputs = {"bbox_regression": codes, "cls_logits": logits}
    losses = network.compute_loss(targets, outputs, [anchors] * 3, matched)
    sum(losses.values()).backward()
    return {
        "classes": classes,
        "anchors": anchors.tolist(),
        "objects": [{"boxes": boxes, "labels": labels} for boxes, labels in objects],
        "matched": [match.tolist() for match in matched],
        "codes": [float(f"{x:.9g}") for x in codes.flatten().tolist()],
        "logits": [float(f"{x:.9g}") for x in logits.flatten().tolist()],
        "bbox_regression": losses["bbox_regression"].item(),
        "classification": losses["classification"].item(),
        "codes_gradient": [float(f"{x:.7g}") for x in codes.grad.flatten().tolist()],
        "logits_gradient": [float(f"{x:.7g}") for x in logits.grad.flatten().tolist()],
    }


VGG_LAYERS = ["conv4_3_norm", "fc7", "extra.1", "extra.2", "extra.3", "extra.4"]
LITE_LAYERS = ["features.13.block.0", "features.16", "extra.0", "extra.1", "extra.2", "extra.3"]


def main():
    detection = torchvision.models.detection
    vgg = detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=91)
    lite = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=91)
    goldens = OrderedDict(
        made_with=f"torch {torch.__version__}, torchvision {torchvision.__version__}",
        ssd300_vgg16=golden(vgg, 91, 3.6, VGG_LAYERS, (50, 37)),
        ssdlite320_mobilenet_v3_large=golden(lite, 91, 4.5, LITE_LAYERS, (401, 322)),
    )
    (HERE / "ssd.json").write_text(json.dumps(goldens, indent=None, separators=(",", ":")) + "\n")
    (HERE / "loss.json").write_text(json.dumps(loss_golden(), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
