#!/usr/bin/env bash
# Times the trainer's steps and start, and eager PyTorch's, on the CPU by turns; prints medians, spread and ratios:
#
#   benches/cpu.sh [PYTHON] [ROUNDS] [BATCH] [REPEATS]
#
# CIFAR-10 network, 128 filters, batch 8, f32, two threads; PYTHON must have torch 2.11.0 and numpy, and a C++ compiler for
# torch.compile. The trainer also with gradient checkpointing.
set -euo pipefail
python=${1:-python3}
rounds=${2:-3}
batch=${3:-8}
repeats=${4:-5}
here=$(cd "$(dirname "$0")" && pwd)
trainer=${NCSN_TRAINER:-$here/../target/release/ncsn-trainer}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for round in $(seq "$rounds"); do
    "$trainer" bench --preset cifar10 --filters 128 --batch "$batch" --repeats "$repeats" --threads 2 --device cpu --format json \
        > "$work/ncsn-trainer.$round.json"
    "$python" "$here/pytorch_baseline.py" --batch "$batch" --repeats "$repeats" --threads 2 > "$work/pytorch.$round.json"
    "$trainer" bench --preset cifar10 --filters 128 --batch "$batch" --repeats "$repeats" --threads 2 --device cpu --format json \
        --gradient-checkpointing > "$work/checkpointing.$round.json"
    "$python" "$here/pytorch_baseline.py" --batch "$batch" --repeats "$repeats" --threads 2 --channels-last \
        > "$work/pytorch-channels-last.$round.json"
    "$python" "$here/pytorch_baseline.py" --batch "$batch" --repeats "$repeats" --threads 2 --channels-last --compile default \
        > "$work/compiled.$round.json"
done
"$python" - "$work" "$trainer" <<'PY'
import json
import pathlib
import statistics
import subprocess
import sys
import time

reports = {}
for path in pathlib.Path(sys.argv[1]).glob("*.json"):
    reports.setdefault(path.name.split(".")[0], []).append(json.loads(path.read_text()))
steps = ["forward", "train_step", "langevin_step"]
print(f"{'':<24}" + "".join(f"{step:>30}" for step in steps) + f"{'peak MB':>10}")
medians = {}
for program in ["pytorch", "pytorch-channels-last", "compiled", "ncsn-trainer", "checkpointing"]:
    runs = reports[program]
    cells = ""
    for step in steps:
        # Of a compiled network only the two loops' steps are timed.
        if step not in runs[0]:
            cells += "-".rjust(30)
            continue
        wall = [run[step]["median_s"] for run in runs]
        cpu = statistics.median(run[step]["cpu_s"] for run in runs)
        medians[program, step] = statistics.median(wall)
        cells += f"{medians[program, step]:.3f} [{min(wall):.3f}, {max(wall):.3f}] {cpu:.2f}".rjust(30)
    peak = max(run["peak_memory_bytes"] for run in runs) / 1e6
    print(f"{program:<24}{cells}{peak:>10.0f}")
print("median over rounds of each round's median, [least, most], CPU seconds")
for baseline in ["pytorch", "pytorch-channels-last", "compiled"]:
    ratios = ", ".join(
        f"{step} {medians[baseline, step] / medians['ncsn-trainer', step]:.2f}" for step in steps if (baseline, step) in medians
    )
    print(f"{baseline} / ncsn-trainer: {ratios}")

starts = {"ncsn-trainer devices": [sys.argv[2], "devices"], "python -c 'import torch'": [sys.executable, "-c", "import torch"]}
times = {name: [] for name in starts}
for _ in range(7):
    for name, command in starts.items():
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times[name].append(time.perf_counter() - begin)
for name, seconds in times.items():
    print(f"start: {name}: {statistics.median(seconds):.2f} s [{min(seconds):.2f}, {max(seconds):.2f}]")
PY
