"""The variance that Algorithm 1 carries on, level by level in 60-digit decimals, for the tests in tests/chain.rs.

    python3 chain.py        (mpmath 1.3)

No closed form: each level's T steps are taken one after the other, from where the level above ended.
"""
from mpmath import mp, mpf, findroot, diff

mp.dps = 60


def one_level(gamma, delta, steps, start):
    variance = start
    for _ in range(steps):
        variance = (1 - delta) ** 2 * variance + 2 * delta
    return variance


def chain(gamma, delta, steps, levels):
    ratio = one_level(gamma, delta, steps, mpf(1))
    for _ in range(levels - 1):
        ratio = one_level(gamma, delta, steps, gamma**2 * ratio)
    return ratio


def optimal(gamma, steps):
    ratio = lambda delta: one_level(gamma, delta, steps, gamma**2)
    return findroot(lambda delta: diff(ratio, delta), 1 - gamma**-2)


rows = [
    ("cifar10, derived", 50, 220, 5, None),
    ("ffhq, derived", 348, 2182, 3, None),
    ("church, published", 140, 788, 4, "4.9e-6"),
    ("church, Technique 4", 140, 788, 4, None),
]
for name, sigma_max, levels, steps, epsilon in rows:
    gamma = (mpf(sigma_max) * 100) ** (mpf(1) / (levels - 1))
    delta = optimal(gamma, steps) if epsilon is None else mpf(epsilon) * 10**4
    one = one_level(gamma, delta, steps, gamma**2)
    limit = 2 / (2 - delta) * (1 - (1 - delta) ** (2 * steps)) / (1 - gamma**2 * (1 - delta) ** (2 * steps))
    print(f"{name:20} one level {mp.nstr(one, 12)}  chain {mp.nstr(chain(gamma, delta, steps, levels), 12)}  "
          f"limit {mp.nstr(limit, 12)}")
