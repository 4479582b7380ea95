#!/usr/bin/env python3
"""Time and memory of `evaluate` on cached features, beside the Python packages that people compute the same numbers with.

usage: distances.py TRAINER FOLDER [COUNT]

TRAINER is the program (cargo build --release -p ncsn-trainer), FOLDER a new one for the features, COUNT their number on each side
[10000]. Needs numpy, scipy and, from PyPI, pytorch-fid and prdc. Features are [COUNT, 2048] in f32, rectified and of a falling
spectrum as Inception's are. FID by pytorch-fid is numpy's mean and cov, and its calculate_frechet_distance with scipy's sqrtm.
Each is a process of its own on all cores, the best of three; seconds of Python are without its imports and those of the trainer
with all of its process. Then FID of 4 times as many samples, for the growth of memory. The table is Markdown.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

REPEATS = 3


def write(folder, count):
    """samples.npy, data.npy and the four times longer many.npy."""
    import numpy

    random = numpy.random.default_rng(0)
    mix = random.normal(size=(128, 2048)) / numpy.sqrt(1 + numpy.arange(128))[:, None] * 0.3

    def features(number, scale):
        parts = []
        for first in range(0, number, 5000):
            latent = random.normal(size=(min(5000, number - first), 128)) * scale
            noise = random.normal(size=(len(latent), 2048)) * 0.2
            parts.append(numpy.maximum(latent @ mix + noise + 0.2, 0).astype("f4"))
        return numpy.concatenate(parts)

    numpy.save(folder / "data.npy", features(count, 1.0))
    many = features(4 * count, 1.1)
    numpy.save(folder / "many.npy", many)
    numpy.save(folder / "samples.npy", many[:count])


def by_pytorch_fid(folder):
    import numpy
    import scipy
    from pytorch_fid.fid_score import calculate_frechet_distance

    started = time.perf_counter()
    sides = [numpy.load(folder / name) for name in ("samples.npy", "data.npy")]
    laws = [(numpy.mean(x, axis=0), numpy.cov(x, rowvar=False)) for x in sides]
    distance = calculate_frechet_distance(*laws[0], *laws[1])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "distance": float(distance), "with": f"numpy {numpy.__version__}, scipy {scipy.__version__}"}


def by_prdc(folder):
    import contextlib

    import numpy
    from prdc import compute_prdc

    started = time.perf_counter()
    samples, data = (numpy.load(folder / name) for name in ("samples.npy", "data.npy"))
    with contextlib.redirect_stdout(sys.stderr):
        found = [compute_prdc(data, samples, k) for k in (3, 5)]
    both = {**{k: float(found[0][k]) for k in ("precision", "recall")}, **{k: float(found[1][k]) for k in ("density", "coverage")}}
    return {"seconds": time.perf_counter() - started, **both}


def child(command):
    """Seconds and peak memory in MB of a process, and the JSON that it printed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: status {status}")
    found = json.loads(said)
    return found.get("seconds", time.perf_counter() - started), used.ru_maxrss / 1024, found


def best(*commands, repeats=REPEATS):
    """Of each command, in turns, so that what else the machine does falls on all."""
    runs = [[child(command) for command in commands] for _ in range(repeats)]
    return [min(of_one, key=lambda run: run[0]) for of_one in zip(*runs)]


def main():
    if sys.argv[1] == "--child":
        return print(json.dumps({"fid": by_pytorch_fid, "prdc": by_prdc}[sys.argv[2]](pathlib.Path(sys.argv[3]))))
    if sys.argv[1] == "--write":
        return write(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    trainer, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if sys.argv[3:] else 10_000
    folder.mkdir(parents=True)
    subprocess.run([sys.executable, __file__, "--write", folder, str(count)], check=True)
    own = lambda samples, *flags: [trainer, "evaluate", "--samples", folder / samples, "--data", folder / "data.npy", "--device", "cpu",
                                   "--format", "json", "--subsets", "0", *flags]
    python = lambda name: [sys.executable, __file__, "--child", name, folder]
    print("| what | s | peak, MB | Python, s | peak, MB | Python / ncsn |\n|---|---|---|---|---|---|")
    ours, theirs = best(own("samples.npy", "--nearest", "0"), python("fid"))
    row = lambda what, a, b: print(f"| {what} | {a[0]:.2f} | {a[1]:.0f} | {b[0]:.2f} | {b[1]:.0f} | {b[0] / a[0]:.1f} |", flush=True)
    row(f"FID, {count} + {count}", ours, theirs)
    many = child(own("many.npy", "--nearest", "0"))
    print(f"| FID, {4 * count} + {count} | {many[0]:.2f} | {many[1]:.0f} | – | – | – |")
    covered, prdc = best(own("samples.npy"), python("prdc"), repeats=1)
    row("precision, recall, density, coverage", covered, prdc)
    line = child(own("samples.npy", "--nearest", "0", "--extrapolate"))
    print(f"| FID and FID∞ | {line[0]:.2f} | {line[1]:.0f} | – | – | – |")
    distance = ours[2]["frechet"]["distance"]
    print(f"\nFID {distance:.9f} and {theirs[2]['distance']:.9f} by {theirs[2]['with']}: relative difference {distance / theirs[2]['distance'] - 1:.1e}")
    print("measures:", {name: value["value"] for name, value in covered[2]["manifold"].items()}, "by prdc:", {k: v for k, v in prdc[2].items() if k != "seconds"})
    print("FID∞:", {k: v for k, v in line[2]["extrapolation"].items() if k != "points"})


if __name__ == "__main__":
    main()
