"""Pairs of domains as records, for domains.sh.

    python domains.py DATA OUT

DATA holds transfer/{mnist_usps,amazon_review5000}, mnist (IDX) and photos. Writes to OUT:
{mnist,usps}.jsonl, digits of 16 x 16 pixels (the sample of Long et al. 2013); {digits,photodigits}{,-test}.jsonl, MNIST and
|digit - patch of a photograph| (MNIST-M of Ganin et al. 2016, here with the photographs of DATA), of which 10,000 digits
are for training, those of the two domains different ones, and 5,000 for the test; {books,dvd,electronics,kitchen}{,-test}
.jsonl.gz, counts of 5,000 words. Needs numpy, scipy and Pillow.
"""
import base64
import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import loadmat

data, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)


def image_record(name, pixels, label, domain):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"id": name, "image": uri, "label": str(label), "domain": domain}


def write(path, records):
    opened = gzip.open(path, "wt", compresslevel=1) if path.suffix == ".gz" else open(path, "w")
    with opened as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


def row(record):
    (features,) = record["features"].values()
    return np.frombuffer(base64.b64decode(features["base64"]), "<f4")


for domain in ["mnist", "usps"]:
    lines = gzip.open(data / f"transfer/mnist_usps/{domain}.jsonl.gz", "rt")
    records = [json.loads(line) for line in lines]
    largest = max(row(record).max() for record in records)
    write(out / f"{domain}.jsonl", (
        image_record(record["id"], np.rint(row(record) / largest * 255).clip(0, 255).astype(np.uint8).reshape(16, 16),
                     record["label"].removeprefix("digit-"), domain)
        for record in records))


def idx(name):
    (path,) = list((data / "mnist").glob(name + "*"))
    raw = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
    count = struct.unpack(">I", raw[4:8])[0]
    header = 8 if raw[3] == 1 else 16
    return np.frombuffer(raw, np.uint8, offset=header).reshape(count, -1)


rng = np.random.default_rng(0)
photos = [np.array(Image.open(path).convert("RGB")) for path in sorted((data / "photos").glob("*.[pj][np]g"))]


def on_photo(digit):
    photo = photos[rng.integers(len(photos))]
    y, x = rng.integers(photo.shape[0] - 28), rng.integers(photo.shape[1] - 28)
    return np.abs(photo[y:y + 28, x:x + 28].astype(int) - digit[:, :, None].astype(int)).astype(np.uint8)


for part, split, count in [("", "train", 20000), ("-test", "t10k", 10000)]:
    digits, labels = idx(f"{split}-images").reshape(-1, 28, 28), idx(f"{split}-labels").ravel()
    order = rng.permutation(len(digits))[:count]
    plain, mixed = order[:count // 2], order[count // 2:]
    write(out / f"digits{part}.jsonl", (
        image_record(f"digit-{at}", np.repeat(digits[at][:, :, None], 3, 2), labels[at], "digits") for at in plain))
    write(out / f"photodigits{part}.jsonl", (
        image_record(f"photodigit-{at}", on_photo(digits[at]), labels[at], "photodigits") for at in mixed))

for domain in ["books", "dvd", "electronics", "kitchen"]:
    for part, suffix in [("train", ""), ("test", "-test")]:
        arrays = [v for k, v in loadmat(data / f"transfer/amazon_review5000/{domain}_{part}.mat").items() if k[0] != "_"]
        x = next(array for array in arrays if array.ndim == 2 and array.shape[1] == 5000)
        y = next(array for array in arrays if array is not x and array.size == x.shape[0]).ravel()
        x = x.toarray() if hasattr(x, "toarray") else x
        write(out / f"{domain}{suffix}.jsonl.gz", (
            {"id": f"{domain}-{part}-{at}", "label": str(int(y[at])), "domain": domain, "features": {"counts": {
                "dtype": "f32", "shape": [1, 5000], "base64": base64.b64encode(x[at].astype("<f4").tobytes()).decode()}}}
            for at in range(len(x))))
