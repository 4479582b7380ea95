"""TorchScript modules of a few kB, for the tests of `--network`: networks/*.pt beside this file.

    python3 trainer/tests/oracles/make_networks.py

Each also tells a way to be wrong: what it returns, or that it fails. `expected.json` holds what `plain` and the resizing
conventions give for the two images of the test, computed by torch 2.11 in f64.
"""
import json
import pathlib

import torch
import torch.nn.functional as F


class Plain(torch.nn.Module):
    """Mean and standard deviation of each channel, and the middle row of the first."""

    def forward(self, x):
        x = x.float()
        return torch.cat([x.mean(dim=[2, 3]), x.std(dim=[2, 3]), x[:, 0, x.shape[2] // 2]], dim=1)


class Nvidia(torch.nn.Module):
    """Bytes alone; features only when asked for."""

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        assert img.dtype == torch.uint8
        x = img.float().mean(dim=[2, 3])
        if return_features:
            return x
        return x.softmax(dim=1)


class Places(torch.nn.Module):
    """A map instead of a vector."""

    def forward(self, x):
        return x.float()


class Pair(torch.nn.Module):
    def forward(self, x):
        return x.float().mean(dim=[2, 3]), x


class Integers(torch.nn.Module):
    def forward(self, x):
        return (x.float().mean(dim=[2, 3]) * 255).long()


class Infinite(torch.nn.Module):
    def forward(self, x):
        return 1 / (x.float().mean(dim=[2, 3]) * 0)


class Strict(torch.nn.Module):
    """Takes one size alone."""

    def forward(self, x):
        if x.shape[2] != 14:
            raise ValueError("only 14 pixels")
        return x.float().mean(dim=[2, 3])


class Dropping(torch.nn.Module):
    """Another thing in training than in evaluation."""

    def __init__(self):
        super().__init__()
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x.float().mean(dim=[2, 3]))


def images():
    """[2, 3, 20, 12], bytes by a formula."""
    i = torch.arange(2 * 3 * 20 * 12)
    return ((i * i * 31 + i * 7) % 256).reshape(2, 3, 20, 12)


def prepared(x, convention, size, mode):
    x = x.double() / 255
    if size:
        x = F.interpolate(x, size=(size, size), mode=mode, align_corners=False, antialias=True)
    mean, std = {
        "unit": (0, 1), "signed": (0.5, 0.5),
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        "bytes": (None, None), "nvidia": (None, None),
    }[convention]
    if mean is None:
        return (x * 255).round().clamp(0, 255)
    mean, std = (torch.as_tensor(v, dtype=torch.float64).reshape(-1, 1, 1) for v in (mean, std))
    return (x - mean) / std


def main():
    folder = pathlib.Path(__file__).resolve().parent / "networks"
    folder.mkdir(exist_ok=True)
    for module in (Plain, Nvidia, Places, Pair, Integers, Infinite, Strict, Dropping):
        torch.jit.script(module()).save(str(folder / f"{module.__name__.lower()}.pt"))
    cases = [(c, s, m) for c in ("bytes", "unit", "signed", "imagenet", "clip") for s, m in ((None, "bicubic"), (9, "bicubic"), (31, "bicubic"), (9, "bilinear"))]

    def plain(x):
        return torch.cat([x.mean(dim=[2, 3]), x.std(dim=[2, 3]), x[:, 0, x.shape[2] // 2]], dim=1)

    found = [{"input": c, "size": s, "filter": m, "features": plain(prepared(images(), c, s, m)).tolist()} for c, s, m in cases]
    (folder / "expected.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
