#!/usr/bin/env python3
"""Compare exported networks in ONNX Runtime with dl-tools: `testdata/onnx.py [--detectors] BIN OUT [WEIGHTS]`.

Every network of `dl-model list` that reads images is drawn at random by a single training step, exported, and run on the
same preprocessed noise by both; the table has the largest difference of its class scores, relative to the largest score.
darknet's detectors in goldens/detection/darknet are compared on noise, with their weights and with redrawn ones. With
WEIGHTS, a folder of trained models, these are compared on photos, too. Needs onnxruntime, numpy and Pillow. `--detectors`
compares only detectors. The files are written to OUT, up to 1.5 GB at a time, and deleted. docs/detectors.md has the
figures.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

ARGUMENTS = [argument for argument in sys.argv[1:] if argument != "--detectors"]
BIN, OUT = Path(ARGUMENTS[0]), Path(ARGUMENTS[1])
WEIGHTS = Path(ARGUMENTS[2]) if len(ARGUMENTS) > 2 else None
GOLDENS = Path(__file__).parent / "goldens" / "detection" / "darknet"
# Of each of darknet's networks, besides its own weights.
REDRAWN = 3


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


def network(folder, model):
    """The largest difference of the class scores of a network for images, relative to the largest score."""
    onnx, png = folder / "network.onnx", folder / "image.png"
    run("dl-model", "export", model, "--onnx", onnx)
    config = metadata(onnx)["config"]
    image = noise(config["preprocessing"]["size"], png)
    x = preprocessed(image, config)
    # Two images, so that the batch axis is used.
    found = session(onnx).run(["logits"], {"input": np.concatenate([x, -x])})[0][0].ravel()
    record = json.loads(run("dl-embed", "--model", model, "--layer", "logits", "--resize", "stretch", "--features-json",
                            png))
    onnx.unlink()
    expected = np.float32(record["features"]["logits"]["values"]).ravel()
    return np.abs(found - expected).max() / np.abs(expected).max()


def detector(folder, model, images):
    """Numbers of detections, and the largest difference of boxes in pixels and of scores."""
    onnx, png = folder / "detector.onnx", folder / "image.png"
    run("dl-model", "export", model, "--onnx", onnx)
    about = metadata(onnx)
    size = about["config"]["preprocessing"]["size"]
    found = []
    for image in images(size):
        image.save(png)
        x = preprocessed(image, about["config"])
        boxes, labels, scores = session(onnx).run(["boxes", "labels", "scores"], {"input": x})
        ours = json.loads(run("dl-detect", "--model", model, png))["detections"]
        theirs = [{"label": about["labels"][label], "box": box, "score": score}
                  for label, box, score in zip(labels, boxes.astype(np.float64), scores.astype(np.float64))]
        # Both ways, so that one that the other does not have shows.
        error = np.max([[0, 0], *differences(ours, theirs), *differences(theirs, ours)], axis=0)
        found.append((len(ours), len(theirs), *error))
    onnx.unlink()
    return found


def differences(some, others):
    """Of each detection, the differences of box and score from the closest other one of its label."""
    for one in some:
        same = [(np.abs(np.float64(other["box"]) - one["box"]).max(), abs(other["score"] - one["score"]))
                for other in others if other["label"] == one["label"]]
        yield min(same, key=lambda pair: pair[0] + 100 * pair[1], default=(np.inf, np.inf))


def redrawn(folder, path, seed):
    """A copy of darknet's weights, each number times a random one, so that variances stay positive."""
    numbers = np.fromfile(path, "<f4", offset=20)
    numbers *= np.random.default_rng(seed).uniform(0.5, 1.5, numbers.size).astype("<f4")
    copy = folder / path.name
    copy.write_bytes(path.read_bytes()[:20] + numbers.tobytes())
    for kind in (".cfg", ".names"):
        if path.with_suffix(kind).exists():
            shutil.copy(path.with_suffix(kind), copy.with_suffix(kind))
    return copy


def any_noise(size):
    """Four seeded images, from smooth to rough, and one of a single color."""
    for side in (3, 9, 27, 81):
        pixels = np.random.default_rng(side).integers(0, 255, (side, side, 3), dtype=np.uint8)
        yield Image.fromarray(pixels).resize((size[1], size[0]), Image.BICUBIC)
    yield Image.new("RGB", (size[1], size[0]), (127, 127, 127))


def compare_detector(folder, name, model, images):
    found = detector(folder, model, images)
    counts = ", ".join(f"{ours} {theirs}" for ours, theirs, _, _ in found)
    boxes, scores = (max(one[place] for one in found) for place in (2, 3))
    print(f"| {name} | {counts} | {boxes:.1e} | {scores:.1e} |", flush=True)


def compare_detectors(folder):
    print("\n| detector | detections: ours, ONNX Runtime | boxes, pixels | scores |\n| --- | --- | --- | --- |")
    darknet = sorted(GOLDENS.glob("yolo*.weights"))
    if WEIGHTS:
        for name in ["coco_ssd_mobilenet_v1_300.safetensors", "face_ssd_slim_320.pth", "face_ssd300_res10.safetensors"]:
            compare_detector(folder, name, WEIGHTS / name, photos)
        names = ["yolo_fastest_1.1", "darknet_yolov1/yolov1_paper", "darknet_yolov1/yolov1_local"]
        for path in [WEIGHTS / f"{name}.weights" for name in names]:
            compare_detector(folder, path.name, path, photos)
            darknet.append(path)
    for path in darknet:
        compare_detector(folder, f"{path.name}, noise", path, any_noise)
        for seed in range(REDRAWN):
            copy = redrawn(folder, path, seed)
            compare_detector(folder, f"{path.name}, redrawn {seed}", copy, any_noise)


def photos(size):
    """Photos of the network's own size, and one in which nothing is found."""
    folder = WEIGHTS.parent / "data" / "photos"
    for path in sorted(folder.glob("*.jpg"))[:3]:
        yield Image.open(path).convert("RGB").resize((size[1], size[0]), Image.BICUBIC)
    yield Image.new("RGB", (size[1], size[0]), (127, 127, 127))


def compare_networks(folder):
    print("| network | largest difference |\n| --- | --- |")
    if WEIGHTS:
        for path in sorted(WEIGHTS.glob("*_imagenet.safetensors")) + [WEIGHTS / "resnet20_cifar10.safetensors"]:
            print(f"| {path.stem} | {network(folder, path):.1e} |", flush=True)
    pets = folder / "pets"
    for label in ("cat", "dog"):
        (pets / label).mkdir(parents=True)
        for index in range(2):
            noise([64 + index, 64], pets / label / f"{index}.png")
    records = run("dl-data", "from", "folder", pets)
    for line in run("dl-model", "list").splitlines():
        listed = json.loads(line)
        if listed.get("reads") != "images" or listed.get("finds") == "objects":
            continue
        name = listed["architecture"]
        model = folder / f"{name}.safetensors"
        run("dl-finetune", "classifier", "--arch", name, "--iterations", 1, "--batch", 2, "--output", model, "--quiet",
            stdin=records)
        print(f"| {name} | {network(folder, model):.1e} |", flush=True)
        for file in folder.glob(f"{name}.*"):
            file.unlink()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"onnxruntime {onnxruntime.__version__}\n")
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        if "--detectors" not in sys.argv:
            compare_networks(Path(folder))
        compare_detectors(Path(folder))


if __name__ == "__main__":
    main()
