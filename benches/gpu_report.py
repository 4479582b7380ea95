"""Helper of benches/gpu.sh: makes its inputs and compares its outputs. Needs torch and the standard library."""
import json
import pathlib
import struct
import sys

import torch

KINDS = {"F32": torch.float32, "I64": torch.int64}


def read(path):
    """Tensors of a safetensors file."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[begin:end]), dtype=KINDS[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def write(path, tensors):
    """A safetensors file."""
    names = {kind: name for name, kind in KINDS.items()}
    header, body = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape)}
        header[name]["data_offsets"] = [len(body), len(body) + len(raw)]
        body += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + body)


def items(path):
    """Sixteen noisy images at levels spread over the 91 of preset shapes."""
    torch.manual_seed(1)
    y = torch.arange(16) * 6
    sigma = 12.418 * (0.01 / 12.418) ** (y / 90)
    write(path, {"x": torch.rand(16, 3, 16, 16) + sigma.view(-1, 1, 1, 1) * torch.randn(16, 3, 16, 16), "y": y})


def parity(folder, report):
    """Relative L2 distance of each score file from the CPU's."""
    reference = read(f"{folder}/cpu.f32.safetensors")["out"].double()
    errors = {}
    for where in ["cuda.f32", "cuda.tf32", "cuda.bf16"]:
        out = read(f"{folder}/{where}.safetensors")["out"].double()
        # Scores grow as 1/sigma: each image counts alike.
        distance = (out - reference).flatten(1).norm(dim=1) / reference.flatten(1).norm(dim=1)
        errors[where] = distance.max().item()
        print(f"{where:<10} largest relative L2 distance {errors[where]:.2e}")
    pathlib.Path(report).write_text(json.dumps(errors, indent=1) + "\n")


def resume(folder, report):
    """Losses of the whole run and of the run in two parts."""

    def losses(run):
        lines = map(json.loads, pathlib.Path(folder, run, "log.jsonl").read_text().splitlines())
        return [line["loss"] for line in lines if line["kind"] == "train"]

    whole, parts = losses("whole"), losses("parts")
    difference = [abs(a / b - 1) for a, b in zip(parts, whole, strict=True)]
    first = difference[len(difference) // 2]
    print(f"{len(whole)} steps; relative difference of the first loss after resuming {first:.1e}, largest {max(difference):.1e}")
    result = {"steps": len(whole), "first_after_resume": first, "largest": max(difference)}
    pathlib.Path(report).write_text(json.dumps(result, indent=1) + "\n")


def bench(folder):
    """One line for each program and precision."""
    print(f"{'program':<34}{'forward ms':>12}{'train ms':>12}{'Langevin ms':>12}{'train img/s':>13}{'peak GB':>9}")
    for path in sorted(pathlib.Path(folder).glob("bench.*.json")):
        report = json.loads(path.read_text())
        times = [1e3 * report[step]["median_s"] for step in ["forward", "train_step", "langevin_step"]]
        name = path.name.removeprefix("bench.").removesuffix(".json")
        print(
            f"{name:<34}"
            + "".join(f"{time:>12.2f}" for time in times)
            + f"{report['train_step']['images_per_s']:>13.0f}{report['peak_memory_bytes'] / 1e9:>9.2f}"
        )


if __name__ == "__main__":
    {"items": items, "parity": parity, "resume": resume, "bench": bench}[sys.argv[1]](*sys.argv[2:])
