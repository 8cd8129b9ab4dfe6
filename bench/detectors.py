#!/usr/bin/env python3
"""Whole detectors, from the pixels to the boxes, beside their peers.

    bench/detectors.py [--bin DIR] [--weights DIR] [--rounds N] [NAME..]

torchvision's networks have seeded, untrained weights, the same on both sides; the YOLOs have the weights after one step of
training. dl-detect runs on a list of one image and on a list of many; the difference over the number of images more is the
time of one, including the decoding of the JPEG, which the peers are spared. ONNX Runtime runs the model that dl-model
exports, or for two stages torchvision's own export, which resizes the image itself. With --weights DIR, a folder of trained
models, SSD MobileNet V1 and Yolo-Fastest are measured, too: the former also beside its network without the steps from maps
to boxes, the latter beside OpenCV's DNN. The programs take turns; each figure is the median over the rounds. Needs torch,
torchvision, onnx, onnxscript, onnxruntime, opencv-python-headless below 5 and Pillow.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy
import onnx
import onnx.utils
import onnxruntime
import torch
import torchvision
from PIL import Image

THREADS = 2
# Name, images of the long list.
TORCHVISION = {
    "ssd300_vgg16": 9,
    "ssdlite320_mobilenet_v3_large": 17,
    "fasterrcnn_mobilenet_v3_large_320_fpn": 9,
    "fasterrcnn_resnet50_fpn": 3,
    "maskrcnn_resnet50_fpn": 3,
}
YOLO = {"fast_yolo": 33, "yolov1": 9}
TRAINED = {"coco_ssd_mobilenet_v1_300.safetensors": 33, "yolo_fastest_1.1.weights": 65}


def program(options, name, *args, stdin=""):
    command = [options.bin / name, *map(str, args)]
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"{name} {' '.join(map(str, args))}: {ran.stderr.strip()}")
    return ran.stdout


class Ours:
    """Seconds per image of dl-detect."""

    def __init__(self, options, image, model, count, *args):
        self.options, self.image, self.count = options, image, count
        self.args = ["--model", model, "--threads", THREADS, "--quiet", "--batch", 1, *args]

    def seconds(self):
        few, many = (self.of(number) for number in (1, self.count))
        return (many - few) / (self.count - 1)

    def of(self, count):
        records = "".join(f'{{"id":"{index}","image":"{self.image}"}}\n' for index in range(count))
        start = time.perf_counter()
        program(self.options, "dl-detect", *self.args, stdin=records)
        return time.perf_counter() - start


class Peer:
    """Seconds per call of a function."""

    def __init__(self, call, count):
        self.call, self.count = call, max(count // 2, 2)
        call()

    def seconds(self):
        start = time.perf_counter()
        for _ in range(self.count):
            self.call()
        return (time.perf_counter() - start) / self.count


def runtime(path, x=None):
    """A call of a model in ONNX Runtime, on `x` or on noise of its input's shape."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.log_severity_level = THREADS, 3
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    asked = session.get_inputs()[0]
    if x is None:
        x = numpy.random.default_rng(0).normal(size=asked.shape).astype(numpy.float32)
    return lambda: session.run(None, {asked.name: x})


def of_torchvision(options, folder, image, name, count):
    torch.manual_seed(0)
    network = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None, num_classes=91).eval()
    model = folder / f"{name}.pth"
    torch.save(network.state_dict(), model)
    x = torch.from_numpy(numpy.array(Image.open(image))).permute(2, 0, 1).float() / 255

    def call():
        with torch.inference_mode():
            network([x])

    peers = {"torchvision": Peer(call, count)}
    exported = folder / f"{name}.onnx"
    if "rcnn" in name:
        with warnings.catch_warnings():
            # The exporter that torchvision's detectors support is no longer torch's default.
            warnings.simplefilter("ignore")
            torch.onnx.export(network, ([x],), str(exported), opset_version=17, dynamo=False)
        peers["onnxruntime"] = Peer(runtime(exported, x.numpy()), count)
    elif name != "ssdlite320_mobilenet_v3_large":
        program(options, "dl-model", "export", model, "--arch", name, "--onnx", exported)
        peers["onnxruntime"] = Peer(runtime(exported), count)
    return Ours(options, image, model, count, "--arch", name), peers


