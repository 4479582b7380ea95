#!/usr/bin/env python3
"""Images per second of a training by several processes of one thread, against one of them, by turns.

usage: processes.py TRAINER [BATCH [STEPS [ROUNDS]]]

CIFAR-10's network with 128 filters on images drawn by code; BATCH [4] items for each process, STEPS [8] steps of which the first two
do not count, ROUNDS [3]. Beside it, one process with as many threads and the same batch in all. Medians over steps and rounds.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile


def rates(trainer, folder, processes, threads, batch, steps):
    """Images per second of each step."""
    run = folder / "run"
    command = [trainer, "launch", "--nproc", str(processes)] if processes > 1 else [trainer]
    command += ["train", "--preset", "cifar10", "--data", folder / "images.npy", "--filters", "128", "--batch", str(batch),
                "--held-out", "0", "--iterations", str(steps), "--checkpoint-every", "1000000", "--test-every", "1000000",
                "--log-every", "1", "--samples", "0", "--device", "cpu", "--threads", str(threads), "--format", "json",
                "--run", run]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(run / "log.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    subprocess.run(["rm", "-r", run], check=True)
    # The first steps are slower; the last one is read with the one before.
    return [line["images_per_s"] for line in lines if line["kind"] == "train"][2:-1]


def main(trainer, batch=4, steps=8, rounds=3):
    batch, steps, rounds = int(batch), int(steps), int(rounds)
    cores = len(os.sched_getaffinity(0))
    ways = {"1 process, 1 thread": (1, 1, batch), f"{cores} processes of 1 thread": (cores, 1, cores * batch),
            f"1 process, {cores} threads": (1, cores, cores * batch)}
    found = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4096, 3, 32, 32), }"
        header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
        images = bytes(range(256)) * (4096 * 12)
        (folder / "images.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + images)
        for _ in range(rounds):
            for name, way in ways.items():
                found[name] += rates(trainer, folder, *way, steps)
    one = statistics.median(found["1 process, 1 thread"])
    print(f"| {cores} cores, {batch} items a thread | images/s | of {cores} times one |\n|---|---|---|")
    for name, values in found.items():
        median = statistics.median(values)
        share = "" if name.startswith("1 process, 1 ") else f"{median / cores / one:.2f}"
        print(f"| {name} | {median:.2f} [{min(values):.2f}, {max(values):.2f}] | {share} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
