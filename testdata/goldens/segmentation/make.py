"""Region numbers of a small noisy image, by scikit-image's Felzenszwalb-Huttenlocher.

Run: python make.py    (the golden records the peer's version)
"""

import json
from pathlib import Path

import numpy as np
import skimage
from skimage.segmentation import felzenszwalb

WIDTH, HEIGHT = 31, 23


def image():
    """Four flat quarters and noise, without equal edges: the order of equal edges is not specified. 0 to 255."""
    state, values = 1, []
    for place in range(HEIGHT * WIDTH * 3):
        y, x = divmod(place // 3, WIDTH)
        state = (state * 1103515245 + 12345) % 2**31
        quarter = 2 * (y >= HEIGHT // 2) + (x >= WIDTH // 2)
        values.append(40 * quarter + (state >> 11) / 2**20 * 64)
    return np.array(values).reshape(HEIGHT, WIDTH, 3)


def first_seen(labels):
    order = {label: number for number, label in enumerate(dict.fromkeys(labels.ravel().tolist()))}
    return [order[label] for label in labels.ravel().tolist()]


cases = []
for k, min_size in [(20, 1), (100, 1), (100, 12), (300, 20)]:
    labels = felzenszwalb(image() / 255, scale=k, sigma=0, min_size=min_size, channel_axis=-1)
    cases.append({"k": k, "min_size": min_size, "labels": first_seen(labels)})
golden = {"peer": f"scikit-image {skimage.__version__}", "width": WIDTH, "height": HEIGHT, "cases": cases}
Path(__file__).with_name("felzenszwalb.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print([max(case["labels"]) + 1 for case in cases])
