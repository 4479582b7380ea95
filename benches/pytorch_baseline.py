"""NCSN and NCSNv2 in plain eager PyTorch, shaped as the authors' modules are: what other programs are timed against.

Blocks, names and loops follow Song & Ermon 2019 and 2020 as their released code runs them: NCHW, ELU, `optim.Adam` as
PyTorch picks it, the moving average as a Python loop over parameters. Writes one JSON object to standard output.

    python3 pytorch_baseline.py --architecture ncsnv2 --size 32 --batch 8 --device cpu --threads 2
    python3 pytorch_baseline.py --weights W.safetensors --input X.safetensors --output Y.safetensors --repeats 0
"""
import argparse
import json
import platform
import resource
import statistics
import time

_begin = time.perf_counter()
import torch
from torch import nn, optim
from torch.nn import functional

IMPORT_SECONDS = time.perf_counter() - _begin

SCHEMA = "ncsn.bench/1"
WARM_UP = {"cpu": 1, "cuda": 3}
EMA_RATE = 0.999
EPSILON = 6.2e-6

# Stages: name, width in units of the filters, whether it goes down, dilation. Refine blocks: name, the stages' names
# that feed it, width; in registration order, which for the deepest network is not the order of evaluation.
SHALLOW = {
    "stages": [("res1", 1, False, 1), ("res2", 2, True, 1), ("res3", 2, True, 2), ("res4", 2, True, 4)],
    "refine": [("refine1", "res4", 2), ("refine2", "res3", 2), ("refine3", "res2", 1), ("refine4", "res1", 1)],
    "order": ["refine1", "refine2", "refine3", "refine4"],
}
DEEPER = {
    "stages": [("res1", 1, False, 1), ("res2", 2, True, 1), ("res3", 2, True, 1), ("res4", 4, True, 2),
               ("res5", 4, True, 4)],
    "refine": [("refine1", "res5", 4), ("refine2", "res4", 2), ("refine3", "res3", 2), ("refine4", "res2", 1),
               ("refine5", "res1", 1)],
    "order": ["refine1", "refine2", "refine3", "refine4", "refine5"],
}
DEEPEST = {
    "stages": [*DEEPER["stages"][:3], ("res31", 2, True, 1), *DEEPER["stages"][3:]],
    "refine": [*DEEPER["refine"][:3], ("refine31", "res31", 2), *DEEPER["refine"][3:]],
    "order": ["refine1", "refine2", "refine31", "refine3", "refine4", "refine5"],
}
# Layout, and whether the normalisations depend on the noise level; then no sigmas are in the network.
ARCHITECTURES = {
    "ncsn": (SHALLOW, True),
    "ncsn-deeper": (DEEPER, True),
    "ncsnv2": (SHALLOW, False),
    "ncsnv2-deeper": (DEEPER, False),
    "ncsnv2-deepest": (DEEPEST, False),
}


def conv3x3(inputs, outputs, dilation=1, bias=True):
    return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=bias)


class InstanceNormPlus(nn.Module):
    """InstanceNorm++; with levels, its scales and shifts are rows of a table."""

    def __init__(self, features, levels=None):
        super().__init__()
        self.features, self.conditional = features, levels is not None
        self.instance_norm = nn.InstanceNorm2d(features, affine=False, track_running_stats=False)
        if self.conditional:
            self.embed = nn.Embedding(levels, 3 * features)
            self.embed.weight.data[:, : 2 * features].normal_(1, 0.02)
            self.embed.weight.data[:, 2 * features :].zero_()
        else:
            self.alpha = nn.Parameter(torch.empty(features).normal_(1, 0.02))
            self.gamma = nn.Parameter(torch.empty(features).normal_(1, 0.02))
            self.beta = nn.Parameter(torch.zeros(features))

    def forward(self, x, y):
        means = torch.mean(x, dim=(2, 3))
        mean = torch.mean(means, dim=-1, keepdim=True)
        variance = torch.var(means, dim=-1, keepdim=True)
        means = (means - mean) / torch.sqrt(variance + 1e-5)
        h = self.instance_norm(x)
        if self.conditional:
            gamma, alpha, beta = self.embed(y).chunk(3, dim=-1)
            h = h + means[..., None, None] * alpha[..., None, None]
            return gamma[..., None, None] * h + beta[..., None, None]
        h = h + means[..., None, None] * self.alpha[..., None, None]
        shape = (-1, self.features, 1, 1)
        return self.gamma.view(shape) * h + self.beta.view(shape)


