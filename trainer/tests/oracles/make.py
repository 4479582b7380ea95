"""Networks, losses, training steps and Langevin steps by PyTorch, for parity tests of the trainer.

Writes one `<architecture>.safetensors` per network beside itself, and a checkpoint in the authors' form; the networks are those of benches/pytorch_baseline.py
in NCHW on the CPU, with every parameter moved away from 0 and 1. Seeds are fixed; the metadata hold PyTorch's version.

    python3 trainer/tests/oracles/make.py

What goes in (`p.*`, `x`, `noise`, `langevin.x0`, `langevin.noise`) is exact in half precision and stored so (F16); read
it as f32. What comes out is stored as f32 where the name does not end in f64 or losses.

p.<key>             parameters, named and shaped as the authors' state dict, without sigmas
sigmas              levels from largest to smallest, [levels]
x, y                images [batch, channels, height, width] and indices of levels [batch]
out                 forward(x, y) in f32
out_f64             the same computed in f64, rounded to f32
Of ncsnv2 and ncsn, with x as clean images:
labels, noise       indices of levels [batch], unit noise z
loss, loss_per_sample       ½σ²‖s(x + σz) + z/σ‖² and its mean in f32; loss_f64 is the mean in f64
gradnorm_f64.<key>  Euclidean norm of the mean loss's gradient in f64
train.labels        [3, batch], of three steps of Adam on x and noise; lr, adam_eps and EMA rate are in the metadata
fresh.*, amsgrad.*  losses [3], before each step, f64; param.<key> and ema.<key> after the third step, of a few keys,
                    computed in f64 and rounded to f32
Of ncsnv2, a run of annealed Langevin dynamics over 2 images:
langevin.x0, langevin.noise     start, and unit noise [levels · steps, 2, channels, height, width]
langevin.final, langevin.denoised   f32 states; *_f64 the same computed in f64

authors.pth holds what the authors' runner saves after each so many steps (github.com/ermongroup/ncsnv2, runners):
[model with keys "module.…", optimiser, epoch, step, average], here of ncsnv2 with 2 filters after two steps.
authors.safetensors has x, y, the scores of both sets of weights in f64 (out_raw, out_ema), and Adam's moments by key.
"""
import copy
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "benches"))
import pytorch_baseline as reference

SEED = 20200616
SIGMA_MIN = 0.01
LR, ADAM_EPS = 1e-4, 1e-8
TRAINING_STEPS = 3
STEPS_PER_LEVEL, EPSILON = 2, 6.2e-6
LANGEVIN_SIZE = 8

# architecture, filters, levels, largest level, [batch, channels, height, width], whether loss and training are recorded
CASES = [
    ("ncsnv2", 4, 10, 50.0, (2, 3, 32, 32), True),
    ("ncsn", 4, 3, 1.0, (2, 1, 28, 28), True),
    ("ncsnv2-deeper", 2, 10, 50.0, (1, 3, 32, 32), False),
    ("ncsnv2-deepest", 2, 10, 50.0, (1, 3, 32, 32), False),
    ("ncsn-deeper", 2, 3, 1.0, (1, 1, 32, 32), False),
]
# Parameters recorded after training: first and last layers, a normalisation, a shortcut.
WATCHED = [
    "begin_conv.weight",
    "end_conv.bias",
    "normalizer.gamma",
    "normalizer.embed.weight",
    "res2.0.shortcut.conv.weight",
]


def half(tensor):
    """The nearest values of half precision, in the tensor's own precision."""
    return tensor.half().to(tensor.dtype)


def perturb(model, generator):
    """Moves every parameter by a normal step of 0.1, for kernels of a tenth of their spread, and off 0 and 1."""
    for parameter in model.parameters():
        scale = parameter.std() if parameter.dim() == 4 else 1.0
        moved = half(parameter.data + 0.1 * scale * torch.randn(parameter.shape, generator=generator))
        parameter.data = torch.where((moved == 0) | (moved == 1), moved + 2**-9, moved)


def in_f64(model):
    """A copy of the network in f64."""
    return copy.deepcopy(model).double()


def record_loss(model, x, labels, noise, sigmas):
    """Loss in both precisions and the norms of its gradient."""
    with torch.no_grad():
        per_sample = reference.losses(model, x, labels, noise, sigmas)
    double = in_f64(model)
    loss = reference.losses(double, x.double(), labels, noise.double(), sigmas.double()).mean(dim=0)
    loss.backward()
    tensors = {"loss": per_sample.mean(dim=0), "loss_per_sample": per_sample, "loss_f64": loss.detach()}
    norms = {f"gradnorm_f64.{name}": parameter.grad.norm() for name, parameter in double.named_parameters()}
    return tensors | norms


def record_training(model, x, labels, noise, sigmas, amsgrad):
    """Losses of the steps, then the watched parameters and averages, all computed in f64."""
    double = in_f64(model)
    optimizer = reference.adam(double, amsgrad=amsgrad, lr=LR, adam_eps=ADAM_EPS)
    ema = reference.EMA(double)
    steps = [
        reference.train_step(double, optimizer, ema, x.double(), step, noise.double(), sigmas.double())
        for step in labels
    ]
    tensors = {"losses": torch.stack(steps).detach()}
    for name, parameter in double.named_parameters():
        if name in WATCHED:
            tensors[f"param.{name}"] = parameter.detach().float()
            tensors[f"ema.{name}"] = ema.shadow[name].float()
    return tensors