def of_yolo(options, folder, image, name, count):
    objects = [{"box": [10, 10, 200, 200], "label": str(index)} for index in range(20)]
    record = {"id": "a", "image": str(image), "objects": objects}
    model = folder / f"{name}.safetensors"
    program(options, "dl-finetune", "detector", "--arch", name, "--iterations", 1, "--batch", 1, "--quiet", "--lr", 1e-9,
            "--output", model, stdin=json.dumps(record) + "\n")
    exported = folder / f"{name}.onnx"
    program(options, "dl-model", "export", model, "--onnx", exported)
    return Ours(options, image, model, count), {"onnxruntime": Peer(runtime(exported), count)}


def heads_of(path):
    """The exported model up to its last convolutions, whose maps become boxes."""
    graph = onnx.load(path).graph
    maps = {node.output[0] for node in graph.node if node.op_type == "Conv"}
    outputs = [node.input[0] for node in graph.node if node.op_type == "Transpose" and node.input[0] in maps]
    network = path.with_suffix(".network.onnx")
    onnx.utils.extract_model(str(path), str(network), [graph.input[0].name], outputs)
    return network


def of_trained(options, folder, image, name, count):
    model = options.weights / name
    exported = folder / f"{name}.onnx"
    program(options, "dl-model", "export", model, "--onnx", exported)
    peers = {"onnxruntime": Peer(runtime(exported), count)}
    if name.endswith(".safetensors"):
        peers["onnxruntime, network"] = Peer(runtime(heads_of(exported)), count)
    if name.endswith(".weights"):
        network = cv2.dnn.readNetFromDarknet(str(model.with_suffix(".cfg")), str(model))
        outputs = network.getUnconnectedOutLayersNames()
        pixels = cv2.imread(str(image))

        def call():
            network.setInput(cv2.dnn.blobFromImage(pixels, 1 / 255, (320, 320), swapRB=True))
            rows = numpy.concatenate(network.forward(outputs))
            scores = (rows[:, 4:5] * rows[:, 5:]).max(1)
            cv2.dnn.NMSBoxes(rows[:, :4].tolist(), scores.tolist(), 0.25, 0.45)

        peers["OpenCV"] = Peer(call, count)
    return Ours(options, image, model, count), peers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    cv2.setNumThreads(THREADS)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, onnxruntime {onnxruntime.__version__}, "
          f"OpenCV {cv2.__version__}, {THREADS} threads of {os.cpu_count()}\n")
    print("| detector | ours ms | peer | peer ms | peer / ours |\n| --- | --- | --- | --- | --- |")
    groups = [(TORCHVISION, of_torchvision), (YOLO, of_yolo)] + ([(TRAINED, of_trained)] if options.weights else [])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        image = folder / "image.jpg"
        pixels = numpy.random.default_rng(0).integers(0, 255, (15, 20, 3), dtype=numpy.uint8)
        Image.fromarray(pixels).resize((640, 480), Image.BICUBIC).save(image, quality=90)
        for name, count, make in [(name, count, make) for group, make in groups for name, count in group.items()]:
            if options.names and name not in options.names:
                continue
            ours, peers = make(options, folder, image, name, count)
            taken = {side: [] for side in ("ours", *peers)}
            for _ in range(options.rounds):
                taken["ours"].append(ours.seconds())
                for side, peer in peers.items():
                    taken[side].append(peer.seconds())
            median = {side: 1000 * statistics.median(seconds) for side, seconds in taken.items()}
            for side in peers:
                print(f"| {name} | {median['ours']:.1f} | {side} | {median[side]:.1f} | {median[side] / median['ours']:.2f} |",
                      flush=True)


if __name__ == "__main__":
    main()