class ConvMeanPool(nn.Module):
    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x):
        h = self.conv(x)
        return sum([h[:, :, ::2, ::2], h[:, :, 1::2, ::2], h[:, :, ::2, 1::2], h[:, :, 1::2, 1::2]]) / 4.0


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, down=False, dilation=1, levels=None):
        super().__init__()
        # A stage that goes down by dilation keeps its size.
        shrinks, inner = down and dilation == 1, inputs if down else outputs
        self.conv1 = conv3x3(inputs, inner, dilation)
        self.normalize2 = InstanceNormPlus(inner, levels)
        self.conv2 = ConvMeanPool(inner, outputs, 3) if shrinks else conv3x3(inner, outputs, dilation)
        if shrinks:
            self.shortcut = ConvMeanPool(inputs, outputs, 1)
        elif down or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1) if dilation == 1 else conv3x3(inputs, outputs, dilation)
        else:
            self.shortcut = None
        self.normalize1 = InstanceNormPlus(inputs, levels)
        self.act = nn.ELU()

    def forward(self, x, y):
        h = self.conv1(self.act(self.normalize1(x, y)))
        h = self.conv2(self.act(self.normalize2(h, y)))
        return h + (x if self.shortcut is None else self.shortcut(x))


class RCUBlock(nn.Module):
    def __init__(self, features, blocks, levels=None):
        super().__init__()
        self.blocks, self.levels, self.act = blocks, levels, nn.ELU()
        for i in range(blocks):
            for j in range(2):
                if levels is not None:
                    self.add_module(f"{i + 1}_{j + 1}_norm", InstanceNormPlus(features, levels))
                self.add_module(f"{i + 1}_{j + 1}_conv", conv3x3(features, features, bias=False))

    def forward(self, x, y):
        for i in range(self.blocks):
            residual = x
            for j in range(2):
                if self.levels is not None:
                    x = getattr(self, f"{i + 1}_{j + 1}_norm")(x, y)
                x = getattr(self, f"{i + 1}_{j + 1}_conv")(self.act(x))
            x = x + residual
        return x


class MSFBlock(nn.Module):
    def __init__(self, inputs, features, levels=None):
        super().__init__()
        self.features = features
        self.convs = nn.ModuleList([conv3x3(width, features) for width in inputs])
        self.norms = None
        if levels is not None:
            self.norms = nn.ModuleList([InstanceNormPlus(width, levels) for width in inputs])

    def forward(self, xs, y):
        shape = xs[0].shape[2:]
        total = torch.zeros(xs[0].shape[0], self.features, *shape, device=xs[0].device, dtype=xs[0].dtype)
        for i, x in enumerate(xs):
            h = self.convs[i](x if self.norms is None else self.norms[i](x, y))
            total = total + functional.interpolate(h, size=shape, mode="bilinear", align_corners=True)
        return total


class CRPBlock(nn.Module):
    def __init__(self, features, levels=None, stages=2):
        super().__init__()
        self.convs = nn.ModuleList([conv3x3(features, features, bias=False) for _ in range(stages)])
        self.norms, self.act = None, nn.ELU()
        if levels is None:
            self.pool = nn.MaxPool2d(5, stride=1, padding=2)
        else:
            self.norms = nn.ModuleList([InstanceNormPlus(features, levels) for _ in range(stages)])
            self.pool = nn.AvgPool2d(5, stride=1, padding=2)

    def forward(self, x, y):
        x = self.act(x)
        path = x
        for i, conv in enumerate(self.convs):
            path = path if self.norms is None else self.norms[i](path, y)
            path = conv(self.pool(path))
            x = path + x
        return x


class RefineBlock(nn.Module):
    def __init__(self, inputs, features, end=False, levels=None):
        super().__init__()
        self.adapt_convs = nn.ModuleList([RCUBlock(width, 2, levels) for width in inputs])
        self.output_convs = RCUBlock(features, 3 if end else 1, levels)
        self.msf = MSFBlock(inputs, features, levels) if len(inputs) > 1 else None
        self.crp = CRPBlock(features, levels)

    def forward(self, xs, y):
        hs = [adapt(x, y) for adapt, x in zip(self.adapt_convs, xs)]
        h = hs[0] if self.msf is None else self.msf(hs, y)
        return self.output_convs(self.crp(h, y), y)


