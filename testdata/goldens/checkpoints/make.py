"""Small weight files in third-party formats, and their contents.

    python testdata/goldens/checkpoints/make.py

PyTorch's files are written by PyTorch, before and since 1.6's format. Caffe's and darknet's are written from their
definitions (caffe.proto; darknet's parser.c), because these programs are no longer built. expected.json has the shape,
type and numbers of every tensor of each file.
"""

import collections
import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
expected = {}


def numbers(*shape, start=0.0):
    count = int(np.prod(shape))
    return (torch.arange(count, dtype=torch.float64) * 0.37 + start).sin().reshape(shape)


def remember(name, tensors, format):
    expected[name] = {
        "format": format,
        "tensors": {
            key: {
                "dtype": str(tensor.dtype).removeprefix("torch."),
                "shape": list(tensor.shape),
                "values": [float(x) for x in tensor.detach().double().flatten()],
            }
            for key, tensor in tensors.items()
        },
    }


def state_dict():
    whole = numbers(20, start=5.0).float()
    return collections.OrderedDict(
        [
            ("conv.weight", torch.nn.Parameter(numbers(4, 3, 2, 2).float())),
            ("conv.bias", numbers(4, start=1.0).float()),
            ("double", numbers(3).double()),
            ("half", numbers(2, 3).half()),
            ("bfloat", numbers(2, 3, start=2.0).bfloat16()),
            ("counts", torch.tensor([1, -2, 1 << 40])),
            ("mask", torch.tensor([True, False, True])),
            ("bytes", torch.tensor([0, 200], dtype=torch.uint8)),
            ("num_batches_tracked", torch.tensor(7)),
            ("scalar", torch.tensor(0.25)),
            ("empty", torch.zeros(0, 3)),
            ("turned", numbers(3, 4, start=3.0).float().t()),
            ("part", whole[2:8].reshape(2, 3)),
            ("other_part", whole[5:]),
            ("every_third", whole[1::3]),
            ("repeated", numbers(3, start=4.0).float().expand(2, 3)),
        ]
    )


