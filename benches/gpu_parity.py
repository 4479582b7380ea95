"""Helper of benches/gpu.sh: is what the trainer computes on a device what PyTorch computes in double precision?

    python3 gpu_parity.py moments  TRAINER DEVICE RESULTS [KERNELS]   Adam's moments after one step of `train`, of
                                                           several networks; KERNELS are own or torch
    python3 gpu_parity.py resume   TRAINER DEVICE RESULTS   a run in two parts against the whole run
    python3 gpu_parity.py scores   TRAINER DEVICE RESULTS RUN   scores of a trained network at each noise level

Each comparison is printed as it is made and appended to RESULTS, one JSON object a line. SMALL=1 takes networks and
batches that a CPU does in seconds. Needs torch, numpy and safetensors; ends with 1 if a comparison fails.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import numpy
import torch
from safetensors.torch import load_file, save_file

import pytorch_baseline as reference

SMALL = os.environ.get("SMALL") == "1"
PRECISIONS = ["f32", "bf16"] if SMALL else ["f32", "tf32", "bf16"]
# preset, architecture, filters, item, batch
CASES = [
    ("cifar10", "ncsnv2", 8, (3, 32, 32), 2),
    ("mnist", "ncsnv2", 4, (1, 28, 28), 2),
    ("ncsn-cifar10", "ncsn", 4, (3, 32, 32), 2),
] if SMALL else [
    ("cifar10", "ncsnv2", 8, (3, 32, 32), 16),
    ("cifar10", "ncsnv2", 128, (3, 32, 32), 16),
    ("mnist", "ncsnv2", 96, (1, 28, 28), 16),
    ("ncsn-cifar10", "ncsn", 64, (3, 32, 32), 16),
    ("cifar10", "ncsnv2-deepest", 32, (3, 32, 32), 16),
]
# A gradient in the wrong memory order is off by about 1.4; bounds are on relative L2 distances from f64. The distance
# over all parameters may be TWICE that of eager PyTorch in the same precision, or FINE, whichever is more. NCSNv2 pools
# maxima: where two pixels differ by less than f32 resolves, the gradient may go to either.
LARGEST = {"f32": 5e-3, "tf32": 0.2, "bf16": 0.5}
FINE = {"f32": 1e-5, "tf32": 2e-3, "bf16": 2e-2}
FINE_OF_MAXIMA = 5e-4
TWICE = 2.0
# CUDA's fused Adam takes 1 - 0.999 in single precision: off by at most 2^-24 in 0.001, half of that in its root.
UPDATE = 2.0**-24 / 0.001 / 2
# The loss is a sum of positive terms; its precision is that of the scores.
LOSS = {"f32": 1e-5, "tf32": 1e-3, "bf16": 1e-2}


def run(trainer, *arguments):
    command = [trainer, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def record(path, **entry):
    with open(path, "a") as results:
        results.write(json.dumps(entry) + "\n")


def distance(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


def set_precision(precision):
    allowed = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def network(architecture, filters, channels, tensors, prefix, device):
    """The baseline's network with the weights of a checkpoint, in f64."""
    model = reference.ScoreNetwork(architecture, filters, channels, tensors["sigmas"])
    weights = {name: tensors[f"{prefix}.{name}"] for name, _ in model.named_parameters()}
    if not model.conditional:
        weights["sigmas"] = tensors["sigmas"]
    model.load_state_dict(weights)
    return model.to(device).double()


def step_seed(seed, step):
    """The seed that the trainer gives to torch's generators for a step (trainer/src/train/loss.rs)."""
    word = (1 << 64) - 1
    z = (seed + 0x9E3779B97F4A7C15) & word
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & word
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & word
    base = z ^ (z >> 31)
    return (base & 0xFFFFFFFF00000000) | ((base + step) & 0xFFFFFFFF)


def gradients(model, x, levels, noise, sigmas):
    """The mean loss and its gradient by parameter."""
    loss = reference.losses(model, x, levels, noise, sigmas).mean(dim=0)
    found = torch.autograd.grad(loss, list(model.parameters()))
    return loss.item(), dict(zip(dict(model.named_parameters()), found))


def compare(found, exact):
    """Largest distance of a tensor with its name, and the distance over all."""
    each = {name: distance(found[name], exact[name]) for name in exact}
    worst = max(each, key=lambda name: float("inf") if each[name] != each[name] else each[name])
    off = sum((found[name].double() - exact[name]).square().sum().item() for name in exact)
    all_ = sum(tensor.square().sum().item() for tensor in exact.values())
    return each[worst], worst, (off / all_) ** 0.5