class ScoreNetwork(nn.Module):
    """Scores `[batch, channels, height, width]` of images in [0, 1] plus noise; y holds indices of levels, `[batch]`.

    sigmas: levels from largest to smallest; the conditional networks use only how many there are.
    """

    def __init__(self, architecture, filters, channels, sigmas):
        super().__init__()
        layout, conditional = ARCHITECTURES[architecture]
        levels = len(sigmas) if conditional else None
        if not conditional:
            self.register_buffer("sigmas", sigmas)
        self.conditional, self.order, self.act = conditional, layout["order"], nn.ELU()
        self.begin_conv = conv3x3(channels, filters)
        self.normalizer = InstanceNormPlus(filters, levels)
        self.end_conv = conv3x3(filters, channels)
        self.stages, self.feeds, widths, width = [], {}, {}, filters
        for name, factor, down, dilation in layout["stages"]:
            outputs = factor * filters
            first = ResidualBlock(width, outputs, down, dilation, levels)
            second = ResidualBlock(outputs, outputs, False, dilation, levels)
            self.add_module(name, nn.ModuleList([first, second]))
            self.stages.append(name)
            width = widths[name] = outputs
        refine = {name: (stage, factor * filters) for name, stage, factor in layout["refine"]}
        inputs = {}
        for i, name in enumerate(self.order):
            previous = [refine[self.order[i - 1]][1]] if i else []
            inputs[name] = [widths[refine[name][0]], *previous]
        for name, (stage, outputs) in refine.items():
            self.feeds[name] = stage
            self.add_module(name, RefineBlock(inputs[name], outputs, name == self.order[-1], levels))

    def forward(self, x, y):
        h = self.begin_conv(2 * x - 1.0)
        outputs = {}
        for name in self.stages:
            for block in getattr(self, name):
                h = block(h, y)
            outputs[name] = h
        h = None
        for name in self.order:
            stage = outputs[self.feeds[name]]
            h = getattr(self, name)([stage] if h is None else [stage, h], y)
        h = self.end_conv(self.act(self.normalizer(h, y)))
        return h if self.conditional else h / self.sigmas[y].view(-1, 1, 1, 1)


class EMA:
    """Shadow copies of the parameters, moved one by one."""

    def __init__(self, model, rate=EMA_RATE):
        self.rate = rate
        self.shadow = {name: parameter.data.clone() for name, parameter in model.named_parameters()}

    def update(self, model):
        for name, parameter in model.named_parameters():
            self.shadow[name].data = (1.0 - self.rate) * parameter.data + self.rate * self.shadow[name].data


def geometric_levels(largest, smallest, count):
    bounds = torch.log(torch.tensor([largest, smallest], dtype=torch.float64))
    return torch.exp(torch.linspace(bounds[0], bounds[1], count, dtype=torch.float64)).float()


def losses(model, x, y, noise, sigmas):
    """½σ²‖s(x + σz) + z/σ‖² of each image, `[batch]`; noise is z."""
    sigma = sigmas[y].view(-1, 1, 1, 1)
    scores = model(x + noise * sigma, y)
    target = -noise / sigma
    distance = (scores - target).flatten(start_dim=1) ** 2
    return 0.5 * distance.sum(dim=-1) * sigma.view(-1) ** 2


def adam(model, amsgrad=False, lr=1e-4, adam_eps=1e-8):
    return optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.999), eps=adam_eps, amsgrad=amsgrad)


