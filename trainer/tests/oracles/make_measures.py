"""Measures of sample quality by the field's packages, for the parity tests of `measures.rs`: measures.json beside this file.

Features and logits are numbers of a formula, which the test computes too (`hashed` below), so that only results are stored.
Needs numpy, scipy, torch and, from PyPI, prdc 0.2, torch-fidelity 0.4.0, pytorch-fid 0.3.0, clean-fid 0.1.35.

    python3 trainer/tests/oracles/make_measures.py
"""
import json
import pathlib

import numpy
import torch
from cleanfid import fid as clean
from prdc import compute_prdc
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import calculate_precision_recall_full


def hashed(shape, salt):
    """SplitMix64 of the index and salt·2^32, its top 24 bits mapped to [-1/2, 1/2): exact in f32."""
    z = numpy.arange(numpy.prod(shape), dtype=numpy.uint64) + numpy.uint64(salt << 32)
    z = (z + numpy.uint64(1)) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z = z ^ (z >> numpy.uint64(31))
    return ((z >> numpy.uint64(40)).astype("f8") / 2**24 - 0.5).reshape(shape)


def plain(count, salt, scale, shift):
    """Uniform numbers in 16 dimensions."""
    return (hashed((count, 16), salt) * scale + shift).astype("f4")


def curved(count, salt, scale):
    """2,048 features of 8 latent numbers, rectified as Inception's are, with a little noise."""
    latent = hashed((count, 8), salt) * scale
    a, b = hashed((2048,), 1001), hashed((2048,), 1002)
    j = numpy.arange(2048)
    x = latent[:, j % 8] * a + latent[:, j // 8 % 8] * b
    return (numpy.maximum(x, 0) + hashed((count, 2048), salt + 100) * 0.01).astype("f4")


SETS = {
    "plain": (plain(900, 1, 0.9, 0.05), plain(1200, 2, 1.0, 0.0)),
    "curved": (curved(300, 3, 0.8), curved(400, 4, 1.0)),
}


def measures(samples, data):
    first, second = torch.from_numpy(samples), torch.from_numpy(data)
    precision, recall = calculate_precision_recall_full(first.double(), second.double(), 3)
    found = {"torch-fidelity precision": precision, "torch-fidelity recall": recall}
    for k in (3, 5):
        for name, value in compute_prdc(data.astype("f8"), samples.astype("f8"), k).items():
            found[f"prdc {name} {k}"] = float(value)
    count = len(samples)
    kernel = kid_features_to_metric(
        first.double(), second[:count].double(), kid_subsets=2, kid_subset_size=count, kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1, verbose=False, rng_seed=0)
    found["torch-fidelity kid"] = kernel["kernel_inception_distance_mean"]
    return found


def distances(samples, data):
    mean, covariance = zip(*((x.astype("f8").mean(0), numpy.cov(x.astype("f8"), rowvar=False)) for x in (samples, data)))
    statistics = [fid_features_to_statistics(torch.from_numpy(x)) for x in (samples, data)]
    return {
        "pytorch-fid": float(calculate_frechet_distance(mean[0], covariance[0], mean[1], covariance[1])),
        "clean-fid": float(clean.frechet_distance(mean[0], covariance[0], mean[1], covariance[1])),
        "torch-fidelity": float(fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]),
    }


def main():
    logits = torch.from_numpy((hashed((503, 1008), 5) * 16).astype("f4"))
    score = isc_features_to_metric(logits, splits=10, shuffle=False)
    found = {name: measures(*pair) for name, pair in SETS.items()}
    found["plain"].update(distances(*SETS["plain"]))
    found["score"] = score
    file = pathlib.Path(__file__).resolve().parent / "measures.json"
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(file.read_text())


if __name__ == "__main__":
    main()