def one_step(trainer, folder, case, device, precision, kernels, lr=None):
    """Configuration, checkpoint and loss of a run of one step on a batch of one image."""
    preset, architecture, filters, _, batch = case
    run(trainer, "train", "--preset", preset, "--architecture", architecture, "--filters", filters, "--data",
        f"{folder}/x.npy", "--held-out", 0, "--batch", batch, "--iterations", 1, "--samples", 0, "--log-every", 1,
        "--device", device, "--precision", precision, "--kernels", kernels, "--run", f"{folder}/{precision}-{lr}",
        *([] if lr is None else ["--lr", lr]))
    made = pathlib.Path(folder, f"{precision}-{lr}")
    lines = map(json.loads, (made / "log.jsonl").read_text().splitlines())
    loss = next(line["loss"] for line in lines if line["kind"] == "train")
    config = tomllib.loads((made / "config.toml").read_text())
    return config, load_file(made / "checkpoints/step-00000001/tensors.safetensors"), loss


def draws(config, image, batch, sigmas, device):
    """Images, levels and noise of the first step, drawn as the trainer draws them."""
    torch.manual_seed(step_seed(config["training"]["seed"], 0))
    levels = torch.randint(len(sigmas), (batch,), device=device)
    noise = torch.randn((batch, *image.shape), device=device)
    x = torch.tensor(image, device=device).expand(batch, *image.shape)
    if config["data"]["flip"]:
        x = torch.where(torch.rand((batch, 1, 1, 1), device=device) < 0.5, x.flip(3), x)
    if config["data"]["dequantize"]:
        x = (255 * x + torch.rand((batch, *image.shape), device=device)) / 256
    return x, levels, noise


def update_error(config, start, after):
    """Distance of weights and average from Adam's formula and from Technique 5, by the moments of the checkpoint."""
    training, largest = config["training"], 0.0
    beta1, beta2 = training["betas"]
    for name, before in start.items():
        mean = after[f"adam.exp_avg.{name}"].double() / (1 - beta1)
        square = after[f"adam.exp_avg_sq.{name}"].double() / (1 - beta2)
        moved = before.double() - training["lr"] * mean / (square.sqrt() + training["adam_eps"])
        weights = after[f"model.{name}"].double()
        averaged = training["ema_rate"] * before.double() + (1 - training["ema_rate"]) * weights
        largest = max(largest, distance(weights, moved), distance(after[f"ema.{name}"], averaged))
    return largest


def moments(trainer, device, results, kernels="torch"):
    failures = 0
    for case in CASES:
        _, architecture, filters, item, batch = case
        with tempfile.TemporaryDirectory() as folder:
            # One image, so that the order in which the items are taken does not matter.
            image = numpy.random.default_rng(7).random(item, dtype=numpy.float32)
            numpy.save(f"{folder}/x.npy", numpy.repeat(image[None], batch, axis=0))
            # At this rate the first weights stay what they are.
            config, first, _ = one_step(trainer, folder, case, device, "f32", kernels, 1e-30)
            steps = {precision: one_step(trainer, folder, case, device, precision, kernels) for precision in PRECISIONS}
        double = network(architecture, filters, item[0], first, "model", device)
        start = {name: first[f"model.{name}"] for name, _ in double.named_parameters()}
        sigmas = first["sigmas"].to(device)
        x, levels, noise = draws(config, image, batch, sigmas, device)
        exact_loss, exact = gradients(double, x.double(), levels, noise.double(), sigmas.double())
        single = double.float()
        for precision, (config, after, loss) in steps.items():
            beta1 = config["training"]["betas"][0]
            found = {name: after[f"adam.exp_avg.{name}"].to(device) / (1 - beta1) for name in exact}
            largest, worst, total = compare(found, exact)
            set_precision(precision)
            with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
                _, eager = gradients(single, x, levels, noise, sigmas)
            set_precision("f32")
            eager_largest, _, eager_total = compare(eager, exact)
            update = update_error(config, start, after)
            off = abs(loss / exact_loss - 1)
            fine = max(FINE[precision], 0 if double.conditional else FINE_OF_MAXIMA)
            passed = (largest < LARGEST[precision] and total < max(TWICE * eager_total, fine)
                      and update < UPDATE and off < LOSS[precision])
            failures += not passed
            print(f"{architecture:<15} n = {filters:<4}{'x'.join(map(str, item)):<9} {precision:<5}"
                  f" all {total:.1e} (eager {eager_total:.1e})  largest {largest:.1e} (eager {eager_largest:.1e})"
                  f" {worst}  update {update:.0e}  loss {off:.0e}  {'ok' if passed else 'WRONG'}", flush=True)
            record(results, part="moments", kernels=kernels, architecture=architecture, filters=filters, item=item,
                   precision=precision, all=total, largest=largest, worst=worst, eager_all=eager_total,
                   eager_largest=eager_largest, update=update, loss=off, passed=passed)
    return failures


