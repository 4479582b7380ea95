"""Helper of benches/gpu.sh: measures by running programs, and makes tables.

    python3 gpu_report.py bench RESULTS NAME -- COMMAND…         a command that prints a report of schema ncsn.bench/1
    python3 gpu_report.py train RESULTS NAME SECONDS TRAINER RUN FLAGS…     trains for a while
    python3 gpu_report.py kernels TRACE TABLE RESULTS            where a training step's time goes, from `bench --trace`
    python3 gpu_report.py convolutions DEVICE RESULTS            PyTorch's convolutions of the CIFAR-10 network alone
    python3 gpu_report.py table RESULTS                          the reports of `bench`, beside each other

Each result is printed as it is found and appended to RESULTS, one JSON object a line.
"""
import collections
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

SMALL = os.environ.get("SMALL") == "1"
STEPS = ["forward", "train_step", "langevin_step"]
# trainer/src/bench.rs, TRACED
TRACED_STEPS = 3


def record(path, **entry):
    with open(path, "a") as results:
        results.write(json.dumps(entry) + "\n")


def read(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def cells(report):
    times = [1e3 * report[step]["median_s"] if step in report else float("nan") for step in STEPS]
    return "".join(f"{value:>12.2f}" for value in times) + f"{report['peak_memory_bytes'] / 1e9:>9.2f}"


def bench(results, name, dashes, *command):
    assert dashes == "--"
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr.strip()[-2000:])
        return done.returncode
    report = json.loads(done.stdout)
    print(f"{name:<34}{cells(report)}")
    record(results, part="bench", name=name, report=report)
    return 0


def train(results, name, seconds, trainer, run, *flags):
    """Trains until interrupted, as a user would; what it did is in the run's log."""
    command = [trainer, "train", "--run", run, "--samples", "0", "--checkpoint-every", "1000000", "--test-every",
               "1000000", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        process.wait(timeout=float(seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    print(process.communicate(timeout=60)[0].strip())
    lines = [line for line in read(pathlib.Path(run) / "log.jsonl") if line["kind"] == "train"]
    # The first steps choose algorithms.
    rates = [line["images_per_s"] for line in lines[len(lines) // 4 :]]
    chosen = [lines[min(len(lines) - 1, round(k * (len(lines) - 1) / 12))] for k in range(13)]
    curve = {line["step"]: round(line["smoothed"], 2) for line in chosen}
    print(f"{name}: {lines[-1]['step']} steps, {statistics.median(rates):.0f} images/s in the median of"
          f" {len(rates)} intervals; smoothed loss {curve}")
    record(results, part="train", name=name, flags=list(flags), steps=lines[-1]["step"], seconds=float(seconds),
           images_per_s=statistics.median(rates), curve=curve)
    # As shells have it: ended by this signal.
    return 0 if process.returncode == 128 + signal.SIGINT else process.returncode


def kernels(trace, table, results):
    """Time of each kernel in a training step; on a CPU, of each operator with those that it calls."""
    events = [event for event in json.loads(pathlib.Path(trace).read_text())["traceEvents"] if event.get("ph") == "X"]
    device = [event for event in events if event.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")]
    chosen = device or [event for event in events if event.get("cat") == "cpu_op"]
    times, counts = collections.Counter(), collections.Counter()
    for event in chosen:
        times[event["name"]] += event["dur"] / 1e3 / TRACED_STEPS
        counts[event["name"]] += 1 / TRACED_STEPS
    span = (max(e["ts"] + e["dur"] for e in chosen) - min(e["ts"] for e in chosen)) / 1e3 / TRACED_STEPS
    total = sum(times.values())
    lines = [f"a step: {span:.2f} ms by the clock, {total:.2f} ms in {sum(counts.values()):.0f} "
             f"{'kernels' if device else 'operators (each with those that it calls)'}"]
    lines += [f"{time:>9.3f} ms {counts[name]:>7.1f}  {name[:150]}" for name, time in times.most_common(60)]
    pathlib.Path(table).write_text("\n".join(lines) + "\n")
    print("\n".join(lines[:26]))
    record(results, part="kernels", span_ms=span, busy_ms=total, count=sum(counts.values()), on_device=bool(device))
    return 0


def convolutions(device, results):
    """Forward, data and weight gradients of the CIFAR-10 network's 3x3 convolutions, n = 128, batch 128, bf16."""
    import torch

    shapes = [(128, 128, 32, 1), (256, 256, 16, 1), (256, 256, 16, 2), (256, 256, 16, 4), (128, 256, 16, 1)]
    batch, repeats = (2, 1) if SMALL else (128, 20)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    torch.backends.cudnn.benchmark = True
    synchronize = (lambda: None) if device == "cpu" else torch.cuda.synchronize
    for inputs, outputs, side, dilation in shapes:
        if SMALL:
            inputs, outputs = inputs // 16, outputs // 16
        for order in [torch.contiguous_format, torch.channels_last]:
            make = lambda *shape: torch.randn(shape, device=device, dtype=dtype).contiguous(memory_format=order)
            x, weight = make(batch, inputs, side, side), make(outputs, inputs, 3, 3)
            gradient = make(batch, outputs, side, side)
            backward = lambda mask: torch.ops.aten.convolution_backward(
                gradient, x, weight, None, [1, 1], [dilation] * 2, [dilation] * 2, False, [0, 0], 1, mask)
            works = {
                "forward": lambda: torch.conv2d(x, weight, None, 1, dilation, dilation),
                "data": lambda: backward([True, False, False]),
                "weight": lambda: backward([False, True, False]),
            }
            flop = 2 * 9 * inputs * outputs * side * side * batch
            rates = {}
            for name, work in works.items():
                for _ in range(3):
                    work()
                synchronize()
                began = time.perf_counter()
                for _ in range(repeats):
                    work()
                synchronize()
                rates[name] = flop * repeats / (time.perf_counter() - began) / 1e12
            label = "channels last" if order == torch.channels_last else "NCHW"
            text = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
            print(f"{inputs} to {outputs}, {side}x{side}, dilation {dilation}, {label}: {text} TFLOP/s", flush=True)
            record(results, part="convolutions", inputs=inputs, outputs=outputs, side=side, dilation=dilation,
                   order=label, tflops=rates)
    return 0


def table(results):
    """Medians over the rounds of each program, and how many times ours each takes."""
    rounds = collections.defaultdict(list)
    for entry in read(results):
        if entry["part"] == "bench":
            rounds[entry["report"]["filters"], entry["name"]].append(entry["report"])
    for filters in sorted({filters for filters, _ in rounds}):
        print(f"\nn = {filters}; medians in ms over the rounds, [least, most], and images/s of training")
        for (width, name), reports in sorted(rounds.items()):
            if width != filters:
                continue
            text = ""
            for step in STEPS:
                times = [1e3 * report[step]["median_s"] for report in reports if step in report]
                text += (f"{statistics.median(times):.2f} [{min(times):.2f}, {max(times):.2f}]" if times else "–").rjust(24)
            rate = statistics.median(report["train_step"]["images_per_s"] for report in reports)
            peak = max(report["peak_memory_bytes"] for report in reports) / 1e9
            print(f"{name:<32}{text}{rate:>9.0f}{peak:>7.2f} GB")
    return 0


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    sys.exit(globals()[what](*arguments) if what in ("bench", "train", "kernels", "convolutions", "table") else 2)
