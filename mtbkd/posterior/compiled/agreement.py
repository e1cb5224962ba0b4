"""Weights under which the teachers' gradients agree (AEKD, Du et al. 2020; ``mtbkd.questions.baselines.aekd``).

With d_g the gradient of teacher g's term of a minibatch with respect to the student's logits,

    alpha = argmin |sum_g alpha_g d_g|^2   subject to   sum_g alpha_g = 1,   0 <= alpha_g <= C.

Rows as in ``network``; G teachers of K classes.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.lanes import WIDTH, gate, load, splat, store, total
from mtbkd.posterior.compiled.network import CHUNK

ZERO, ONE = np.float32(0), np.float32(1)
SWEEPS = 100
RIDGE, STILL = np.float32(1e-6), np.float32(1e-6)  # of the mean squared gradient; a move that is none


@inner
def add_products(buf: Any, q: int, p: int, gram: int, g: int, k: int, weight: Any, first: int) -> None:
    """Add the products of the teachers' gradients, probabilities q.. less p.., of the examples that count.

    Those of teachers t and s stand at number s of row ``gram`` + t; ``weight[first]`` is the first example's.
    """
    for t in range(g):
        for s in range(t + 1):
            product = splat(ZERO)
            for i in range(0, CHUNK, WIDTH):
                counts = load(weight, first + i)
                for c in range(k):
                    prob = load(buf, (q + c) * CHUNK + i)
                    one = gate(prob - load(buf, (p + t * k + c) * CHUNK + i), counts)
                    product += one * (prob - load(buf, (p + s * k + c) * CHUNK + i))
            buf[(gram + t) * CHUNK + s] += total(product)
            buf[(gram + s) * CHUNK + t] = buf[(gram + t) * CHUNK + s]


@inner
def agree(buf: Any, gram: int, shares: int, g: int, cap: Any) -> None:
    """Fill ``g`` rows shares.. with the weights: exact moves of weight between two teachers, until none is worth it."""
    ridge = ZERO
    for t in range(g):
        buf[(shares + t) * CHUNK] = ONE / np.float32(g)
        ridge += buf[(gram + t) * CHUNK + t] * RIDGE / np.float32(g)
    cap = max(cap, ONE / np.float32(g))
    for _ in range(SWEEPS):
        most = ZERO
        for t in range(g):
            for s in range(t):
                most = max(most, _move(buf, gram, shares, g, t, s, ridge, cap))
        if not most > STILL:
            break
    for t in range(g):
        share = splat(buf[(shares + t) * CHUNK])
        for i in range(0, CHUNK, WIDTH):
            store(buf, (shares + t) * CHUNK + i, share)


@inner
def _move(buf: Any, gram: int, shares: int, g: int, t: int, s: int, ridge: Any, cap: Any) -> Any:
    """Move the best weight from teacher s to t, within the bounds, and return how much; nothing where it is not finite."""
    at, other = (shares + t) * CHUNK, (shares + s) * CHUNK
    bend = buf[(gram + t) * CHUNK + t] + buf[(gram + s) * CHUNK + s] - buf[(gram + t) * CHUNK + s] * (ONE + ONE)
    slope, bend = ridge * (buf[other] - buf[at]), bend + ridge + ridge
    for h in range(g):
        slope += buf[(shares + h) * CHUNK] * (buf[(gram + s) * CHUNK + h] - buf[(gram + t) * CHUNK + h])
    least, largest = max(-buf[at], buf[other] - cap), min(buf[other], cap - buf[at])
    move = min(max(slope / bend, least), largest)
    if not (bend > ZERO and abs(move) <= ONE):
        return ZERO
    buf[at] += move
    buf[other] -= move
    return abs(move)
