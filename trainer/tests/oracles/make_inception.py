"""Features of Inception v3 by torchvision, with the pooling of FID, for the parity test of `evaluate`.

The weights and images are numbers of a formula, which the test computes too (`number` below), so that only the features
are stored: inception.safetensors beside this file, `features` [2, 2048], `spatial` [2, 2023] (what sFID compares: the first 7
channels of Mixed_6d's 1x1 branch) and `logits` [2, 8] without the classifier's bias, computed in f64 and rounded to f32; names
and shapes of the weights are in the metadata. Needs torch 2.11 and torchvision 0.26; scipy for the distances that the tests
quote, which are printed.

    python3 trainer/tests/oracles/make_inception.py
"""
import json
import pathlib
import types

import numpy
import scipy.linalg
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torchvision.models import inception


def number(count, salt):
    """(2654435761 i + 40503 salt) mod 2^32, each mapped to [-1/2, 1/2), exact in f64."""
    i = torch.arange(count, dtype=torch.int64)
    return ((i * 2654435761 + salt * 40503) % 2**32).double() / 2**32 - 0.5


def set_weights(network):
    for salt, name in enumerate(sorted(k for k in network.state_dict() if not k.endswith("num_batches_tracked"))):
        tensor = network.state_dict()[name]
        values = number(tensor.numel(), salt).reshape(tensor.shape)
        if name.endswith("conv.weight"):
            # The variance of such numbers is 1/12; that of He's initialisation is 2/(inputs of an output).
            values = values * (24 / tensor[0].numel()) ** 0.5
        elif name.endswith(("bn.weight", "running_var")):
            values = values + 1
        else:
            values = values * 0.2
        tensor.copy_(values)


def mean_inside(x):
    return F.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


def features(network, images):
    """The published network's forward pass up to its pool, with the two changes that FID makes."""
    x = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False) * 2 - 1
    stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"]
    blocks = [f"Mixed_{block}" for block in ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"]]
    for name in stem + blocks:
        pool = (lambda x, **_: F.max_pool2d(x, 3, 1, 1)) if name == "Mixed_7c" else (lambda x, **_: mean_inside(x))
        # The blocks find their pools in their module's F.
        inception.F = types.SimpleNamespace(relu=F.relu, max_pool2d=F.max_pool2d, avg_pool2d=pool)
        if name == "Mixed_6d":
            spatial = network.Mixed_6d.branch1x1(x)[:, :7].flatten(1)
        x = getattr(network, name)(x)
    x = x.mean(dim=(2, 3))
    return {"features": x, "spatial": spatial, "logits": x @ network.fc.weight.T}


def main():
    network = inception.inception_v3(weights=None, num_classes=8, aux_logits=False, init_weights=False).eval()
    images = (number(2 * 3 * 40 * 32, 7).reshape(2, 3, 40, 32) + 0.5).float()
    with torch.no_grad():
        set_weights(network)
        single = features(network, images)
        double = features(network.double(), images.double())
    for name in double:
        print(name, "relative difference of f32 from f64:", ((single[name] - double[name]).norm() / double[name].norm()).item())
        print("norm, spread over features:", double[name].norm().item(), double[name].std().item())
    file = pathlib.Path(__file__).resolve().parent / "inception.safetensors"
    names = sorted(k for k in network.state_dict() if not k.endswith("num_batches_tracked"))
    shapes = [[name, list(network.state_dict()[name].shape)] for name in names]
    metadata = {"tensors": json.dumps(shapes), "torch": torch.__version__, "torchvision": torchvision.__version__}
    save_file({name: tensor.float().contiguous() for name, tensor in double.items()}, file, metadata)


def distances():
    """FID as pytorch-fid computes it, of 50 and 40 items of 6 features."""
    first = number(50 * 6, 1).reshape(50, 6).numpy()
    second = number(40 * 6, 2).reshape(40, 6).numpy() * [1.5, 1, 1, 0.5, 1, 1] + 0.3
    second[:, 1] += second[:, 0]
    covariances = [numpy.cov(features, rowvar=False) for features in (first, second)]
    difference = first.mean(0) - second.mean(0)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    means, traces = difference @ difference, numpy.trace(covariances[0] + covariances[1] - 2 * root)
    print(f"Fréchet distance {means + traces:.17g}: means {means:.17g}, covariances {traces:.17g}")


if __name__ == "__main__":
    main()
    distances()
