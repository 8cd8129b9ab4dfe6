#!/usr/bin/env python3
"""Compare exported networks in ONNX Runtime with dl-tools: `testdata/onnx.py BIN OUT [WEIGHTS]`.

Every network of `dl-model list` that reads images is drawn at random by a single training step, exported, and run on the
same preprocessed noise by both; the table has the largest difference of its class scores, relative to the largest score.
With WEIGHTS, a folder of trained models, they and their detectors are compared on their stored images, too. Needs
onnxruntime, numpy, safetensors and Pillow. It keeps the files in OUT, 15 GB or more.
docs/detectors.md has the figures.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

BIN, OUT = Path(sys.argv[1]), Path(sys.argv[2])
WEIGHTS = Path(sys.argv[3]) if len(sys.argv) > 3 else None


def run(program, *args, stdin=""):
    ran = subprocess.run([BIN / program, *map(str, args)], input=stdin, capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(map(str, args))}: {ran.stderr.strip()}")
    return ran.stdout


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def metadata(path):
    return {key: json.loads(text) for key, text in session(path).get_modelmeta().custom_metadata_map.items()}


def preprocessed(image, config):
    """An image of the network's own size as its input, so that no resizing is involved."""
    wanted = config["preprocessing"]
    low, high = wanted.get("range", [0, 1])
    x = np.float32(np.array(image)) / 255 * (high - low) + low
    if wanted.get("channel_order", "RGB").upper() == "BGR":
        x = x[:, :, ::-1]
    x = (x - np.float32(wanted.get("mean", [0, 0, 0]))) / np.float32(wanted.get("std", [1, 1, 1]))
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])


def noise(size, path):
    """A seeded image, smooth enough that networks react to it."""
    pixels = np.random.default_rng(0).integers(0, 255, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((size[1], size[0]), Image.BICUBIC)
    image.save(path)
    return image


def network(name, model):
    """The largest difference of the class scores of a network for images, relative to the largest score."""
    onnx = OUT / f"{name}.onnx"
    run("dl-model", "export", model, "--onnx", onnx)
    config = metadata(onnx)["config"]
    image = noise(config["preprocessing"]["size"], OUT / "image.png")
    x = preprocessed(image, config)
    # Two images, so that the batch axis is used.
    found = session(onnx).run(["logits"], {"input": np.concatenate([x, -x])})[0][0].ravel()
    record = json.loads(run("dl-embed", "--model", model, "--layer", "logits", "--resize", "stretch", "--features-json",
                            OUT / "image.png"))
    expected = np.float32(record["features"]["logits"]["values"]).ravel()
    return np.abs(found - expected).max() / np.abs(expected).max()


def detector(name, model, *args):
    """Numbers of detections, and the largest difference of boxes in pixels and of scores."""
    onnx = OUT / f"{name}.onnx"
    run("dl-model", "export", model, "--onnx", onnx, *args)
    about = metadata(onnx)
    size = about["config"]["preprocessing"]["size"]
    found = []
    for index, image in enumerate(photos(size)):
        image.save(OUT / "image.png")
        x = preprocessed(image, about["config"])
        boxes, labels, scores = session(onnx).run(["boxes", "labels", "scores"], {"input": x})
        record = json.loads(run("dl-detect", "--model", model, *args, OUT / "image.png"))
        ours = record["detections"]
        # Some recipes cut boxes to the image at the end; in the exported model this is left to the caller.
        boxes = np.clip(boxes, 0, [size[1], size[0]] * 2)
        for detection in ours:
            detection["box"] = np.clip(detection["box"], 0, [size[1], size[0]] * 2)
        theirs = [(about["labels"][label], box, score) for label, box, score in zip(labels, boxes, scores)]
        error = [0.0, 0.0]
        for detection in ours:
            same = [(np.abs(np.float64(box) - detection["box"]).max(), abs(score - detection["score"]))
                    for label, box, score in theirs if label == detection["label"]]
            best = min(same, key=lambda pair: pair[0] + 100 * pair[1], default=(np.inf, np.inf))
            error = [max(error[0], best[0]), max(error[1], best[1])]
        found.append((len(ours), len(theirs), *error))
    return found


def photos(size):
    """Photos of the network's own size, and one in which nothing is found."""
    folder = WEIGHTS.parent / "data" / "photos"
    for path in sorted(folder.glob("*.jpg"))[:3]:
        yield Image.open(path).convert("RGB").resize((size[1], size[0]), Image.BICUBIC)
    yield Image.new("RGB", (size[1], size[0]), (127, 127, 127))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"onnxruntime {onnxruntime.__version__}\n\n| network | largest difference |\n| --- | --- |")
    if WEIGHTS:
        for path in sorted(WEIGHTS.glob("*_imagenet.safetensors")) + [WEIGHTS / "resnet20_cifar10.safetensors"]:
            print(f"| {path.stem} | {network(path.stem, path):.1e} |", flush=True)
    folder = OUT / "pets"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for index in range(2):
            noise([64 + index, 64], folder / label / f"{index}.png")
    records = run("dl-data", "from", "folder", folder)
    for line in run("dl-model", "list").splitlines():
        listed = json.loads(line)
        if listed.get("reads") != "images" or listed.get("finds") == "objects":
            continue
        name = listed["architecture"]
        model = OUT / f"{name}.safetensors"
        run("dl-finetune", "classifier", "--arch", name, "--iterations", 1, "--batch", 2, "--force", "--output", model,
            "--quiet", stdin=records)
        print(f"| {name} | {network(name, model):.1e} |", flush=True)
    if WEIGHTS:
        print("\n| detector | detections: ours, ONNX Runtime | boxes, pixels | scores |\n| --- | --- | --- | --- |")
        models = ["coco_ssd_mobilenet_v1_300.safetensors", "face_ssd_slim_320.pth", "face_ssd300_res10.safetensors",
                  "yolo_fastest_1.1.weights", "darknet_yolov1/yolov1_paper.weights", "darknet_yolov1/yolov1_local.weights"]
        for model in models:
            found = detector(Path(model).stem, WEIGHTS / model)
            counts = ", ".join(f"{ours} {theirs}" for ours, theirs, _, _ in found)
            boxes, scores = (max(one[place] for one in found) for place in (2, 3))
            print(f"| {model} | {counts} | {boxes:.1e} | {scores:.1e} |", flush=True)


if __name__ == "__main__":
    main()
