"""Elementary functions of a row of numbers, side by side in memory, which the compiler turns into vector instructions.

exp and log by the polynomials of Cephes (Moshier 1992), in single precision within 1e-7 of the value. ``bits`` and ``view`` are
the same scratch memory as integers and as numbers.
"""

from typing import Any

import numpy as np

from mtbkd.compiled import compiled

LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOG2_E, HALF, ONE, ROOT_HALF = np.float32(1.44269504), np.float32(0.5), np.float32(1), np.float32(0.70710678)
LEAST = np.float32(-87)  # exp of less is 0 in single precision
EXP = tuple(np.float32(c) for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
LOG = tuple(
    np.float32(c)
    for c in (
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )
)  # fmt: skip


@compiled
def exp_from(x: Any, top: Any, out: Any, total: Any, bits: Any, view: Any, n: int) -> None:
    """x -= top, out = exp(x) for x <= top, total += out: the first ``n`` numbers, in as few passes as can be."""
    for i in range(n):
        v = x[i] - top[i]
        x[i] = v
        v = LEAST if v < LEAST else v  # what is not a number stays so
        power = np.floor(v * LOG2_E + HALF)
        r = v - power * LN2_HIGH - power * LN2_LOW
        p = EXP[0]
        p = p * r + EXP[1]
        p = p * r + EXP[2]
        p = p * r + EXP[3]
        p = p * r + EXP[4]
        p = p * r + EXP[5]
        out[i] = p * r * r + r + ONE
        bits[i] = (np.int32(power) + np.int32(127)) << np.int32(23)
    for i in range(n):
        value = out[i] * view[i]
        out[i] = value
        total[i] += value


@compiled
def log(x: Any, out: Any, bits: Any, view: Any, n: int) -> None:
    """out = log(x) for normal numbers x > 0, the first ``n`` of them."""
    for i in range(n):
        view[i] = x[i]
    for i in range(n):
        word = bits[i]
        out[i] = np.float32((word >> np.int32(23)) - np.int32(126))
        bits[i] = (word & np.int32(0x007FFFFF)) | np.int32(0x3F000000)
    for i in range(n):
        f, power = view[i], out[i]
        small = f < ROOT_HALF
        power = power - ONE if small else power
        f = f + f - ONE if small else f - ONE
        p = LOG[0]
        p = p * f + LOG[1]
        p = p * f + LOG[2]
        p = p * f + LOG[3]
        p = p * f + LOG[4]
        p = p * f + LOG[5]
        p = p * f + LOG[6]
        p = p * f + LOG[7]
        p = p * f + LOG[8]
        square = f * f
        out[i] = f + (f * square * p + power * LN2_LOW - HALF * square) + power * LN2_HIGH