def torch_files():
    tensors = state_dict()
    for old in [False, True]:
        save = lambda value, name: torch.save(value, HERE / name, _use_new_zipfile_serialization=not old)
        kind = "old" if old else "zip"
        format = "pytorch before 1.6" if old else "pytorch"
        save(tensors, f"{kind}_state_dict.pth")
        remember(f"{kind}_state_dict.pth", tensors, format)
        small = {"fc.weight": numbers(2, 3).float(), "fc.bias": numbers(2).float()}
        training = {
            "epoch": 3,
            "best": np.float64(0.5),
            "state_dict": {"module." + key: tensor for key, tensor in small.items()},
            "optimizer": {"state": {0: {"momentum_buffer": numbers(2, 3, start=9.0).float()}}, "param_groups": [{"lr": 0.1}]},
        }
        save(training, f"{kind}_training.pth")
        remember(f"{kind}_training.pth", small, format)
        two = {"generator": {"0.weight": small["fc.weight"]}, "discriminator": {"0.weight": small["fc.bias"]}}
        save(two, f"{kind}_two.pth")
        remember(f"{kind}_two.pth", {f"{net}.{key}": x for net, dict in two.items() for key, x in dict.items()}, format)

    # In the old format the file would hold the path of PyTorch's source.
    torch.save(torch.nn.Linear(2, 2), HERE / "zip_module.pth")
    buffer = io.BytesIO()
    torch.save({"x": numbers(1000).float()}, buffer)
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(HERE / "compressed.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for info in plain.infolist():
            packed.writestr(info.filename, plain.read(info))


class Evil:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


def evil_files():
    calls = {
        "system": (os.system, ("touch pwned",)),
        "eval": (eval, ("open('pwned', 'w')",)),
        "getattr": (getattr, ("weight", "upper")),
    }
    for name, call in calls.items():
        torch.save({"weight": Evil(call)}, HERE / f"evil_{name}_zip.pth")
        torch.save({"weight": Evil(call)}, HERE / f"evil_{name}_old.pth", _use_new_zipfile_serialization=False)


# Protocol buffers, by hand.


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


def field(tag, value):
    if isinstance(value, int):
        return varint(tag << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(tag << 3 | 2) + varint(len(value)) + value


def floats(tag, values):
    return field(tag, struct.pack(f"<{len(values)}f", *values))


def blob(tensor, old, diff=False):
    values = [float(x) for x in tensor.flatten()]
    if old:
        shape = [1] * (4 - tensor.dim()) + list(tensor.shape)
        out = b"".join(field(tag, side) for tag, side in enumerate(shape, 1))
    else:
        out = field(7, field(1, b"".join(varint(side) for side in tensor.shape)))
    return out + floats(5, values) + (floats(6, values) if diff else b"")


def caffe_layer(name, kind, blobs, old):
    if old:
        number = {"Data": 5, "Convolution": 4, "InnerProduct": 14, "ReLU": 18}[kind]
        return field(2, field(4, name) + field(5, number) + b"".join(field(6, blob(x, old, True)) for x in blobs))
    return field(100, field(1, name) + field(2, kind) + b"".join(field(7, blob(x, old)) for x in blobs))


def caffe_files():
    a, b = numbers(4, 3, 3, 3).float(), numbers(4, start=1.0).float()
    fc, fc_bias = numbers(5, 8, start=2.0).float(), numbers(5, start=3.0).float()
    for old in [True, False]:
        name = "old.caffemodel" if old else "new.caffemodel"
        net = field(1, "small")
        net += caffe_layer("data", "Data", [], old)
        net += caffe_layer("first/3x3", "Convolution", [a, b], old)
        net += caffe_layer("relu", "ReLU", [], old)
        tensors = {"first.3x3.weight": a, "first.3x3.bias": b, "scores.weight": fc, "scores.bias": fc_bias}
        if not old:
            mean, var, factor = numbers(4).float(), numbers(4).float().abs(), torch.tensor([4.0])
            net += caffe_layer("bn", "BatchNorm", [mean, var, factor], old)
            net += caffe_layer("scale", "Scale", [b, mean], old)
            tensors |= {"bn.running_mean": mean / 4, "bn.running_var": var / 4, "scale.weight": b, "scale.bias": mean}
        net += caffe_layer("scores", "InnerProduct", [fc, fc_bias], old)
        (HERE / name).write_bytes(net)
        remember(name, tensors, "caffe")
    mean = torch.stack([torch.full((2, 2), value) for value in [104.0, 117.0, 123.0]]) + torch.tensor([[1.0, -1.0], [2.0, -2.0]])
    (HERE / "mean.binaryproto").write_bytes(blob(mean, True))


def darknet_files():
    cfg = """[net]
# A small network with everything that changes the order of the numbers.
width=8
height=8
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=6
size=1
stride=1
activation=linear

[route]
layers=-1,1

[convolutional]
batch_normalize=1
filters=4
groups=2
size=3
pad=1
activation=leaky

[shortcut]
from=-4

[upsample]
stride=2

[connected]
output=5
activation=linear
"""
    shapes = [
        ("module_list.0.BatchNorm2d.bias", [4]),
        ("module_list.0.BatchNorm2d.weight", [4]),
        ("module_list.0.BatchNorm2d.running_mean", [4]),
        ("module_list.0.BatchNorm2d.running_var", [4]),
        ("module_list.0.Conv2d.weight", [4, 3, 3, 3]),
        ("module_list.2.Conv2d.bias", [6]),
        ("module_list.2.Conv2d.weight", [6, 4, 1, 1]),
        ("module_list.4.BatchNorm2d.bias", [4]),
        ("module_list.4.BatchNorm2d.weight", [4]),
        ("module_list.4.BatchNorm2d.running_mean", [4]),
        ("module_list.4.BatchNorm2d.running_var", [4]),
        ("module_list.4.Conv2d.weight", [4, 5, 3, 3]),
        ("module_list.7.Linear.bias", [5]),
        ("module_list.7.Linear.weight", [5, 4 * 8 * 8]),
    ]
    tensors = {name: numbers(*shape, start=index).float() for index, (name, shape) in enumerate(shapes)}
    body = b"".join(tensor.numpy().astype("<f4").tobytes() for tensor in tensors.values())
    for name, header in {
        "small.weights": struct.pack("<iiiq", 0, 2, 5, 32013312),
        "older.weights": struct.pack("<iiii", 0, 1, 0, 12345),
    }.items():
        (HERE / name).write_bytes(header + body)
        (HERE / name).with_suffix(".cfg").write_text(cfg)
        remember(name, tensors, "darknet")
    first = {name: tensors[name] for name, _ in shapes[:7]}
    body = b"".join(tensor.numpy().astype("<f4").tobytes() for tensor in first.values())
    (HERE / "small.conv.3").write_bytes(struct.pack("<iiiq", 0, 2, 5, 1) + body)
    remember("small.conv.3", first, "darknet")


def detectron2_file():
    """A file as in detectron2's model zoo: a pickle of NumPy arrays, by the names of its weights."""
    model = {
        "backbone.bottom_up.stem.conv1.weight": numbers(2, 3, 2, 2).float().numpy(),
        "backbone.bottom_up.stem.conv1.norm.running_var": numbers(2, start=1.0).double().numpy(),
        "roi_heads.box_head.fc1.weight": np.asfortranarray(numbers(3, 4, start=2.0).float().numpy()),
        "half": numbers(3, start=4.0).half().numpy(),
        "counts": np.array([1, -2, 1 << 40]),
    }
    content = {"model": model, "__author__": "Detectron2 Model Zoo", "iteration": np.float64(3.0)}
    (HERE / "detectron2.pkl").write_bytes(pickle.dumps(content, protocol=4))
    remember("detectron2.pkl", {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in model.items()}, "pickle")


torch_files()
detectron2_file()
evil_files()
caffe_files()
darknet_files()
lines = [f"{json.dumps(name)}: {json.dumps(content)}" for name, content in expected.items()]
text = ",\n".join([f'{{"torch": {json.dumps(torch.__version__)}', *lines])
(HERE / "expected.json").write_text(text + "}\n")