def langevin(model, x, noise, sigmas):
    """State after every level's steps, and after the last denoising."""
    steps = iter(noise)
    for level, sigma in enumerate(sigmas):
        y = torch.full((len(x),), level)
        step_size = EPSILON * (sigma.item() / sigmas[-1].item()) ** 2
        for _ in range(STEPS_PER_LEVEL):
            x = reference.langevin_step(model, x, y, next(steps), step_size)
    with torch.no_grad():
        denoised = x + sigmas[-1] ** 2 * model(x, torch.full((len(x),), len(sigmas) - 1))
    return x, denoised


def record_langevin(model, channels, sigmas, generator):
    shape = (2, channels, LANGEVIN_SIZE, LANGEVIN_SIZE)
    x0 = half(torch.rand(shape, generator=generator))
    noise = half(torch.randn((len(sigmas) * STEPS_PER_LEVEL, *shape), generator=generator))
    final, denoised = langevin(model, x0, noise, sigmas)
    final_f64, denoised_f64 = langevin(in_f64(model), x0.double(), noise.double(), sigmas.double())
    return {
        "x0": x0.half(),
        "noise": noise.half(),
        "final": final,
        "denoised": denoised,
        "final_f64": final_f64.float(),
        "denoised_f64": denoised_f64.float(),
    }


def with_prefix(prefix, tensors):
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def make(architecture, filters, levels, sigma_max, shape, trains):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    sigmas = reference.geometric_levels(sigma_max, SIGMA_MIN, levels)
    model = reference.ScoreNetwork(architecture, filters, shape[1], sigmas)
    perturb(model, generator)
    x = half(torch.rand(shape, generator=generator))
    y = torch.randint(0, levels, shape[:1], generator=generator)
    with torch.no_grad():
        out, out_f64 = model(x, y), in_f64(model)(x.double(), y)
    tensors = with_prefix("p", {name: parameter.data.half() for name, parameter in model.named_parameters()})
    tensors |= {"x": x.half(), "y": y, "sigmas": sigmas, "out": out, "out_f64": out_f64.float()}
    error = ((out - out_f64).norm() / out_f64.norm()).item()
    metadata = {
        "architecture": architecture,
        "filters": str(filters),
        "levels": str(levels),
        "torch": torch.__version__,
        "seed": str(SEED),
        # Relative Euclidean distance of out from out_f64.
        "out_error": f"{error:.2e}",
    }
    if trains:
        labels = torch.randint(0, levels, (TRAINING_STEPS, shape[0]), generator=generator)
        noise = half(torch.randn(shape, generator=generator))
        tensors |= {"labels": labels[0].clone(), "noise": noise.half(), "train.labels": labels}
        tensors |= record_loss(model, x, labels[0], noise, sigmas)
        for name, amsgrad in [("fresh", False), ("amsgrad", True)]:
            tensors |= with_prefix(name, record_training(model, x, labels, noise, sigmas, amsgrad))
        metadata |= {"lr": str(LR), "adam_eps": str(ADAM_EPS), "ema_rate": str(reference.EMA_RATE)}
    if architecture == "ncsnv2":
        tensors |= with_prefix("langevin", record_langevin(model, shape[1], sigmas, generator))
        metadata |= {"steps_per_level": str(STEPS_PER_LEVEL), "epsilon": str(EPSILON)}
    path = HERE / f"{architecture}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    return path, error


def make_checkpoint():
    """A checkpoint as the authors' code saves it, and scores of its networks."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    sigmas = reference.geometric_levels(50.0, SIGMA_MIN, 10)
    model = reference.ScoreNetwork("ncsnv2", 2, 3, sigmas)
    perturb(model, generator)
    optimizer, ema = reference.adam(model, lr=LR, adam_eps=ADAM_EPS), reference.EMA(model)
    x = half(torch.rand((2, 3, 32, 32), generator=generator))
    for _ in range(2):
        labels, noise = torch.randint(0, 10, (2,), generator=generator), torch.randn(x.shape, generator=generator)
        reference.train_step(model, optimizer, ema, x, labels, noise, sigmas)
    states = [
        {f"module.{name}": tensor for name, tensor in model.state_dict().items()},
        optimizer.state_dict(),
        7,
        1002,
        dict(ema.shadow),
    ]
    torch.save(states, HERE / "authors.pth")
    y = torch.tensor([1, 8])
    averaged = copy.deepcopy(model)
    averaged.load_state_dict(ema.shadow, strict=False)
    with torch.no_grad():
        raw, average = in_f64(model)(x.double(), y), in_f64(averaged)(x.double(), y)
    tensors = {"x": x, "y": y, "out_raw": raw.float(), "out_ema": average.float()}
    for (name, _), state in zip(model.named_parameters(), optimizer.state_dict()["state"].values(), strict=True):
        tensors |= {f"adam.{kind}.{name}": state[kind].contiguous() for kind in ["exp_avg", "exp_avg_sq"]}
    save_file(tensors, HERE / "authors.safetensors", {"torch": torch.__version__, "seed": str(SEED)})


def main():
    total = 0
    make_checkpoint()
    for case in CASES:
        path, error = make(*case)
        total += path.stat().st_size
        print(json.dumps({"file": path.name, "bytes": path.stat().st_size, "out_error": error}), file=sys.stderr)
    print(f"{total} bytes in total", file=sys.stderr)


if __name__ == "__main__":
    main()
