#!/usr/bin/env python3
"""Compare transfer methods on feature tables with their reference programs.

    python bench/transfer.py [--rounds 3] [--threads 2] [--scale 1] [--only NAME,..] [--bin target/release]

TCA with the RBF kernel, 2,000 + 2,000 rows of 4,096 columns, 30 components, and CORAL of the same, against skada and
against ADAPT's dense formulas in numpy and scipy (ADAPT itself needs TensorFlow); KMM of 2,000 rows against cvxopt, as
ADAPT calls it; k-means, sparse codes and a mixture of Gaussians against scikit-learn. Only the computation is timed, ours
by crates/dl-transfer/examples/transfer_speed.rs. Peers and ours alternate. Objectives that must agree are checked; those of
skada's and ADAPT's TCA are not, as they solve another problem (their eigh reads half of a matrix that is not symmetric).

Then programs on records: dl-transfer coral of 100,000 rows of 512 columns against dl-data select of the same records, which
reads and writes them, twice, as coral reads them twice; and dl-transfer tca of 100,000 rows with 2,000 landmarks, with the
peak of memory. --rows 1000000 for a million.

Needs numpy, scipy, scikit-learn, cvxopt, skada, and a release build with --examples. --scale divides rows and columns, to
check that the script runs.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the programs on records")
    parser.add_argument("--only", default="tca,coral,kmm,kmeans,codes,gmm,records")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release")
    args = parser.parse_args()
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]:
        os.environ[name] = str(args.threads)
    only = args.only.split(",")

    import numpy as np
    from scipy import linalg
    from scipy.spatial.distance import cdist, pdist

    rng = np.random.default_rng(0)
    folder = tempfile.TemporaryDirectory()

    def sized(number, least=8):
        return max(number // args.scale, least)

    def table(rows, columns, shift=0.0):
        mixed = rng.normal(size=(rows, 16)) @ rng.normal(size=(16, columns)) + rng.normal(size=(rows, columns)) + shift
        return (mixed / np.sqrt(columns)).astype("float32")

    def ours(method, first, second, parameter):
        paths = [Path(folder.name) / name for name in ("first", "second")]
        for path, array in zip(paths, (first, second)):
            path.write_bytes(np.ascontiguousarray(array, dtype="float32").tobytes())
        command = [args.bin / "examples/transfer_speed", method, str(first.shape[1]), *paths, repr(float(parameter))]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return found["seconds"], found["figure"]

    def timed(work):
        start = time.perf_counter()
        figure = work()
        return time.perf_counter() - start, None if figure is None else float(figure)

    def gamma_of(a, b):
        rows = np.vstack([a[:500], b[:500]]).astype(float)
        return 0.5 / np.median(pdist(rows, "sqeuclidean"))

    def kernels(a, b, gamma):
        both = np.vstack([a, b]).astype(float)
        return np.exp(-gamma * cdist(both, both, "sqeuclidean"))

    def adapt_tca(a, b, components):
        k = kernels(a, b, gamma_of(a, b))
        n = len(k)
        e = np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), -1 / len(b))])
        h = np.eye(n) - 1 / n
        left = np.eye(n) + k @ np.outer(e, e) @ k
        vectors = linalg.eigh(linalg.solve(left, k @ h @ k))[1][:, -components:]
        return (k @ vectors).sum() * 0

    def adapt_coral(a, b, regularization):
        a, b = a.astype(float), b.astype(float)
        cs, ct = (np.cov(x, rowvar=False) + regularization * np.eye(x.shape[1]) for x in (a, b))
        return (a @ np.real(linalg.inv(linalg.sqrtm(cs)) @ linalg.sqrtm(ct))).sum()

    def skada(name, a, b, **options):
        import skada

        x = np.vstack([a, b]).astype(float)
        domain = np.concatenate([np.ones(len(a)), -2 * np.ones(len(b))]).astype(int)
        getattr(skada, name)(**options).fit_transform(x, sample_domain=domain)

    def cvxopt_kmm(a, b, gamma):
        from cvxopt import matrix, solvers

        solvers.options["show_progress"] = False
        a, b = a.astype(float), b.astype(float)
        n = len(a)
        k = np.exp(-gamma * cdist(a, a, "sqeuclidean"))
        kappa = n / len(b) * np.exp(-gamma * cdist(a, b, "sqeuclidean")).sum(1)
        eps = (np.sqrt(n) - 1) / np.sqrt(n)
        g = np.vstack([np.ones(n), -np.ones(n), np.eye(n), -np.eye(n)])
        limits = np.concatenate([[n * (1 + eps), n * (eps - 1)], np.full(n, 1000.0), np.zeros(n)])
        return solvers.qp(matrix(k), matrix(-kappa), matrix(g), matrix(limits))["primal objective"]

    def sklearn_kmeans(rows, centers):
        from sklearn.cluster import KMeans

        return KMeans(len(centers), init=centers, n_init=1).fit(rows).inertia_

    def sklearn_codes(rows, atoms, beta):
        from sklearn.decomposition import sparse_encode

        codes = sparse_encode(rows.astype(float), atoms.astype(float), algorithm="lasso_lars", alpha=beta / 2)
        return ((rows - codes @ atoms) ** 2).sum() + beta * np.abs(codes).sum()

    def sklearn_gmm(rows, components):
        from sklearn.mixture import GaussianMixture

        GaussianMixture(components, max_iter=5, tol=0, random_state=0).fit(rows.astype(float))

    # Title, peer, how far the figures may be apart (none: not compared), peer, ours.
    cases = []
    a, b = table(sized(2000), sized(4096)), table(sized(2000), sized(4096), 0.3)
    shape = f"{len(a):,} + {len(b):,} rows of {a.shape[1]:,}"
    if "tca" in only:
        k = min(30, len(a) // 2)
        own = lambda: ours("tca", a, b, k)
        cases.append((f"TCA, rbf, {shape}", "ADAPT's formula", None, lambda: timed(lambda: adapt_tca(a, b, k)), own))
        cases.append((f"TCA, rbf, {shape}", "skada", None,
                      lambda: timed(lambda: skada("TransferComponentAnalysisAdapter", a, b, kernel="rbf", n_components=k)), own))
    if "coral" in only:
        own = lambda: ours("coral", a, b, 1.0)
        cases.append((f"CORAL, {shape}", "ADAPT's formula", 1e-4, lambda: timed(lambda: adapt_coral(a, b, 1.0)), own))
        cases.append((f"CORAL, {shape}", "skada", None, lambda: timed(lambda: skada("CORALAdapter", a, b)), own))
    if "kmm" in only:
        x, y = table(sized(2000), 64), table(sized(2000), 64, 0.2)
        gamma = gamma_of(x, y)
        cases.append((f"KMM, {len(x):,} + {len(y):,} rows of 64", "cvxopt", 1e-5,
                      lambda: timed(lambda: cvxopt_kmm(x, y, gamma)), lambda: ours("kmm", x, y, gamma)))
    rows = table(sized(20_000), 128)
    if "kmeans" in only:
        centers = rows[: min(64, len(rows) // 4)]
        cases.append((f"k-means, {len(rows):,} rows of 128, k {len(centers)}", "scikit-learn", 5e-3,
                      lambda: timed(lambda: sklearn_kmeans(rows, centers)), lambda: ours("kmeans", rows, centers, 0)))
    if "codes" in only:
        atoms = rng.normal(size=(256, 128)).astype("float32")
        atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
        few = rows[: sized(2000)]
        cases.append((f"sparse codes, {len(few):,} rows of 128, 256 atoms", "scikit-learn", 1e-5,
                      lambda: timed(lambda: sklearn_codes(few, atoms, 0.2)), lambda: ours("codes", few, atoms, 0.2)))
    if "gmm" in only:
        wide = table(sized(4000, 64), sized(512))
        cases.append((f"mixture of 8 full Gaussians, {len(wide):,} rows of {wide.shape[1]}, 5 rounds", "scikit-learn", None,
                      lambda: timed(lambda: sklearn_gmm(wide, 8)), lambda: ours("gmm", wide, wide[:1], 8)))

    print("| computation | peer | peer, s (best) | ours, s (best) | peer / ours |\n| --- | --- | --- | --- | --- |", flush=True)
    for title, peer, tolerance, theirs, own in cases:
        times = ([], [])
        for _ in range(args.rounds):
            seconds, expected = theirs()
            times[0].append(seconds)
            seconds, found = own()
            times[1].append(seconds)
            if tolerance is not None:
                assert abs(found - expected) <= tolerance * abs(expected), f"{title}: {found}, {peer} {expected}"
        report(title, peer, times)

    if "records" in only:
        count = sized(args.rows, 100)
        landmarks = min(2000, count // 2)
        path = Path(folder.name) / "both.jsonl"
        with open(path, "w") as file:
            for index in range(count):
                domain = "source" if index % 2 else "target"
                text = base64.b64encode((rng.normal(size=512) + index % 2).astype("<f4").tobytes()).decode()
                tensor = {"dtype": "f32", "shape": [1, 512], "base64": text}
                file.write(json.dumps({"id": str(index), "domain": domain, "features": {"f": tensor}}) + "\n")
        threads = ["--threads", str(args.threads)]
        select = [args.bin / "dl-data", "select", "--domain", "source,target", *threads, path]
        coral = [args.bin / "dl-transfer", "coral", *threads, path]
        tca = [args.bin / "dl-transfer", "tca", "--kernel", "rbf", "--landmarks", str(landmarks), "--components", "30",
               *threads, path]
        times = ([], [])
        for _ in range(args.rounds):
            times[0].append(program(select)[0] + program(select)[0])
            times[1].append(program(coral)[0])
        report(f"CORAL, {count:,} records of 512 columns", "dl-data select, twice", times)
        for name, command in [("coral", coral), (f"tca, {landmarks:,} landmarks", tca)]:
            seconds, processor, memory = program(command)
            print(f"\n{name}: {seconds:.2f} s, {processor:.2f} s of processor time, {memory:.0f} MB")


def report(title, peer, times):
    medians = [statistics.median(t) for t in times]
    shown = [f"{median:.3f} ({min(t):.3f})" for median, t in zip(medians, times)]
    print(f"| {title} | {peer} | {shown[0]} | {shown[1]} | {medians[0] / medians[1]:.1f} |", flush=True)


def program(command):
    """Seconds, seconds of processor time, and the peak of memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
