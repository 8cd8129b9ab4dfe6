#!/usr/bin/env python3
"""Compare metrics of generated images with their reference programs: FID, precision and recall, SSIM.

    python bench/gan_metrics.py [--rounds 5] [--threads 2] [--bin target/release]

FID of 2,048 columns against pytorch-fid (mean, covariance and scipy's sqrtm), precision and recall of 10,000 x 10,000 rows
against torch-fidelity, SSIM of one megapixel in color against scikit-image. Features and images are random, from a seed, in
memory; only the computation is timed, ours by crates/dl-metrics/examples/generated_speed.rs. Peers and ours alternate.

Needs numpy, torch, scipy, pytorch-fid, torch-fidelity and scikit-image, and a release build with --examples.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def features(rng, rows, columns, shift):
    """Correlated columns, not negative, as after ReLU."""
    mixed = rng.normal(size=(rows, columns)) + 0.7 * rng.normal(size=(rows, 32)) @ rng.normal(size=(32, columns)) + shift
    return mixed.clip(0).astype("float32")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--only", help="fid, precision-recall or ssim")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release")
    args = parser.parse_args()
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]:
        os.environ[name] = str(args.threads)

    import numpy as np
    import torch
    from pytorch_fid.fid_score import calculate_frechet_distance
    from skimage.metrics import structural_similarity
    from torch_fidelity.metric_prc import prc_features_to_metric

    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(0)
    folder = tempfile.TemporaryDirectory()

    def ours(metric, width, first, second):
        paths = [Path(folder.name) / name for name in ("first", "second")]
        for path, array in zip(paths, (first, second)):
            path.write_bytes(np.ascontiguousarray(array).tobytes())
        command = [args.bin / "examples/generated_speed", metric, str(width), *paths]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return found["seconds"], found["figure"]

    def timed(work):
        start = time.perf_counter()
        figure = work()
        return time.perf_counter() - start, float(figure)

    def pytorch_fid(a, b):
        # As its calculate_activation_statistics, which holds f64.
        a, b = (x.astype(np.float64) for x in (a, b))
        statistics = [(np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in (a, b)]
        return calculate_frechet_distance(*statistics[0], *statistics[1])

    cases = []
    if args.only in (None, "fid"):
        for rows in (args.rows, args.columns // 4):
            a, b = features(rng, rows, args.columns, 0.1), features(rng, rows, args.columns, 0.0)
            cases.append((f"FID, 2 x {rows:,} rows of {args.columns:,}", "pytorch-fid", 1e-4,
                          lambda a=a, b=b: timed(lambda: pytorch_fid(a, b)),
                          lambda a=a, b=b: ours("fid", args.columns, a, b)))
    if args.only in (None, "precision-recall"):
        for columns in (64, args.columns):
            a, b = features(rng, args.rows, columns, 0.1), features(rng, args.rows, columns, 0.0)

            def prc(a, b):
                return prc_features_to_metric(torch.from_numpy(a), torch.from_numpy(b), verbose=False)["f_score"]

            cases.append((f"precision and recall, {args.rows:,} x {args.rows:,} rows of {columns:,}", "torch-fidelity", 2e-3,
                          lambda a=a, b=b: timed(lambda: prc(a, b)),
                          lambda a=a, b=b, columns=columns: ours("precision-recall", columns, a, b)))
    if args.only in (None, "ssim"):
        y, x, c = np.meshgrid(np.arange(1000), np.arange(1000), np.arange(3), indexing="ij")
        a = ((3 * x + 5 * y + 40 * c) % 230).astype(np.uint8)
        b = (a + rng.integers(0, 20, a.shape)).astype(np.uint8)
        gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        for name, options in [("ssim", {}), ("ssim-gaussian", gaussian)]:
            cases.append((f"{name}, one megapixel, RGB", "scikit-image", 1e-9,
                          lambda options=options: timed(lambda: structural_similarity(a, b, channel_axis=2, **options)),
                          lambda name=name: ours(name, 1000, a, b)))

    print("| computation | peer | peer, s (best) | ours, s (best) | peer / ours |\n| --- | --- | --- | --- | --- |", flush=True)
    for title, peer, tolerance, theirs, own in cases:
        times = ([], [])
        for _ in range(args.rounds):
            seconds, expected = theirs()
            times[0].append(seconds)
            seconds, found = own()
            times[1].append(seconds)
            assert abs(found - expected) <= tolerance * abs(expected), f"{title}: {found}, {peer} {expected}"
        medians = [statistics.median(t) for t in times]
        shown = [f"{median:.3f} ({min(t):.3f})" for median, t in zip(medians, times)]
        print(f"| {title} | {peer} | {shown[0]} | {shown[1]} | {medians[0] / medians[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
