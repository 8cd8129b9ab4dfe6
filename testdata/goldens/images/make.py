"""Odd JPEGs that the crate `image` cannot write: CMYK, progressive, gray, EXIF-rotated, interlaced and so on.

All show the same 48 x 32 image of four flat quarters (red, green / blue, yellow), so that a test knows every pixel.
Run: python make.py    (Pillow 13.0.0)
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
TRANSPOSED = {  # the transformation that EXIF orientation N undoes
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

pixels = np.zeros((32, 48, 3), np.uint8)
pixels[:16, :24] = (200, 30, 40)
pixels[:16, 24:] = (20, 160, 60)
pixels[16:, :24] = (30, 50, 190)
pixels[16:, 24:] = (220, 200, 40)
upright = Image.fromarray(pixels)
jpeg = {"quality": 92, "subsampling": 0, "optimize": True}

upright.save(HERE / "progressive.jpg", progressive=True, **jpeg)
upright.convert("L").save(HERE / "gray.jpg", **jpeg)
cmyk = np.concatenate([255 - pixels, np.full((32, 48, 1), 51, np.uint8)], axis=2)  # 20 % black over it
Image.fromarray(cmyk, "CMYK").save(HERE / "cmyk.jpg", **jpeg)
upright.quantize(8).save(HERE / "palette.png")
for orientation, how in TRANSPOSED.items():
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.transpose(how).save(HERE / f"orientation{orientation}.jpg", exif=exif, **jpeg)
