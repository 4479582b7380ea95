"""E_{p_i}[r_j] of two Gaussians at distance d (units of sigma; doubles, exactly), to 45 digits.

Version 1. Run: python3 proposition1_pair.py > proposition1_pair.json  (mpmath 1.3.0)

The integral is taken in the form of the definition, E[1/(1 + exp(d^2/2 + d z))] with z standard normal, by mpmath's
tanh-sinh panels: not the form, nor the rule, of the code under test. Each value is computed at two precisions with different panels
and refused when they disagree.
"""
import json

from mpmath import exp, mp, mpf, nstr, pi, quad, sqrt

DISTANCES = ["0", "0.0009765625", "0.5", "1", "2", "3.75", "10", "21", "36", "53.25", "60"]


def value(d, digits, panel):
    mp.dps = digits
    d = mpf(d)
    # With u = z + d/2 the integrand is exp(-d^2/8 - u^2/2)/(2 cosh(du/2)) up to a constant: at |u| = reach it has fallen by e^-150.
    # The factor exp(-d^2/8) is taken out because mpmath's tolerance is absolute.
    centre, reach = -d / 2, min(mpf(18), 300 / (d + 1))
    width = mpf(panel) / (1 + d)
    steps = int(reach / width) + 1
    points = [centre + k * width for k in range(-steps, steps + 1)]
    return exp(-d * d / 8) * quad(lambda z: exp(d * d / 8 - z * z / 2) / sqrt(2 * pi) / (1 + exp(d * d / 2 + d * z)), points)


def main():
    rows = []
    for d in DISTANCES:
        coarse, fine = value(d, 60, 2), value(d, 70, mpf(3) / 2)
        assert abs(coarse - fine) < mpf(10) ** -50 * fine, d
        rows.append({"distance": d, "expected": nstr(fine, 45, strip_zeros=False, min_fixed=0, max_fixed=0)})
    print(json.dumps(rows, indent=1))


main()
