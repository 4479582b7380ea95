#!/usr/bin/env python3
"""Writes special.csv: elementary, normal and gamma functions to 50 digits, for theory/tests/special_oracles.rs.

Made with Python 3, mpmath 1.3.0, python-flint 0.9.0:  python3 special.py > special.csv
mpmath works with 90 digits. Every value is computed a second time and must agree to 55 digits: elementary functions,
erf, erfc and ln Γ by Arb (python-flint) at 600 bits, radii checked; P and Q by their own series each, with P + Q = 1.
Arguments are doubles, written so that they parse back to the same double.
"""

import mpmath
from flint import arb, ctx
from mpmath import mp, mpf

mp.dps = 90
ctx.prec = 600
AGREE = mpf(10) ** -55
TINY, MAX = 5e-324, 1.7976931348623157e308


def from_ball(ball):
    assert ball.rel_accuracy_bits() > 200 or ball == 0, ball
    return mpf(ball.str(100, radius=False))


def agree(first, second, what):
    assert abs(first - second) <= AGREE * abs(first), (what, first, second)


def row(name, arguments, value):
    print(f"{name},{';'.join(repr(a) for a in arguments)},{mpmath.nstr(value, 50, min_fixed=0, max_fixed=0)}")


def write(name, function, second, arguments):
    for a in arguments:
        a = a if isinstance(a, tuple) else (a,)
        value = function(*map(mpf, a))
        agree(value, from_ball(second(*map(arb, a))), (name, a))
        row(name, a, value)


def exponential_minus_one(x):
    return mpmath.expm1(x) if abs(x) > mpf("1e-40") else x + x * x / 2 + x ** 3 / 6


def log_of_one_plus(x):
    return mpmath.log1p(x) if abs(x) > mpf("1e-40") else x - x * x / 2 + x ** 3 / 3


def normal_cdf(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def normal_density(x):
    return mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mp.pi)


def between(lower, upper):
    if lower > 0:
        return normal_cdf(-lower) - normal_cdf(-upper)
    return normal_cdf(upper) - normal_cdf(lower)


def ball_cdf(x):
    return (-x / arb(2).sqrt()).erfc() / 2


def ball_between(lower, upper):
    return ball_cdf(-lower) - ball_cdf(-upper) if lower > 0 else ball_cdf(upper) - ball_cdf(lower)


def weight(a, x):
    return mpmath.exp(a * mpmath.log(x) - x - mpmath.loggamma(a + 1))


def lower(a, x):
    """P(a, x) by the ascending series (DLMF 8.7.1)."""
    term = total = mpf(1)
    n = 0
    while term > mpf(10) ** -80 * total:
        n += 1
        term *= x / (a + n)
        total += term
        assert n < 10 ** 7
    return weight(a, x) * total


def upper(a, x):
    """Q(a, x) by recurrence in the shape down to Q(1, x) = exp(-x) or Q(1/2, x) = erfc(sqrt(x)) (DLMF 8.8.6)."""
    term, total, shape = weight(a, x) * a / x, mpf(0), a
    while shape > 1 and (shape > x or term > mpf(10) ** -80 * total):
        total += term
        shape -= 1
        term *= shape / x
    if shape > 1:
        return total
    return total + (mpmath.erfc(mpmath.sqrt(x)) if shape != 1 else mpmath.exp(-x))


def gamma_arguments(dim):
    a = dim / 2
    deviations = (-30, -10, -5, -2, -0.5, 0, 0.5, 2, 5, 10, 30)
    ratios = (0.1, 0.3, 0.34, 0.55, 0.65, 1.5, 1.7, 2.9, 3.1) if dim < 2000 else (0.95, 1.05)
    places = {a + z * a ** 0.5 for z in deviations} | {a * ratio for ratio in ratios}
    return sorted(x for x in places | ({1e-10, 600.0} if dim < 40 else set()) if x > 0)


def write_gamma(dim):
    a = mpf(dim) / 2
    for x in gamma_arguments(dim):
        p, q = lower(a, mpf(x)), upper(a, mpf(x))
        agree(p + q, mpf(1), ("P + Q", dim, x))
        if min(p, q) < mpf("1e-300"):
            continue
        row("lower", (dim, x), p)
        row("upper", (dim, x), q)
        row("poisson_weight", (dim, x), weight(a, mpf(x)))


def main():
    print(f"# special.py, mpmath {mpmath.__version__}; function,arguments,value")
    SMALL = (1e-300, 1e-20, 1e-8, 0.1, 0.5, 1.0)
    BOTH = tuple(s * x for x in SMALL for s in (-1, 1))
    write("exp", mpmath.exp, arb.exp, BOTH + (-745.0, -740.5, -700.0, -10.0, 0.0, 10.0, 700.0, 709.7))
    write("exp_m1", exponential_minus_one, arb.expm1, BOTH + (-700.0, -50.0, -37.5, 50.0, 700.0))
    write("ln", mpmath.log, arb.log, (TINY, 1e-300, 0.1, 0.9999999, 1.0, 1.0000001, 2.0, 10.0, 1e300, MAX))
    write("ln_1p", log_of_one_plus, arb.log1p, BOTH[2:10] + (-0.9999999999, 1e-300, 1.0, 1e10, 1e300))
    write("sqrt", mpmath.sqrt, arb.sqrt, (1e-320, 1e-310, 1e-300, 1e-290, 0.1, 2.0, 3.0, 144.0, 1e300, MAX))
    bases = ((1.0000001, 1_000_000), (0.9, 3072), (1.1, 7000), (0.99999, 196_608))
    exact = ((-1.5, 7), (-1.5, 8), (3.0, 30), (0.75, 1), (7.0, 0))
    write("powi", lambda x, n: x ** int(n), lambda x, n: x ** n, bases + exact)
    ERF = (-6.0, -3.0, -0.5, -1e-10, 1e-300, 1e-10, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 5.9, 10.0)
    write("erf", mpmath.erf, arb.erf, ERF)
    write("erfc", mpmath.erfc, arb.erfc, ERF + (20.0, 26.0, 26.5, 27.0))
    NORMAL = (-37.5, -37.0, -30.0, -10.0, -5.0, -2.0, -1.0, -1e-10, 0.0, 1e-300, 0.3, 1.0, 2.5, 5.0, 8.0, 37.0)
    write("normal_cdf", normal_cdf, ball_cdf, NORMAL)
    write("normal_density", normal_density, lambda x: (-x * x / 2).exp() / (2 * arb.pi()).sqrt(), NORMAL)
    around = ((-3.0, 3.0), (-1e-10, 1e-10), (0.0, 5.0), (-2.0, 37.0))
    aside = ((-9.0, -8.0), (8.0, 9.0), (0.25, 0.5), (-1e-10, -1e-12), (0.7, 40.0), (30.0, 30.5), (-30.5, -30.0))
    write("probability_between", between, ball_between, around + aside)
    small = (1e-300, 1e-10, 0.1, 0.5, 1.0, 1.25, 1.4616321449683622, 1.4616321449683625)
    large = (1.5, 1.9999, 2.0, 2.0001, 3.0, 10.0, 171.5, 1e3, 1.6e6, 1e15, 1e300)
    write("ln_gamma", mpmath.loggamma, arb.lgamma, small + large)
    for dim in (1, 2, 3, 4, 5, 10, 15, 16, 17, 31, 100, 784, 3072, 12_288, 49_152, 196_608, 2_000_000, 3_200_000):
        write_gamma(dim)


if __name__ == "__main__":
    main()
