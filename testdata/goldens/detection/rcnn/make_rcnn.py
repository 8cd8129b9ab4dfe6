"""Goldens of the two-stage detectors: torchvision's networks with weights from a formula, stage by stage.

Writes rcnn.json and paste.json beside itself. Needs torch, torchvision and pycocotools (any build; the CPU is used):

    pip install torch torchvision==0.29.2 pycocotools && python make_rcnn.py

The weights are those of ../../backbones/formula.py, which the Rust tests repeat. With such weights all regions would
look alike, so each predictor is scaled until its outputs spread over the regions, and its bias takes out their mean: both
are in the golden, under "adjust".
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision
from pycocotools import mask as coco_mask
from torchvision.models import detection
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import box_iou

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "backbones"))
from formula import formula, mix  # noqa: E402

torch.set_num_threads(1)


def image(height, width):
    """Blocks of 16 pixels with noise, [height, width, 3] bytes."""
    rows, columns = -(-height // 16), -(-width // 16)
    blocks = mix("blocks", rows * columns * 3).reshape(rows, columns, 3)
    blocks = blocks.repeat(16, 0).repeat(16, 1)[:height, :width]
    noise = mix("noise", height * width * 3).reshape(height, width, 3)
    return np.floor(200 * blocks + 55 * noise).astype(np.uint8)


def summary(x):
    """Shape, sums and picked numbers."""
    flat = x.detach().double().flatten()
    step = max(1, flat.numel() // 12)
    return {
        "shape": list(x.shape),
        "sum": float(flat.sum()),
        "size": float(flat.abs().sum()),
        "picked": [float(f"{v:.8g}") for v in flat[::step].tolist()],
    }


def rounded(x, digits=8):
    return [float(f"{v:.{digits}g}") for v in x.detach().double().flatten().tolist()]


@torch.no_grad()
def golden(arch, size, *, gain, classes, spread, **options):
    model = getattr(detection, arch)(
        weights=None, weights_backbone=None, num_classes=classes, **options
    ).eval()
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype != torch.int64:
            state[name] = formula(name, tuple(tensor.shape), gain if ".body." in name else 6.0)
    model.load_state_dict(state)
    x = torch.from_numpy(image(*size)).permute(2, 0, 1).float() / 255
    adjust = {}

    def spread_out(layer, name, outputs, channel_dim, target):
        """Scales a predictor so that each of its outputs has this standard deviation, about 0."""
        rows = outputs.movedim(channel_dim, -1).flatten(0, -2)
        factor = float(f"{target / rows.std(0).mean():.3g}")
        bias = torch.tensor([round(v, 3) for v in (-factor * rows.mean(0)).tolist()])
        bias += torch.tensor([round(v, 3) for v in (factor * layer.bias).tolist()])
        layer.weight *= factor
        layer.bias.copy_(bias)
        adjust[f"{name}.weight"] = factor
        adjust[f"{name}.bias"] = rounded(layer.bias)

    transformed, _ = model.transform([x])
    maps = model.backbone(transformed.tensors)
    levels = list(maps.values())
    head = model.rpn.head
    features = [head.conv(level) for level in levels]
    for layer, name, target in [(head.cls_logits, "cls_logits", spread[0]), (head.bbox_pred, "bbox_pred", spread[1])]:
        outputs = torch.cat([layer(x).flatten(2) for x in features], 2)
        spread_out(layer, f"rpn.head.{name}", outputs, 1, target)
    objectness, deltas = head(levels)
    anchors = model.rpn.anchor_generator(transformed, levels)[0]
    proposals = model.rpn(transformed, maps)[0][0]

    heads = model.roi_heads
    pooled = heads.box_roi_pool(maps, [proposals], transformed.image_sizes)
    hidden = heads.box_head(pooled)
    predictor = heads.box_predictor
    spread_out(predictor.cls_score, "roi_heads.box_predictor.cls_score", predictor.cls_score(hidden), 1, spread[2])
    spread_out(predictor.bbox_pred, "roi_heads.box_predictor.bbox_pred", predictor.bbox_pred(hidden), 1, spread[3])
    logits, regression = predictor(hidden)
    has_masks = heads.has_mask()
    if has_masks:
        found = model([x])[0]
        boxes = heads(maps, [proposals], transformed.image_sizes)[0][0]["boxes"]
        mask_pooled = heads.mask_roi_pool(maps, [boxes], transformed.image_sizes)
        last = heads.mask_predictor
        features = last.relu(last.conv5_mask(heads.mask_head(mask_pooled)))
        layer = last.mask_fcn_logits
        spread_out(layer, "roi_heads.mask_predictor.mask_fcn_logits", layer(features), 1, 3.0)
    found = model([x])[0]

    # Nothing is near a threshold.
    scores = logits.softmax(-1)[:, 1:]
    print(arch, size, "proposals", len(proposals), "found", len(found["boxes"]), file=sys.stderr)
    print("  scores: distance to 0.05", float((scores - 0.05).abs().min()), "best", rounded(found["scores"][:5], 4), file=sys.stderr)
    ordered = found["scores"].sort().values
    print("  least gap", float(ordered.diff().min()) if len(ordered) > 1 else None, file=sys.stderr)
    overlaps = box_iou(proposals, proposals)
    print("  proposals' IoU to 0.7", float((overlaps - 0.7).abs().min()), file=sys.stderr)

    result = {
        "arch": arch,
        "image": list(size),
        "classes": classes,
        "gain": gain,
        "options": options,
        "adjust": adjust,
        "input": summary(transformed.tensors),
        "resized": list(transformed.image_sizes[0]),
        "maps": {name: summary(level) for name, level in maps.items()},
        "objectness": [summary(level) for level in objectness],
        "deltas": [summary(level) for level in deltas],
        "anchors": summary(anchors),
        "first_anchors": anchors[:30].tolist(),
        "proposals": rounded(proposals[:50]),
        "proposals_sum": summary(proposals),
        "pooled": summary(pooled),
        "logits": summary(logits),
        "regression": summary(regression),
        "boxes": rounded(found["boxes"]),
        "labels": found["labels"].tolist(),
        "scores": rounded(found["scores"]),
    }
    if has_masks:
        result["mask_sums"] = rounded(found["masks"].sum((1, 2, 3)))
        binary = (found["masks"][:, 0] > 0.5).numpy().astype(np.uint8)
        result["masks"] = [coco_mask.encode(np.asfortranarray(mask))["counts"].decode() for mask in binary[:40]]
    return result


def paste_cases():
    boxes = [
        [3.25, 4.75, 40.125, 30.9375],
        [0.0, 0.0, 61.0, 47.0],
        [-20.5, -7.25, 33.0, 80.0],
        [10.25, 5.0, 12.125, 44.0],
        [60.375, 46.5, 90.0, 90.0],
        [20.0, 20.0, 48.0, 48.0],
        [20.0, 20.0, 20.0, 20.0],
        [5.5, 40.5, 300.0, 47.0],
    ]
    cases = []
    for index, box in enumerate(boxes):
        rows = np.add.outer(np.arange(28), np.zeros(28))
        wave = np.sin(rows / (2 + index)) * np.cos(rows.T / (3 + index))
        noise = mix(f"paste{index}", 784).reshape(28, 28)
        mask = np.round(np.clip(0.5 + 0.45 * wave + 0.1 * (noise - 0.5), 0, 1), 3).astype(np.float32)
        width, height = 61, 47
        pasted = paste_masks_in_image(torch.from_numpy(mask)[None, None], torch.tensor([box]), (height, width))[0, 0]
        counts = coco_mask.encode(np.asfortranarray((pasted > 0.5).numpy().astype(np.uint8)))["counts"].decode()
        cases.append({"mask": rounded(torch.from_numpy(mask), 3), "box": box, "image": [width, height], "counts": counts})
    return cases


def cases():
    small = {"min_size": 96, "max_size": 128}
    few = {"rpn_pre_nms_top_n_test": 300, "rpn_post_nms_top_n_test": 100}
    spread = [2.0, 0.3, 2.5, 1.5]
    yield "faster", "fasterrcnn_resnet50_fpn", (90, 130), dict(gain=2.0, classes=7, spread=spread, **small, **few)
    yield "faster v2", "fasterrcnn_resnet50_fpn_v2", (90, 130), dict(gain=2.0, classes=7, spread=spread, **small, **few)
    yield "mobilenet", "fasterrcnn_mobilenet_v3_large_fpn", (130, 90), dict(gain=2.0, classes=91, spread=spread, **small, **few)
    yield "mobilenet 320", "fasterrcnn_mobilenet_v3_large_320_fpn", (427, 640), dict(gain=2.0, classes=5, spread=spread)
    yield "mask", "maskrcnn_resnet50_fpn", (90, 130), dict(gain=2.0, classes=4, spread=spread, **small, **few)
    yield "mask v2", "maskrcnn_resnet50_fpn_v2", (130, 90), dict(gain=2.0, classes=4, spread=spread, **small, **few)
    yield "full size", "fasterrcnn_resnet50_fpn", (480, 640), dict(gain=2.0, classes=91, spread=spread)


if __name__ == "__main__":
    with_versions = {"made_with": f"torch {torch.__version__}, torchvision {torchvision.__version__} (CPU, one thread)"}
    (HERE / "paste.json").write_text(json.dumps({**with_versions, "cases": paste_cases()}) + "\n")
    results = {name: golden(arch, size, **options) for name, arch, size, options in cases()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in results.items())
    (HERE / "rcnn.json").write_text("{" + f'"made_with": {json.dumps(with_versions["made_with"])},\n{lines}' + "}\n")
