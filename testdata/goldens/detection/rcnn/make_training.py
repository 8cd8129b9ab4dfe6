"""Goldens of the training of two-stage detectors: torchvision's losses and one step of SGD, with weights from a formula.

Writes training.json beside itself. Needs torch and torchvision (any build; the CPU is used):

    pip install torch torchvision==0.29.2 && python make_training.py

The samplers take the first examples instead of random ones, and the batch norms of the body are frozen. The inputs are
numbers of the formula, two images of 96 x 128 pixels. Each golden has the losses, and the sum and the sum of sizes of the
changes of some weights after a step with a learning rate of 0.01.
"""

import json
import pathlib
import sys

import torch
import torchvision
from torchvision.models import detection
from torchvision.models.detection.image_list import ImageList

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "backbones"))
from formula import formula, signed  # noqa: E402

torch.set_num_threads(1)
torch.randperm = lambda count, device=None, **_: torch.arange(count, device=device)

HEIGHT, WIDTH, CLASSES, RATE = 96, 128, 3, 0.01
BOXES = [[[8, 10, 60, 52], [70, 30, 118, 90]], [[20, 16, 100, 84]]]
LABELS = [[1, 2], [2]]


def targets():
    found = []
    for boxes, labels in zip(BOXES, LABELS):
        masks = torch.zeros(len(boxes), HEIGHT, WIDTH, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[y1 : (y1 + y2) // 2, x1:x2] = 1
            mask[(y1 + y2) // 2 : y2, x1 : (x1 + x2) // 2] = 1
        found.append({"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels), "masks": masks})
    return found


def golden(arch):
    model = getattr(detection, arch)(weights=None, weights_backbone=None, num_classes=CLASSES)
    state = model.state_dict()
    for name, tensor in state.items():
        if tensor.dtype != torch.int64:
            state[name] = formula(name, tuple(tensor.shape), 2.0 if ".body." in name else 1.0)
    model.load_state_dict(state)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)
    x = signed("x", (2, 3, HEIGHT, WIDTH))
    images, truth = ImageList(x, [(HEIGHT, WIDTH)] * 2), targets()
    maps = model.backbone(x)
    proposals, losses = model.rpn(images, maps, truth)
    _, of_heads = model.roi_heads(maps, proposals, images.image_sizes, truth)
    losses |= of_heads
    sum(losses.values()).backward()
    print(arch, {name: float(loss) for name, loss in losses.items()}, [len(p) for p in proposals], file=sys.stderr)
    changes = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad and any(part in name for part in ("fpn", "rpn", "roi_heads", "body.conv1", "body.0.0", "layer4.2.conv3")):
            change = -RATE * weight.grad.double()
            changes[name] = [float(change.sum()), float(change.abs().sum())]
    return {"arch": arch, "losses": {name: float(loss) for name, loss in losses.items()}, "changes": changes}


if __name__ == "__main__":
    archs = ["fasterrcnn_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn", "maskrcnn_resnet50_fpn"]
    result = {"torchvision": torchvision.__version__.split("+")[0], "cases": [golden(arch) for arch in archs]}
    (HERE / "training.json").write_text(json.dumps(result) + "\n")
