#!/usr/bin/env python3
"""Long runs: memory over many steps, and what logs and checkpoints cost.

usage: long.py TRAINER [STEPS [ROUNDS]]

First the built-in images are learnt by a small network for STEPS [10000] steps, with a record of the loss every 10 and a checkpoint
every 250, and the resident memory is read from /proc twice a second. Then the preset `shapes` trains ROUNDS [3] times for 150 steps, by
turns without any record and with a loss every 10 steps, a test loss every 50 and a checkpoint every 50: seconds of the whole process,
and processor seconds, which other load on the machine changes less.
"""

import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

NEVER = "1000000"
SHAPES = ["train", "--preset", "shapes", "--samples", "0", "--device", "cpu"]


def resident(process):
    """Megabytes, or none where the process has ended."""
    try:
        text = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = [line.split() for line in text.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) / 1000 if lines else None


def memory(trainer, folder, steps):
    command = [trainer, *SHAPES, "--filters", "8", "--batch", "8", "--iterations", str(steps), "--log-every", "10",
               "--checkpoint-every", "250", "--test-every", "250", "--run", folder / "long"]
    began, seen = time.monotonic(), []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if (value := resident(process)) is not None:
            seen.append(value)
        time.sleep(0.5)
    seconds = time.monotonic() - began
    if process.returncode or len(seen) < 10:
        sys.exit(f"the trainer ended with {process.returncode} after {len(seen)} readings")
    print(f"{steps} steps of 8 images, n = 8: {seconds:.0f} s, {len(seen)} readings of the resident memory, MB")
    print("| part of the run | least | median | most |\n|---|---|---|---|")
    for part in range(5):
        values = seen[part * len(seen) // 5:(part + 1) * len(seen) // 5]
        print(f"| {part + 1} of 5 | {min(values):.0f} | {statistics.median(values):.0f} | {max(values):.0f} |")


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(trainer, folder, records):
    run = folder / "run"
    command = [trainer, *SHAPES, "--iterations", "150", *records, "--run", run]
    began, before = time.monotonic(), processor_seconds()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.monotonic() - began, processor_seconds() - before
    subprocess.run(["rm", "-r", run], check=True)
    return took


def throughput(trainer, folder, rounds):
    ways = {
        "no records": ["--log-every", NEVER, "--test-every", NEVER, "--checkpoint-every", NEVER],
        "logs and checkpoints": ["--log-every", "10", "--test-every", NEVER, "--checkpoint-every", "50"],
        "logs, checkpoints and test losses": ["--log-every", "10", "--test-every", "50", "--checkpoint-every", "50"],
    }
    found = {name: [] for name in ways}
    for _ in range(rounds):
        for name, records in ways.items():
            found[name].append(seconds(trainer, folder, records))
    print(f"\n150 steps of the preset shapes, {rounds} rounds by turns\n| records | s | of none | processor s | of none |")
    print("|---|---|---|---|---|")
    for name, values in found.items():
        cells = []
        for of, plain in zip(zip(*values), zip(*found["no records"])):
            median = statistics.median(of)
            cells += [f"{median:.2f} [{min(of):.2f}, {max(of):.2f}]", f"{median / statistics.median(plain):.3f}"]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main(trainer, steps="10000", rounds="3"):
    with tempfile.TemporaryDirectory() as folder:
        memory(trainer, pathlib.Path(folder), int(steps))
        throughput(trainer, pathlib.Path(folder), int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
