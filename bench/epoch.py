#!/usr/bin/env python3
"""Compare an epoch of transfer learning with PyTorch's: from JPEG files on disk to updated weights.

    bench/epoch.py DATA/bccd [--networks resnet18,squeezenet1_0] [--images 256] [--batch 32] [--rounds 3]

Both train on the same images (random resized crops of 224 x 224, flipped half of the time), from the same weights, by SGD
with momentum. Once only the head is trained: the other layers are frozen and normalize by their stored statistics, so they
have no backward pass. Once everything is trained. The peer is torchvision's ImageFolder, v2 transforms and network, and
PyTorch's DataLoader, once with no worker and once with two; the faster one counts. Ours caches no decoded images
(--cache 0), so that both decode all of them. The second epoch is measured. The programs take turns; the figure of each is
its median over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "target/release"
DATA = Path(__file__).resolve().parent / ".data"
CLASSES = 3


def image_folder(source, count):
    """One folder per class; which class an image is in does not change the time."""
    folder = DATA / f"epoch-{count}"
    names = sorted((source / "JPEGImages").glob("*.jpg"))[:count]
    for index, name in enumerate(names):
        target = folder / f"class{index % CLASSES}" / name.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.write_bytes(name.read_bytes())
    records = subprocess.run([BIN / "dl-data", "from", "folder", folder], capture_output=True, check=True).stdout
    listing = folder.with_suffix(".jsonl")
    listing.write_bytes(records)
    return folder, listing, len(names)


def weights(name):
    """Random weights, for both."""
    import torch
    import torchvision
    from safetensors.torch import save_file

    path = DATA / f"{name}-epoch.safetensors"
    if not path.exists():
        torch.manual_seed(0)
        save_file(getattr(torchvision.models, name)(weights=None).state_dict(), str(path))
    return path


def ours(name, listing, batch, frozen, threads):
    """Seconds of the second epoch, from the log."""
    log, model = DATA / "epoch-log.jsonl", DATA / "epoch-model.safetensors"
    command = [BIN / "dl-finetune", "classifier", listing, "--init-from", weights(name), "--arch", name, "--output", model,
               "--size", 224, "--epochs", 2, "--batch", batch, "--lr", 0.001, "--augment", "crop,flip", "--cache", 0,
               "--threads", threads, "--log", log, "--quiet", "--force", *(["--freeze", "all"] if frozen else [])]
    subprocess.run([str(part) for part in command], check=True, stderr=subprocess.DEVNULL)
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [max(step["seconds"] for step in steps if step["iteration"] < len(steps) * half // 2) for half in (1, 2)]
    return ends[1] - ends[0]


def peer(name, folder, batch, frozen, threads, workers):
    """Seconds of the second epoch, in this process."""
    import torch
    import torchvision
    from safetensors.torch import load_file
    from torchvision.transforms import v2

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(weights=None)
    network.load_state_dict(load_file(str(weights(name))))
    if frozen:
        network.requires_grad_(False)
    if name.startswith("squeezenet"):
        network.classifier[1] = torch.nn.Conv2d(512, CLASSES, 1)
    else:
        network.fc = torch.nn.Linear(network.fc.in_features, CLASSES)
    network.train(not frozen)
    transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip(), v2.ToImage(),
                            v2.ToDtype(torch.float32, scale=True),
                            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
    data = torchvision.datasets.ImageFolder(folder, transform)
    loader = torch.utils.data.DataLoader(data, batch, shuffle=True, drop_last=True, num_workers=workers,
                                         persistent_workers=workers > 0)
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(trained, 0.001, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        began = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with JPEGImages/")
    parser.add_argument("--networks", default="resnet18,squeezenet1_0")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", nargs=3, metavar=("NETWORK", "FROZEN", "WORKERS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        name, frozen, workers = args.peer
        print(peer(name, args.data, args.batch, frozen == "True", args.threads, int(workers)))
        return
    DATA.mkdir(exist_ok=True)
    folder, listing, count = image_folder(args.data, args.images)

    def asked(name, frozen, workers):
        command = [sys.executable, __file__, folder, "--batch", args.batch, "--threads", args.threads,
                   "--peer", name, frozen, workers]
        return float(subprocess.run([str(part) for part in command], capture_output=True, check=True).stdout)

    print(f"{count} images of 640 x 480, batches of {args.batch}, {args.threads} threads\n")
    print("| network | trained | ours s | PyTorch s | PyTorch / ours |")
    print("| --- | --- | --- | --- | --- |")
    for name in args.networks.split(","):
        for frozen in (True, False):
            times = {"ours": [], 0: [], 2: []}
            for _ in range(args.rounds):
                times["ours"].append(ours(name, listing, args.batch, frozen, args.threads))
                for workers in (0, 2):
                    times[workers].append(asked(name, frozen, workers))
            mine = statistics.median(times["ours"])
            theirs = min(statistics.median(times[0]), statistics.median(times[2]))
            what = "the head" if frozen else "everything"
            print(f"| {name} | {what} | {mine:.2f} | {theirs:.2f} | {theirs / mine:.2f} |", flush=True)


if __name__ == "__main__":
    main()
