"""exp and log of lanes, by the polynomials of Cephes (Moshier 1992), in single precision within 3e-7 of the value."""

from typing import Any

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.lanes import equal, exponent, fraction, larger, rounded, splat, two_to

LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOG2_E, HALF, ONE, ROOT_HALF = np.float32(1.44269504), np.float32(0.5), np.float32(1), np.float32(0.70710678)
LEAST = np.float32(-87)  # exp of less is 0 in single precision
E0, E1, E2, E3, E4, E5 = (
    np.float32(c) for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
)
L0, L1, L2, L3, L4, L5, L6, L7, L8 = (
    np.float32(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip


@inner
def exp(x: Any) -> Any:
    """exp(x) of x <= 0; of less than -87 that of -87."""
    x = larger(x, splat(LEAST))
    power = rounded(x * splat(LOG2_E) + splat(HALF))
    r = x - power * splat(LN2_HIGH) - power * splat(LN2_LOW)
    p = splat(E0) * r + splat(E1)
    p = p * r + splat(E2)
    p = p * r + splat(E3)
    p = p * r + splat(E4)
    p = p * r + splat(E5)
    return (p * r * r + r + splat(ONE)) * two_to(power)


@inner
def log(x: Any) -> Any:
    """log(x) of normal numbers x > 0."""
    f, power = fraction(x), exponent(x)
    small = equal(larger(f, splat(ROOT_HALF)), splat(ROOT_HALF))
    power = power - small
    f = f + small * f - splat(ONE)
    p = splat(L0) * f + splat(L1)
    p = p * f + splat(L2)
    p = p * f + splat(L3)
    p = p * f + splat(L4)
    p = p * f + splat(L5)
    p = p * f + splat(L6)
    p = p * f + splat(L7)
    p = p * f + splat(L8)
    square = f * f
    return f + (f * square * p + power * splat(LN2_LOW) - splat(HALF) * square) + power * splat(LN2_HIGH)
