#!/usr/bin/env python3
"""Writes radius.csv: Proposition 2's radius law and the exact overlap to 50 digits, for theory/tests/radius_oracles.rs.

Made with Python 3, mpmath 1.3.0:  python3 radius.py > radius.csv
P and Q come from special.py, where each is checked by the other. Independent checks here: for D = 2, 16, 784 the
distribution function and the mean by quadrature of the density; for every D the Kolmogorov distance against a grid
over sqrt(D) +- 9, whose largest value must not exceed it and must come within 2 % of it.
"""

import mpmath
from mpmath import mp, mpf

from special import agree, lower, normal_cdf, row, upper

mp.dps = 70
DIMS = (1, 2, 3, 5, 16, 784, 3072, 12_288, 49_152, 196_608, 3_200_000)


def log_density(dim, r):
    a = mpf(dim) / 2
    return (dim - 1) * mpmath.log(r) - r * r / 2 - (a - 1) * mpmath.log(2) - mpmath.loggamma(a)


def density(dim, r):
    return mpmath.exp(log_density(dim, r))


def cdf(dim, r):
    a, x = mpf(dim) / 2, mpf(r) ** 2 / 2
    return lower(a, x) if x <= a else 1 - upper(a, x)


def survival(dim, r):
    a, x = mpf(dim) / 2, mpf(r) ** 2 / 2
    return upper(a, x) if x > a else 1 - lower(a, x)


def mean(dim):
    return mpmath.sqrt(2) * mpmath.exp(mpmath.loggamma(mpf(dim + 1) / 2) - mpmath.loggamma(mpf(dim) / 2))


def variance(dim):
    return dim - mean(dim) ** 2


def quantile(dim, p):
    p = mpf(p)
    # F(r) is below the first factor of its series, so this start is below the quantile.
    r = mpmath.sqrt(2) * mpmath.exp((mpmath.log(p) + mpmath.loggamma(mpf(dim) / 2 + 1)) / dim)
    if p > 1e-20:
        r = max(r, mean(dim) + mpmath.sqrt(2 * variance(dim)) * mpmath.erfinv(2 * p - 1))
    for _ in range(100):
        # Newton on the logarithm of the smaller tail, which is concave and so converges from the outer side.
        small, tail = (p, cdf(dim, r)) if p < 0.5 else (1 - p, survival(dim, r))
        step = mpmath.log(tail / small) * tail / density(dim, r) * (1 if p < 0.5 else -1)
        r = max(r - step, r / 4)
        if abs(step) < mpf(10) ** -62 * r:
            return r
    raise ArithmeticError((dim, p))


def gap(dim, r):
    return cdf(dim, r) - normal_cdf((r - mpmath.sqrt(dim)) * mpmath.sqrt(2))


def kolmogorov(dim):
    root = mpmath.sqrt(dim)
    log_ratio = lambda r: log_density(dim, r) + (r - root) ** 2 + mpmath.log(mp.pi) / 2
    stretches = [(max(root - 1, mpf("1e-9")), root + 1), (root + 1, root + 4)]
    if dim > 1:
        stretches.append((max(root - 4, (root - 1) / 10 ** 6), root - 1))
    zeros = [mpmath.findroot(log_ratio, s, solver="anderson", tol=mpf(10) ** -120) for s in stretches]
    assert all(lo < zero < hi for zero, (lo, hi) in zip(zeros, stretches))
    distance = max([abs(gap(dim, zero)) for zero in zeros] + [normal_cdf(-mpmath.sqrt(2 * dim))])
    with mp.workdps(30):
        count = 400 if dim < 10 ** 5 else 40
        places = [root + mpf(9) * (2 * k - count) / count for k in range(count + 1)]
        grid = max(abs(gap(dim, r)) for r in places if r > 0)
    largest = max(grid, normal_cdf(-mpmath.sqrt(2 * dim)))
    assert distance * mpf("0.98") <= largest <= distance * (1 + mpf(10) ** -25), (dim, largest, distance)
    return distance


def overlap(dim, gamma):
    deviation = mpmath.sqrt(variance(dim))
    near, far = max(mean(dim) - 3 * deviation, mpf(0)), mean(dim) + 3 * deviation
    if gamma * near > mpmath.sqrt(dim):
        return survival(dim, gamma * near) - survival(dim, gamma * far)
    return cdf(dim, gamma * far) - (cdf(dim, gamma * near) if near > 0 else 0)


def check_by_quadrature(dim, r):
    middle = mean(dim)
    pieces = sorted({mpf(0), middle, r} | {middle + k for k in range(-12, 13) if middle + k > 0})
    agree(mpmath.quad(lambda t: density(dim, t), [t for t in pieces if t <= r]), cdf(dim, r), ("cdf", dim, r))
    first = mpmath.quad(lambda t: t * density(dim, t), pieces + [middle + 20])
    assert abs(first - middle) < mpf(10) ** -50 * middle, (dim, first, middle)


print(f"# radius.py, mpmath {mpmath.__version__}; sigma = 1; function,arguments,value")
for dim in DIMS:
    row("mean", (dim,), mean(dim))
    row("variance", (dim,), variance(dim))
    row("kolmogorov_distance", (dim,), kolmogorov(dim))
    if dim in (2, 16, 784):
        check_by_quadrature(dim, mean(dim) + mpf("0.7"))
    centre = dim ** 0.5
    for r in sorted({max(centre + k, centre / 8) for k in (-12, -6, -2.5, -1, -0.25, 0, 0.25, 1, 2.5, 6, 12)}):
        row("density", (dim, r), density(dim, mpf(r)))
        row("cdf", (dim, r), cdf(dim, r))
        row("survival", (dim, r), survival(dim, r))
    for p in (1e-100, 1e-9, 0.025, 0.5, 0.75, 0.975, 1 - 1e-9, 1 - 2 ** -53):
        row("quantile", (dim, p), quantile(dim, p))
    for z in (-3, -1, 0, 0.5, 1, 3, 6, 12, 20):
        gamma = 1 + z * 0.7071067811865476 / centre
        if gamma > 0:
            row("chi_overlap", (dim, gamma), overlap(dim, mpf(gamma)))