def train_step(model, optimizer, ema, x, y, noise, sigmas):
    """One step of training; returns the loss before it."""
    loss = losses(model, x, y, noise, sigmas).mean(dim=0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    ema.update(model)
    return loss


def langevin_step(model, x, y, noise, step_size):
    with torch.no_grad():
        return x + step_size * model(x, y) + noise * (2 * step_size) ** 0.5


def load_weights(model, path, prefix=""):
    """Loads the keys that begin with the prefix; the network's own sigmas stay where the file has none."""
    from safetensors.torch import load_file

    tensors = {k.removeprefix(prefix): v for k, v in load_file(path).items() if k.startswith(prefix)}
    if not model.conditional:
        tensors.setdefault("sigmas", model.sigmas)
    model.load_state_dict(tensors)


def measure(work, device, repeats, batch):
    """Wall and process CPU seconds of each repeat after the warm-up."""
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    wall, cpu = [], []
    for k in range(WARM_UP[device] + repeats):
        synchronize()
        begin, begin_cpu = time.perf_counter(), time.process_time()
        work()
        synchronize()
        if k >= WARM_UP[device]:
            wall.append(time.perf_counter() - begin)
            cpu.append(time.process_time() - begin_cpu)
    median = statistics.median(wall)
    return {
        "median_s": median,
        "min_s": min(wall),
        "max_s": max(wall),
        "cpu_s": statistics.median(cpu),
        "images_per_s": batch / median,
    }


class ForeachEMA:
    """EMA's averages, moved by one call."""

    def __init__(self, model, rate=EMA_RATE):
        self.rate = rate
        self.shadow = [parameter.data.clone() for parameter in model.parameters()]

    def update(self, model):
        torch._foreach_lerp_(self.shadow, [parameter.data for parameter in model.parameters()], 1.0 - self.rate)


def compiled(model, mode):
    """The network by torch.compile. Its own kernel for the gradient of the 5x5 pools takes many minutes to compile."""
    from torch._inductor.lowering import make_fallback

    make_fallback(torch.ops.aten.max_pool2d_with_indices_backward.default, warn=False)
    return torch.compile(model, mode=mode)


def benchmark(model, sigmas, x, arguments):
    """Times the three loops' steps on the images x; weights and averages move while it trains.

    A step of training brings bytes to the device and reads its loss, as training does. With --compile, everything
    around the network is at its fastest too: fused Adam, one call for the average.
    """
    batch = len(x)
    pixels = (255 * x).to(torch.uint8).cpu()
    if arguments.compile:
        optimizer = optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, fused=True)
        ema = ForeachEMA(model)
        model = compiled(model, arguments.compile)
    else:
        optimizer, ema = adam(model), EMA(model)
    cast = {"device_type": arguments.device, "dtype": torch.bfloat16, "enabled": arguments.precision == "bf16"}
    last = torch.full((batch,), len(sigmas) - 1, device=x.device)

    def forward():
        with torch.no_grad(), torch.autocast(**cast):
            model(x, last)

    def train():
        images = pixels.to(x.device).float() / 255
        y = torch.randint(0, len(sigmas), (batch,), device=x.device)
        noise = torch.randn_like(images)
        with torch.autocast(**cast):
            loss = train_step(model, optimizer, ema, images, y, noise, sigmas)
        loss.item()

    def langevin():
        with torch.autocast(**cast):
            langevin_step(model, x, last, torch.randn_like(x), EPSILON)

    steps = {"forward": forward, "langevin_step": langevin, "train_step": train}
    if arguments.compile:
        # One graph for each mode of the network is enough.
        steps.pop("forward")
    return {name: measure(step, arguments.device, arguments.repeats, batch) for name, step in steps.items()}


def write_scores(model, source, target, device):
    from safetensors.torch import load_file, save_file

    tensors = load_file(source, device=device)
    with torch.no_grad():
        out = model(tensors["x"].float(), tensors["y"])
    save_file({"out": out.float().cpu().contiguous()}, target)


def device_name(device):
    if device == "cuda":
        return torch.cuda.get_device_name()
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def peak_memory_bytes(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    # Linux counts in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="ncsnv2")
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--filters", type=int, default=128, help="width of the first stage")
    parser.add_argument("--levels", type=int, default=232)
    parser.add_argument("--sigma-max", type=float, default=50.0)
    parser.add_argument("--sigma-min", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats of each step; 0 times nothing")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", metavar="MODE", help="torch.compile's mode, for example reduce-overhead")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights", help="safetensors file of a state dict, with or without sigmas")
    parser.add_argument("--prefix", default="", help="what the keys to load begin with, for example model.")
    parser.add_argument("--input", help="safetensors file with x and y")
    parser.add_argument("--output", help="safetensors file to write the scores of the input to")
    arguments = parser.parse_args()
    if bool(arguments.input) != bool(arguments.output):
        parser.error("--input and --output go together")
    return arguments


def main():
    arguments = parse()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    # PyTorch lets convolutions use TF32 unless told otherwise.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = arguments.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    memory_format = torch.channels_last if arguments.channels_last else torch.contiguous_format

    sigmas = geometric_levels(arguments.sigma_max, arguments.sigma_min, arguments.levels)
    model = ScoreNetwork(arguments.architecture, arguments.filters, arguments.channels, sigmas)
    if arguments.weights:
        load_weights(model, arguments.weights, arguments.prefix)
    model = model.to(arguments.device, memory_format=memory_format)
    if arguments.output:
        write_scores(model, arguments.input, arguments.output, arguments.device)

    report = {
        "schema": SCHEMA,
        "program": "pytorch",
        "torch": torch.__version__,
        "device": device_name(arguments.device),
        "threads": torch.get_num_threads(),
    }
    for key in ["architecture", "size", "channels", "filters", "levels", "batch", "precision", "channels_last",
                "compile"]:
        report[key] = getattr(arguments, key)
    if arguments.repeats:
        x = torch.rand(arguments.batch, arguments.channels, arguments.size, arguments.size, device=arguments.device)
        x = x.contiguous(memory_format=memory_format)
        report["repeats"] = arguments.repeats
        report |= benchmark(model, sigmas.to(arguments.device), x, arguments)
        report["peak_memory_bytes"] = peak_memory_bytes(arguments.device)
    report["parameters"] = sum(parameter.numel() for parameter in model.parameters())
    report["startup_s"] = IMPORT_SECONDS
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
