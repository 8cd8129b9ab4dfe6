#!/usr/bin/env python3
"""Measures of generated images by their reference programs, for crates/dl-metrics: writes golden.json beside this file.

    python testdata/goldens/generated/make.py        (torch, torch-fidelity, pytorch-fid, scikit-image, scipy, numpy)

Features and images are made by a formula, which the Rust tests repeat. FID, KID, the Inception score, precision and recall
are torch-fidelity's; FID is pytorch-fid's too. PSNR and SSIM are scikit-image's, and BasicSR's formula (luma of BT.601,
cropped border, Gaussian window where it fits) on SciPy's filters, as is MS-SSIM.
"""

import importlib.metadata
import json
from pathlib import Path

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric


def formula(row, column):
    row, column = np.broadcast_arrays(np.uint64(row), np.uint64(column))
    mixed = (row * np.uint64(2654435761) + column * np.uint64(40503) + np.uint64(12345)) & np.uint64(0xFFFFFFFF)
    mixed = mixed ^ (mixed >> np.uint64(13))
    mixed = mixed * np.uint64(1597334677) & np.uint64(0xFFFFFFFF)
    mixed = mixed ^ (mixed >> np.uint64(16))
    return (mixed % np.uint64(256)).astype(np.float64) / 64 - 2


def rows(first, count, columns, shift):
    """[count, columns] float32, as golden_rows in crates/dl-metrics/src/lib.rs."""
    row, column = np.arange(first, first + count)[:, None], np.arange(columns)[None, :]
    mixed = formula(row, column) + formula(row, column + 1) + 0.5 * formula(row, column % 4 + 1000)
    return (mixed + shift * (1 + column % 3)).astype(np.float32)


def double(matrix):
    return torch.from_numpy(matrix.astype(np.float64))


def pair(width, height):
    """Two images [height, width, 3] uint8, as golden_pair in crates/dl-metrics/src/planes.rs."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    first = (3 * x + 5 * y + 40 * c + (x * y) % 31) % 256
    noise = np.trunc(formula(y * width + x, c) * 8).astype(np.int64)
    return first.astype(np.uint8), np.clip(first + noise, 0, 255).astype(np.uint8)


def luma(image, border):
    y = 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255
    return y[border:y.shape[0] - border, border:y.shape[1] - border]


def psnr(a, b):
    return float(10 * np.log10(255**2 / np.mean((a - b) ** 2)))


def maps(a, b):
    """The SSIM map of two planes and its contrast part, Gaussian 11 x 11, sigma 1.5, where the window fits."""
    taps = np.exp(-np.arange(-5, 6) ** 2 / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(plane):
        return correlate1d(correlate1d(plane, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = mean(a), mean(b)
    va, vb, vab = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    contrast = (2 * vab + c2) / (va + vb + c2)
    return (2 * ma * mb + c1) / (ma**2 + mb**2 + c1) * contrast, contrast


def ms_ssim(a, b):
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    found = []
    for channel in range(3):
        x, y = a[..., channel].astype(np.float64), b[..., channel].astype(np.float64)
        product = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                x, y = (p[:p.shape[0] // 2 * 2, :p.shape[1] // 2 * 2] for p in (x, y))
                x, y = ((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4 for p in (x, y))
            whole, contrast = maps(x, y)
            product *= max(float((contrast if scale < 4 else whole).mean()), 0.0) ** weight
        found.append(product)
    return float(np.mean(found))


golden = {"made_by": "testdata/goldens/generated/make.py"}
for name in ["torch-fidelity", "pytorch-fid", "scikit-image", "torch", "numpy", "scipy"]:
    golden[name.replace("-", "_")] = importlib.metadata.version(name)

# FID. Fewer rows than columns in one set or in both: the covariance is singular, and roots of what should be 0 are noise.
golden["fid"] = []
for generated, real, columns, shift, tolerance in [
    (400, 500, 16, 0.25, 1e-9), (300, 350, 64, 0.0, 1e-8), (20, 500, 32, 0.25, 1e-5), (24, 30, 40, 1.0, 1e-5),
]:
    one, other = rows(0, generated, columns, shift), rows(10000, real, columns, 0.0)
    statistics = [fid_features_to_statistics(double(x)) for x in (one, other)]
    means, covariances = [[s[key] for s in statistics] for key in ("mu", "sigma")]
    golden["fid"].append({
        "generated": generated, "real": real, "columns": columns, "shift": shift, "tolerance": tolerance,
        "torch_fidelity": fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"],
        "pytorch_fid": float(calculate_frechet_distance(means[0], covariances[0], means[1], covariances[1])),
    })

golden["kid"] = []
for count, columns, shift in [(300, 16, 0.25), (700, 5, 0.0), (2, 3, 1.0)]:
    one, other = double(rows(0, count, columns, shift)), double(rows(10000, count, columns, 0.0))
    found = kid_features_to_metric(one, other, kid_subsets=1, kid_subset_size=count, verbose=False)
    golden["kid"].append({
        "rows": count, "columns": columns, "shift": shift,
        "torch_fidelity": float(found["kernel_inception_distance_mean"]),
    })

golden["inception_score"] = []
for count, classes, splits in [(203, 10, 10), (50, 4, 1), (7, 3, 7)]:
    found = isc_features_to_metric(double(rows(0, count, classes, 0.0)), splits, shuffle=False)
    golden["inception_score"].append({
        "rows": count, "classes": classes, "splits": splits,
        "mean": found["inception_score_mean"], "deviation": found["inception_score_std"],
    })

golden["precision_recall"] = []
for generated, real, columns, shift, k in [(300, 400, 8, 0.25, 3), (300, 400, 8, 0.25, 1), (520, 300, 4, 0.0, 5)]:
    one, other = double(rows(0, generated, columns, shift)), double(rows(10000, real, columns, 0.0))
    found = prc_features_to_metric(one, other, prc_neighborhood=k, verbose=False)
    golden["precision_recall"].append({
        "generated": generated, "real": real, "columns": columns, "shift": shift, "k": k,
        **{key: float(found[key]) for key in ("precision", "recall", "f_score")},
    })

golden["images"] = []
for width, height, border in [(64, 48, 4), (33, 41, 2), (193, 186, 3)]:
    a, b = pair(width, height)
    wide = dict(channel_axis=2, data_range=255)
    golden["images"].append({
        "width": width, "height": height, "border": border,
        "psnr_skimage": float(peak_signal_noise_ratio(a, b, data_range=255)),
        "ssim_skimage": float(structural_similarity(a, b, **wide)),
        "ssim_gaussian": float(structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **wide)),
        "psnr_sr": psnr(luma(a, border), luma(b, border)),
        "ssim_sr": float(maps(luma(a, border), luma(b, border))[0].mean()),
        "ms_ssim": ms_ssim(a, b) if min(width, height) >= 176 else None,
    })

Path(__file__).with_name("golden.json").write_text(json.dumps(golden, indent=1) + "\n")
