#!/usr/bin/env python3
"""Compare networks: milliseconds per batch of dl-model bench, ONNX Runtime, PyTorch and candle's own operations.

    bench/networks.py [--networks resnet50,vgg16] [--batches 1,8] [--rounds 5] [--peers candle] [--train]

The programs take turns (A B C A B C ...), so that other load on the machine affects all of them equally. The figure of each
is the median over the rounds of its median in a round. Weights are random, because they do not change the time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torchvision

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/dl-model"
DATA = Path(__file__).resolve().parent / ".data"
NETWORKS = "alexnet vgg16 resnet50 googlenet squeezenet1_0 mobilenet_v1 mobilenet_v2".split()


def torch_network(name, train=False):
    torch.manual_seed(0)
    if name == "mobilenet_v1":
        import timm

        network = timm.create_model("mobilenetv1_100", pretrained=False)
    elif name == "googlenet":
        network = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
    else:
        network = getattr(torchvision.models, name)(weights=None)
    return network.train(train)


def onnx_file(name, batch, size):
    path = DATA / f"{name}-{batch}-{size}.onnx"
    if not path.exists():
        DATA.mkdir(exist_ok=True)
        x = torch.zeros(batch, 3, size, size)
        torch.onnx.export(torch_network(name), x, str(path), dynamo=False, opset_version=17)
    return path


def median_ms(work, seconds):
    """The median time of the runs within `seconds`, in milliseconds."""
    work()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        work()
        times.append((time.perf_counter() - before) * 1e3)
    return statistics.median(times)


def ours(name, batch, size, args, engine="plan"):
    command = [PROGRAM, "bench", "--arch", name, "--batch", batch, "--size", size, "--threads", args.threads]
    command += ["--seconds", args.seconds, "--engine", engine]
    return json.loads(subprocess.run([str(word) for word in command], capture_output=True, check=True).stdout)["median_ms"]


def onnx(name, batch, size, args):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(str(onnx_file(name, batch, size)), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).uniform(-1, 1, (batch, 3, size, size)).astype(np.float32)
    feed = {session.get_inputs()[0].name: x}
    return median_ms(lambda: session.run(None, feed), args.seconds)


def pytorch(name, batch, size, args):
    network, x = torch_network(name), torch.rand(batch, 3, size, size)
    with torch.inference_mode():
        return median_ms(lambda: network(x), args.seconds)


def pytorch_training(name, batch, size, args):
    network, x = torch_network(name, train=True), torch.rand(batch, 3, size, size)
    targets = torch.arange(batch) % 1000
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), targets).backward()
        optimizer.step()

    return median_ms(step, args.seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--peers", default="onnxruntime,PyTorch", help="some of onnxruntime, PyTorch and candle (slow)")
    parser.add_argument("--train", action="store_true", help="measure a training step, compared with PyTorch's")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.train:
        entries = {"ours": lambda *what: ours(*what, engine="train"), "PyTorch": pytorch_training}
    else:
        known = {"onnxruntime": onnx, "PyTorch": pytorch, "candle": lambda *what: ours(*what, engine="candle")}
        entries = {"ours": ours} | {peer: known[peer] for peer in args.peers.split(",")}
    peers = list(entries)[1:]
    print(f"{args.threads} threads, {args.size} x {args.size}, onnxruntime {onnxruntime.__version__}, "
          f"torch {torch.__version__}, torchvision {torchvision.__version__}\n")
    print("| network | batch | " + " | ".join(f"{name} ms" for name in entries) + " | "
          + " | ".join(f"{peer} / ours" for peer in peers) + " |")
    print("| " + " | ".join(["---"] * (2 + len(entries) + len(peers))) + " |")
    ratios = {peer: [] for peer in peers}
    for name in args.networks.split(","):
        for batch in map(int, args.batches.split(",")):
            times = {entry: [] for entry in entries}
            for _ in range(args.rounds):
                for entry, measure in entries.items():
                    times[entry].append(measure(name, batch, args.size, args))
            middle = {entry: statistics.median(found) for entry, found in times.items()}
            for peer in peers:
                ratios[peer].append(middle[peer] / middle["ours"])
            row = [name, str(batch)] + [f"{middle[entry]:.1f}" for entry in entries]
            row += [f"{middle[peer] / middle['ours']:.2f}" for peer in peers]
            print("| " + " | ".join(row) + " |", flush=True)
    means = [f"{np.exp(np.mean(np.log(ratios[peer]))):.2f}" for peer in peers]
    print("| geometric mean | | " + " | ".join([""] * len(entries)) + " | " + " | ".join(means) + " |")


if __name__ == "__main__":
    sys.exit(main())
