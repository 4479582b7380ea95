#!/usr/bin/env python3
"""Noise ratios, numbers of levels and step sizes by mpmath, independent of the crate.

Writes schedule.json beside this file. Made with mpmath 1.3.0; run: python3 schedule.py
"""

import json
from pathlib import Path

from mpmath import erfc, findroot, floor, log, mp, mpf, nstr, quad, sqrt

mp.dps = 80


def phi(x):
    return erfc(-x / sqrt(mpf(2))) / 2


def overlap(gamma, dim):
    s = sqrt(mpf(2) * dim)
    return phi(s * (gamma - 1) + 3 * gamma) - phi(s * (gamma - 1) - 3 * gamma)


def bisect(f, lo, hi):
    """The sign change of a function that falls from + to -."""
    while hi - lo > mpf(10) ** -65 * hi:
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if f(mid) > 0 else (lo, mid)
    return (lo + hi) / 2


def gamma_root(dim, target):
    hi = mpf(2)
    while overlap(hi, dim) > target:
        hi *= 2
    return bisect(lambda g: overlap(g, dim) - target, mpf(1), hi)


def ratio_slope(delta, gamma, steps):
    """Derivative of s_T^2/sigma^2 in delta, from equation (6) of the paper."""
    w = 1 - delta
    fixed = 2 / (2 - delta)
    return -2 * steps * w ** (2 * steps - 1) * (gamma**2 - fixed) + 2 / (2 - delta) ** 2 * (1 - w ** (2 * steps))


def optimal_delta(gamma, steps):
    # The slope is negative before the minimum and positive after it; the minimum is below 1 - 1/gamma^2.
    return bisect(lambda d: -ratio_slope(d, gamma, steps), mpf(10) ** -30, 1 - gamma**-2 if steps > 1 else mpf(1))


def excess(delta, gamma, steps):
    w = 1 - delta
    fixed = 2 / (2 - delta)
    return w ** (2 * steps) * (gamma**2 - fixed) + fixed - 1


roots = []
for dim in (5, 6, 10, 100, 784, 3072, 12288, 27648, 49152, 196608, 3145728, 10**12):
    for target in ("0.001", "0.5", "0.567", "0.9", "0.99"):
        # The target is the double nearest to the decimal, as the program gets it.
        root = gamma_root(dim, mpf(float(target)))
        check = findroot(lambda g: overlap(g, dim) - mpf(float(target)), root)
        assert abs(check - root) < mpf(10) ** -60 * root
        roots.append({"dim": dim, "target": float(target), "gamma": nstr(root, 50)})

steps = []
for gamma in ("1.001", "1.0048", "1.0398", "1.2", "1.668", "4", "100"):
    for t in (1, 2, 3, 5, 10, 100, 1000, 100000):
        g = mpf(float(gamma))
        if t == 1:
            delta = 1 - g**-2
        else:
            delta = optimal_delta(g, t)
        # Independent of the slope: neighbours are no better.
        here = excess(delta, g, t)
        for shift in (mpf("1e-12"), -mpf("1e-12")):
            assert excess(delta * (1 + shift), g, t) > here, (gamma, t)
        steps.append({"gamma": float(gamma), "steps": t, "delta": nstr(delta, 50), "excess": nstr(here, 50)})

levels = []
for sigma_max, dim in ((50, 3072), (90, 12288), (140, 27648), (190, 49152), (348, 196608), (16.875, 784)):
    x = log(mpf(sigma_max) / mpf(0.01)) / log(gamma_root(dim, mpf(0.5)))
    levels.append({"sigma_max": sigma_max, "dim": dim, "x": nstr(x, 50), "ceil_plus_one": int(floor(x)) + 2})

Path(__file__).with_suffix(".json").write_text(
    json.dumps({"roots": roots, "steps": steps, "levels": levels}, indent=1) + "\n"
)
