"""Golden of the training of SSD: torchvision's losses of ssd300_vgg16 and one step of SGD, with weights from a formula.

Writes training.json beside itself. Needs torch and torchvision (any build; the CPU is used):

    pip install torch torchvision==0.29.2 && python make_training.py

The inputs are numbers of the formula, two images of 300 x 300 pixels. The golden has the losses, and the sum and the sum of
sizes of the changes of some weights after a step with a learning rate of 0.01.
"""

import json
import pathlib
import sys

import torch
import torchvision
from torchvision.models.detection.image_list import ImageList

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "backbones"))
from formula import formula, signed  # noqa: E402

torch.set_num_threads(1)

SIDE, CLASSES, GAIN, RATE = 300, 4, 3.6, 0.01
BOXES = [[[24, 30, 190, 152], [200, 90, 280, 270], [40, 200, 66, 226]], [[60, 48, 290, 252]]]
LABELS = [[1, 2, 3], [2]]
CHANGED = ("backbone.scale_weight", "backbone.features.0.", "backbone.features.21.", "backbone.extra.0.7.1.", "backbone.extra.4.", "head.")


def main():
    model = torchvision.models.detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=CLASSES)
    model.load_state_dict({name: formula(name, tuple(tensor.shape), GAIN) for name, tensor in model.state_dict().items()})
    model.train()
    x = signed("x", (2, 3, SIDE, SIDE))
    targets = [
        {"boxes": torch.tensor(boxes, dtype=torch.float32), "labels": torch.tensor(labels)}
        for boxes, labels in zip(BOXES, LABELS)
    ]
    maps = list(model.backbone(x).values())
    outputs = model.head(maps)
    anchors = model.anchor_generator(ImageList(x, [(SIDE, SIDE)] * 2), maps)
    matched = [
        model.proposal_matcher(torchvision.ops.box_iou(target["boxes"], boxes)) for boxes, target in zip(anchors, targets)
    ]
    losses = model.compute_loss(targets, outputs, anchors, matched)
    sum(losses.values()).backward()
    losses = {name: float(loss) for name, loss in losses.items()}
    print(losses, [int((match >= 0).sum()) for match in matched], file=sys.stderr)
    changes = {}
    for name, weight in model.named_parameters():
        if name.startswith(CHANGED):
            change = -RATE * weight.grad.double()
            changes[name] = [float(change.sum()), float(change.abs().sum())]
    golden = {"torchvision": torchvision.__version__.split("+")[0], "losses": losses, "changes": changes}
    (HERE / "training.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
