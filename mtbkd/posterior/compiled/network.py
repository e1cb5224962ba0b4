"""A dense layer of one member of an ensemble and its derivatives, CHUNK examples at a time.

An input, an output or a derivative of all CHUNK examples is a row of a buffer, CHUNK numbers side by side; ``x``, ``out`` and
``pull`` count rows. The weights (a, b) of a layer start at ``at`` of a member's parameters, their biases (b,) follow.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.lanes import WIDTH, gate, load, splat, store, total

ZERO = np.float32(0)
CHUNK = 4 * WIDTH  # four lane values, written out below: a processor has registers for them


@inner
def affine(theta: Any, at: int, a: int, b: int, buf: Any, x: int, out: int, hidden: bool) -> None:
    """Rows out.. = W' rows x.. + bias, with ReLU where ``hidden``."""
    for j in range(b):
        s0 = s1 = s2 = s3 = splat(theta[at + a * b + j])
        for c in range(a):
            w, row = splat(theta[at + c * b + j]), (x + c) * CHUNK
            s0 += w * load(buf, row)
            s1 += w * load(buf, row + WIDTH)
            s2 += w * load(buf, row + 2 * WIDTH)
            s3 += w * load(buf, row + 3 * WIDTH)
        if hidden:
            s0, s1, s2, s3 = gate(s0, s0), gate(s1, s1), gate(s2, s2), gate(s3, s3)
        row = (out + j) * CHUNK
        store(buf, row, s0)
        store(buf, row + WIDTH, s1)
        store(buf, row + 2 * WIDTH, s2)
        store(buf, row + 3 * WIDTH, s3)


@inner
def weights_vjp(grad: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int) -> None:
    """Add the derivatives of weights and biases, of inputs in rows x.. and derivatives of outputs in rows pull.."""
    for j in range(b):
        row = (pull + j) * CHUNK
        p0, p1, p2, p3 = load(buf, row), load(buf, row + WIDTH), load(buf, row + 2 * WIDTH), load(buf, row + 3 * WIDTH)
        grad[at + a * b + j] += total((p0 + p1) + (p2 + p3))
        for c in range(a):
            row = (x + c) * CHUNK
            s = p0 * load(buf, row) + p1 * load(buf, row + WIDTH)
            s += p2 * load(buf, row + 2 * WIDTH) + p3 * load(buf, row + 3 * WIDTH)
            grad[at + c * b + j] += total(s)


@inner
def both_weights_vjp(grad: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int, other_x: int, other_pull: int) -> None:
    """``weights_vjp`` of two networks with the same weights at once: summing up over lanes is what takes the time."""
    for j in range(b):
        row = (pull + j) * CHUNK
        p0, p1, p2, p3 = load(buf, row), load(buf, row + WIDTH), load(buf, row + 2 * WIDTH), load(buf, row + 3 * WIDTH)
        row = (other_pull + j) * CHUNK
        q0, q1, q2, q3 = load(buf, row), load(buf, row + WIDTH), load(buf, row + 2 * WIDTH), load(buf, row + 3 * WIDTH)
        grad[at + a * b + j] += total(((p0 + p1) + (p2 + p3)) + ((q0 + q1) + (q2 + q3)))
        for c in range(a):
            row = (x + c) * CHUNK
            s = p0 * load(buf, row) + p1 * load(buf, row + WIDTH)
            s += p2 * load(buf, row + 2 * WIDTH) + p3 * load(buf, row + 3 * WIDTH)
            row = (other_x + c) * CHUNK
            s += q0 * load(buf, row) + q1 * load(buf, row + WIDTH)
            s += q2 * load(buf, row + 2 * WIDTH) + q3 * load(buf, row + 3 * WIDTH)
            grad[at + c * b + j] += total(s)


@inner
def inputs_vjp(theta: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int) -> None:
    """Overwrite the hidden rows x.. by their derivatives through ReLU."""
    for c in range(a):
        s0 = s1 = s2 = s3 = splat(ZERO)
        for j in range(b):
            w, row = splat(theta[at + c * b + j]), (pull + j) * CHUNK
            s0 += w * load(buf, row)
            s1 += w * load(buf, row + WIDTH)
            s2 += w * load(buf, row + 2 * WIDTH)
            s3 += w * load(buf, row + 3 * WIDTH)
        row = (x + c) * CHUNK
        store(buf, row, gate(s0, load(buf, row)))
        store(buf, row + WIDTH, gate(s1, load(buf, row + WIDTH)))
        store(buf, row + 2 * WIDTH, gate(s2, load(buf, row + 2 * WIDTH)))
        store(buf, row + 3 * WIDTH, gate(s3, load(buf, row + 3 * WIDTH)))