def resume(trainer, device, results):
    """Losses of 30 steps and of 15 + 15; the first loss after resuming must be that of the whole run."""
    steps = 6 if SMALL else 30
    common = ["--samples", 0, "--log-every", 1, "--device", device, "--precision", "f32"]
    new = ["train", "--preset", "shapes", *common]
    with tempfile.TemporaryDirectory() as folder:
        run(trainer, *new, "--run", f"{folder}/whole", "--iterations", steps)
        run(trainer, *new, "--run", f"{folder}/parts", "--iterations", steps // 2)
        run(trainer, "train", "--resume", "--run", f"{folder}/parts", "--iterations", steps, "--device", device,
            "--precision", "f32")

        def losses(name):
            lines = map(json.loads, pathlib.Path(folder, name, "log.jsonl").read_text().splitlines())
            return [line["loss"] for line in lines if line["kind"] == "train"]

        difference = [abs(a / b - 1) for a, b in zip(losses("parts"), losses("whole"), strict=True)]
    before, after = max(difference[: steps // 2]), difference[steps // 2]
    # Two runs of the same steps differ where sums are taken in another order, as cuDNN's and those of atomics are.
    passed = len(difference) == steps and after <= max(10 * before, 1e-4)
    print(f"{steps} steps; relative difference of two equal runs {before:.1e}, of the first loss after resuming "
          f"{after:.1e}, largest {max(difference):.1e}  {'ok' if passed else 'WRONG'}")
    record(results, part="resume", steps=steps, before=before, after=after, largest=max(difference), passed=passed)
    return not passed


def scores(trainer, device, results, run_folder):
    """Relative error of the averaged network's scores at nine levels, of the trainer and of eager PyTorch."""
    folder = max(pathlib.Path(run_folder).glob("checkpoints/step-*"))
    config = json.loads((folder / "checkpoint.json").read_text())["config"]
    tensors = load_file(folder / "tensors.safetensors")
    shape, sigmas = config["network"], tensors["sigmas"].to(device)
    double = network(shape["architecture"], shape["filters"], shape["item"][0], tensors, "ema", device)
    torch.manual_seed(3)
    each = 2 if SMALL else 8
    chosen = torch.linspace(0, len(sigmas) - 1, 9).round().long()
    y = chosen.repeat_interleave(each)
    x = torch.rand((len(y), *shape["item"])) + tensors["sigmas"][y].view(-1, 1, 1, 1) * torch.randn(len(y), *shape["item"])
    x, y = x.to(device), y.to(device)
    with torch.no_grad():
        exact = double(x.double(), y).view(9, -1)
    single = double.float()
    failures = 0
    for precision in PRECISIONS:
        set_precision(precision)
        with torch.no_grad(), torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            eager = single(x, y).view(9, -1)
        set_precision("f32")
        with tempfile.TemporaryDirectory() as scratch:
            save_file({"x": x.cpu().contiguous(), "y": y.cpu()}, f"{scratch}/in.safetensors")
            run(trainer, "score", "--checkpoint", run_folder, "--input", f"{scratch}/in.safetensors", "--output",
                f"{scratch}/out.safetensors", "--device", device, "--precision", precision)
            found = load_file(f"{scratch}/out.safetensors")["out"].to(device).view(9, -1)
        error = ((found - exact).norm(dim=1) / exact.norm(dim=1)).tolist()
        eager_error = ((eager - exact).norm(dim=1) / exact.norm(dim=1)).tolist()
        passed = all(ours < max(TWICE * theirs, FINE[precision]) for ours, theirs in zip(error, eager_error))
        failures += not passed
        text = " ".join(f"{ours:.1e}/{theirs:.1e}" for ours, theirs in zip(error, eager_error))
        print(f"{precision:<5} ours/eager from the largest level to the smallest: {text}  {'ok' if passed else 'WRONG'}")
        record(results, part="scores", precision=precision, sigmas=sigmas[chosen].tolist(), error=error,
               eager_error=eager_error, passed=passed)
    return failures


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    sys.exit(1 if {"moments": moments, "resume": resume, "scores": scores}[what](*arguments) else 0)
