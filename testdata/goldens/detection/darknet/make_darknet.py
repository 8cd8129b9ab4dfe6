#!/usr/bin/env python3
"""Goldens of darknet's networks: seeded .weights for the .cfg files in this folder, and what OpenCV's DNN module computes.

    python3 testdata/goldens/detection/darknet/make_darknet.py

The .cfg files are cut-down networks written by hand. The numbers of the .weights come from the formula of
../../backbones/formula.py, and the input is a formula, too. opencv.json has the maps that the heads read, the number of
boxes with a score above 0.3, and the best of them. Made with OpenCV 4.14.0; OpenCV 5 does not read darknet's files.
"""

import json
import struct
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "backbones"))
from formula import mix  # noqa: E402

LEAST = 0.3
# Boxes stored of each network.
KEPT = 30


def sections(text):
    found = []
    for line in text.splitlines():
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line and not line.startswith("#"):
            key, value = line.split("=")
            found[-1][1][key] = value
    return found


def drawn(name, count, center, scale):
    return (center + (2 * mix(name, count) - 1) * scale).astype("<f4")


def weights(name, layers):
    """The numbers of all layers, and the channels of each output."""
    numbers, outputs = [], []
    for index, (kind, options) in enumerate(layers):
        before = outputs[-1] if outputs else 3
        number = lambda key, default=1: int(options.get(key, default))
        if kind == "convolutional":
            filters, size = number("filters"), number("size")
            draw = lambda part, count, center, scale: numbers.append(drawn(f"{name}.{index}.{part}", count, center, scale))
            draw("bias", filters, 0, 0.3)
            if number("batch_normalize", 0):
                draw("scale", filters, 1, 0.5)
                draw("mean", filters, 0, 0.3)
                draw("variance", filters, 1, 0.5)
            inputs = before * size * size
            draw("weight", filters * inputs, 0, (6 / inputs) ** 0.5)
            before = filters
        elif kind == "route":
            places = [int(place) for place in options["layers"].split(",")]
            before = sum(outputs[place if place >= 0 else index + place] for place in places) // number("groups")
        elif kind == "reorg":
            before *= number("stride") ** 2
        outputs.append(before)
    return np.concatenate(numbers)


def image(height, width):
    channel, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    return (((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256) / 255).astype(np.float32)


def rounded(numbers):
    return [float(f"{number:.6g}") for number in np.asarray(numbers, np.float64).ravel()]


def golden(path):
    (_, options), *layers = sections(path.read_text())
    file = path.with_suffix(".weights")
    file.write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + weights(path.stem, layers).tobytes())
    height, width = int(options["height"]), int(options["width"])

    def output(name):
        # A network for each output: OpenCV overwrites those of layers that it computes in place.
        net = cv2.dnn.readNetFromDarknet(str(path), str(file))
        net.enableFusion(False)
        net.setInput(image(height, width)[None])
        return net.forward(name)

    maps, boxes = {}, []
    for index, (kind, _) in enumerate(layers):
        if kind == "softmax":
            maps[f"layer_{index}"] = rounded(output(f"softmax_{index}")[0])
        if kind not in ("region", "yolo"):
            continue
        # HWC -> CHW
        maps[f"layer_{index - 1}"] = rounded(output(f"permute_{index}")[0].transpose(2, 0, 1))
        # A row is a box in fractions of the input: center x, y, width, height; then objectness and classes.
        for row in output("detection_out" if kind == "region" else f"yolo_{index}"):
            x, y, w, h = row[:4].astype(np.float64) * [width, height, width, height]
            for label, score in enumerate(row[5:]):
                if score > LEAST:
                    box = rounded([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
                    boxes.append({"box": box, "class": label, "score": rounded([score])[0]})
    boxes.sort(key=lambda box: -box["score"])
    # OpenCV suppresses the boxes of [region], but not those of [yolo].
    iou = 0.4 if any(kind == "region" for kind, _ in layers) else None
    return {"maps": maps, "iou": iou, "count": len(boxes), "boxes": boxes[:KEPT]}


def main():
    networks = {path.stem: golden(path) for path in sorted(HERE.glob("*.cfg"))}
    lines = ",\n".join(f'"{name}": {json.dumps(found)}' for name, found in networks.items())
    (HERE / "opencv.json").write_text(f'{{"opencv": "{cv2.__version__}", "least": {LEAST},\n{lines}\n}}\n')
    for name, found in networks.items():
        maps = {layer: len(numbers) for layer, numbers in found["maps"].items()}
        print(name, maps, found["count"], [box["score"] for box in found["boxes"][:4]])


if __name__ == "__main__":
    main()
