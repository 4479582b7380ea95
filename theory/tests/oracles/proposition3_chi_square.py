"""Quantiles of the chi-square law that leave 5e-7 on either side, to 20 digits.

Version 1. Run: python3 proposition3_chi_square.py > proposition3_chi_square.json  (mpmath 1.3.0)
Newton's method on the power series of the regularised incomplete gamma function, started from Wilson and Hilferty's formula.
"""
import json

from mpmath import erfinv, exp, loggamma, log, mp, mpf, nstr, sqrt

mp.dps = 50
TAIL = mpf("5e-7")


def cdf_and_density(n, q):
    a, x = mpf(n) / 2, q / 2
    term, total, k = mpf(1), mpf(1), 0
    while term > mpf(10) ** -45 * total:
        k += 1
        term *= x / (a + k)
        total += term
    factor = exp(a * log(x) - x - loggamma(a + 1))
    return factor * total, factor * a / x / 2


def quantile(n, p):
    z = sqrt(2) * erfinv(2 * p - 1)
    q = n * (1 - mpf(2) / (9 * n) + z * sqrt(mpf(2) / (9 * n))) ** 3
    for _ in range(60):
        value, density = cdf_and_density(n, q)
        step = (value - p) / density
        q -= step
        if abs(step) < mpf(10) ** -30 * q:
            return q
    raise ArithmeticError(n)


rows = [
    {"draws": n, "lower": nstr(quantile(n, TAIL), 20), "upper": nstr(quantile(n, 1 - TAIL), 20)}
    for n in (100, 20_000, 3_000_000)
]
print(json.dumps(rows, indent=1))
