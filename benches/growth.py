#!/usr/bin/env python3
"""How steps on the CPU grow with batch, size of the images and filters, beside eager PyTorch with channels last, by turns.

usage: growth.py TRAINER PYTHON [REPEATS [ROUNDS]]

NCSNv2 of Table 3a in f32 on two threads. Around one case (64 filters, 32 x 32, batch 8) one number at a time is halved, doubled, taken
four times. Medians of REPEATS [3] repeats in ROUNDS [2] processes each; `per value` divides by batch, pixels and filters squared, which
is what the work grows with.
"""

import json
import pathlib
import statistics
import subprocess
import sys

BASELINE = pathlib.Path(__file__).with_name("pytorch_baseline.py")
MIDDLE = {"filters": 64, "size": 32, "batch": 8}
CASES = [MIDDLE, *({**MIDDLE, key: value} for key, values in {"batch": [1, 4, 32], "size": [16, 64], "filters": [32, 128]}.items()
                   for value in values)]


def ours(trainer, case, repeats):
    side = case["size"]
    return [trainer, "bench", "--preset", "own", "--shape", f"3,{side},{side}", "--filters", str(case["filters"]), "--batch",
            str(case["batch"]), "--repeats", repeats, "--threads", "2", "--device", "cpu", "--format", "json"]


def eager(python, case, repeats):
    return [python, BASELINE, "--size", str(case["size"]), "--filters", str(case["filters"]), "--batch", str(case["batch"]),
            "--repeats", repeats, "--threads", "2", "--channels-last"]


def main(trainer, python, repeats="3", rounds="2"):
    print("| filters | size | batch | forward, s | training step, s | per value, ns | eager / ours: forward | training step |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        found = {"ours": [], "eager": []}
        for _ in range(int(rounds)):
            for name, command in [("ours", ours(trainer, case, repeats)), ("eager", eager(python, case, repeats))]:
                report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                found[name].append([report[step]["median_s"] for step in ["forward", "train_step"]])
        medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in found.items()}
        forward, step = medians["ours"]
        each = step / case["batch"] / case["size"] ** 2 / case["filters"] ** 2 * 1e9
        ratios = [eager / ours for eager, ours in zip(medians["eager"], medians["ours"])]
        print(f"| {case['filters']} | {case['size']} | {case['batch']} | {forward:.3f} | {step:.3f} | {each:.2f} | {ratios[0]:.2f} | "
              f"{ratios[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
