#!/usr/bin/env python3
"""Goldens of the resampling: Pillow's resize with a fractional box, and torchvision's resize and center crop, in float.

    python3 testdata/goldens/warp/make.py

The image comes from a formula, repeated in crates/dl-vision/src/picture/warp.rs.
"""

import json
from pathlib import Path

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2


def image(width, height):
    """[height, width, 3] uint8."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((y * 37 + x * 91 + c * 53 + (x * y) % 29 * 7) % 256).astype(np.uint8)


def rounded(chw):
    return [round(float(value), 4) for value in np.asarray(chw).ravel()]


def box_case(width, height, box, out_width, out_height, by=Image.Resampling.BILINEAR):
    channels = [Image.fromarray(image(width, height)[:, :, c].astype(np.float32)) for c in range(3)]
    resized = [np.asarray(ch.resize((out_width, out_height), by, box=box)) for ch in channels]
    return {"sizes": [width, height, out_width, out_height], "box": box, "pixels": rounded(np.clip(np.stack(resized), 0, 255))}


def shorter_case(width, height, shorter, side):
    x = torch.from_numpy(image(width, height)).permute(2, 0, 1).float()
    x = v2.functional.resize(x, [shorter], antialias=True)
    x = v2.functional.center_crop(x, [side, side])
    return {"sizes": [width, height, shorter, side], "pixels": rounded(x)}


goldens = {
    "made_with": f"Pillow {PIL.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}",
    "boxes": [
        box_case(23, 17, [2.25, 1.5, 20.75, 16.25], 6, 5),
        box_case(23, 17, [0.0, 0.0, 23.0, 17.0], 9, 4),
        box_case(23, 17, [4.5, 3.25, 9.75, 7.0], 8, 9),
        box_case(23, 17, [10.0, 2.0, 11.0, 16.0], 5, 4),
        box_case(150, 90, [3.3, 7.7, 149.0, 88.8], 7, 6),
    ],
    "bicubic": [
        box_case(23, 17, [2.25, 1.5, 20.75, 16.25], 6, 5, Image.Resampling.BICUBIC),
        box_case(23, 17, [4.5, 3.25, 9.75, 7.0], 8, 9, Image.Resampling.BICUBIC),
        box_case(150, 90, [3.3, 7.7, 149.0, 88.8], 7, 6, Image.Resampling.BICUBIC),
    ],
    "shorter": [shorter_case(40, 27, 12, 9), shorter_case(19, 31, 11, 10), shorter_case(8, 9, 16, 15)],
}
Path(__file__).with_name("warp.json").write_text(json.dumps(goldens) + "\n")
