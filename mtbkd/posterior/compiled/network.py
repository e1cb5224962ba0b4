"""A dense layer of one member of an ensemble and its derivatives, CHUNK examples at a time.

An input, an output or a derivative of all CHUNK examples is a row of a buffer, CHUNK numbers side by side; ``x``, ``out`` and
``pull`` count rows. The weights (a, b) of a layer start at ``at`` of a member's parameters, their biases (b,) follow.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.lanes import WIDTH, gate, load, splat, store, total, turn

ZERO, ONE = np.float32(0), np.float32(1)
CHUNK = 4 * WIDTH  # four lane values, written out below: a processor has registers for them
LEAST_INPUTS = WIDTH  # of a layer, below which to turn its derivatives costs more than it saves
LEAST_WIDE = WIDTH // 2  # outputs that are worth a lane value; what a lane value has too much then ends with the biases


@inner
def affine(theta: Any, at: int, a: int, b: int, buf: Any, x: int, out: int, hidden: bool) -> None:
    """Rows out.. = W' rows x.. + bias, with ReLU where ``hidden``."""
    wide = b - b % 4 if a >= LEAST_INPUTS else 0
    for j in range(0, wide, 4):
        for i in range(0, CHUNK, 2 * WIDTH):
            _four(theta, at, a, b, j, buf, x, out, i, hidden)
    for j in range(wide, b):
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
def _four(theta: Any, at: int, a: int, b: int, j: int, buf: Any, x: int, out: int, i: int, hidden: bool) -> None:
    """``affine`` of outputs j to j + 3 and of two lane values of examples from i on: every input is loaded once for four."""
    bias = at + a * b + j
    s0 = t0 = splat(theta[bias])
    s1 = t1 = splat(theta[bias + 1])
    s2 = t2 = splat(theta[bias + 2])
    s3 = t3 = splat(theta[bias + 3])
    for c in range(a):
        w, row = at + c * b + j, (x + c) * CHUNK + i
        u, v = load(buf, row), load(buf, row + WIDTH)
        w0, w1, w2, w3 = splat(theta[w]), splat(theta[w + 1]), splat(theta[w + 2]), splat(theta[w + 3])
        s0 += w0 * u
        t0 += w0 * v
        s1 += w1 * u
        t1 += w1 * v
        s2 += w2 * u
        t2 += w2 * v
        s3 += w3 * u
        t3 += w3 * v
    if hidden:
        s0, s1, s2, s3 = gate(s0, s0), gate(s1, s1), gate(s2, s2), gate(s3, s3)
        t0, t1, t2, t3 = gate(t0, t0), gate(t1, t1), gate(t2, t2), gate(t3, t3)
    row = (out + j) * CHUNK + i
    store(buf, row, s0)
    store(buf, row + WIDTH, t0)
    store(buf, row + CHUNK, s1)
    store(buf, row + CHUNK + WIDTH, t1)
    store(buf, row + 2 * CHUNK, s2)
    store(buf, row + 2 * CHUNK + WIDTH, t2)
    store(buf, row + 3 * CHUNK, s3)
    store(buf, row + 3 * CHUNK + WIDTH, t3)


@inner
def weights_vjp(grad: Any, at: int, a: int, b: int, buf: Any, x: int, pull: int) -> None:
    """Add the derivatives of weights and biases, of inputs in rows x.. and derivatives of outputs in rows pull..

    Outputs are taken ``WIDTH`` at a time, side by side, so that no lanes must be summed; the end of ``buf`` is scratch.
    """
    wide, turned = 0, len(buf) - (CHUNK + 1) * WIDTH
    while a >= LEAST_INPUTS and b - wide >= LEAST_WIDE:
        count = min(WIDTH, b - wide)
        for i in range(0, CHUNK, WIDTH):
            turn(buf, (pull + wide) * CHUNK + i, CHUNK, turned + i * WIDTH)
        for j in range(WIDTH):
            buf[turned + CHUNK * WIDTH + j] = ONE if j < count else ZERO
        _wide_vjp(grad, at + wide, a, b, buf, x, turned)
        for j in range(count):
            grad[at + a * b + wide + j] += buf[turned + j]
        wide += count
    for j in range(wide, b):
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
def _wide_vjp(grad: Any, at: int, a: int, b: int, buf: Any, x: int, turned: int) -> None:
    """Add the derivatives of the weights of up to ``WIDTH`` outputs, the first one's from ``at`` on.

    The derivatives of outputs are at ``turned``, an example after another, and behind them 1 for each output, 0 for lanes too
    many, to which 0 is added. Those of the biases are left at ``turned``.
    """
    wide, known = a - a % 8, load(buf, turned + CHUNK * WIDTH)
    for c in range(0, wide, 8):
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(ZERO)
        for i in range(CHUNK):
            p, row = load(buf, turned + i * WIDTH), (x + c) * CHUNK + i
            s0 += p * splat(buf[row])
            s1 += p * splat(buf[row + CHUNK])
            s2 += p * splat(buf[row + 2 * CHUNK])
            s3 += p * splat(buf[row + 3 * CHUNK])
            s4 += p * splat(buf[row + 4 * CHUNK])
            s5 += p * splat(buf[row + 5 * CHUNK])
            s6 += p * splat(buf[row + 6 * CHUNK])
            s7 += p * splat(buf[row + 7 * CHUNK])
        to = at + c * b
        store(grad, to, load(grad, to) + gate(s0, known))
        store(grad, to + b, load(grad, to + b) + gate(s1, known))
        store(grad, to + 2 * b, load(grad, to + 2 * b) + gate(s2, known))
        store(grad, to + 3 * b, load(grad, to + 3 * b) + gate(s3, known))
        store(grad, to + 4 * b, load(grad, to + 4 * b) + gate(s4, known))
        store(grad, to + 5 * b, load(grad, to + 5 * b) + gate(s5, known))
        store(grad, to + 6 * b, load(grad, to + 6 * b) + gate(s6, known))
        store(grad, to + 7 * b, load(grad, to + 7 * b) + gate(s7, known))
    every = splat(ZERO)
    for i in range(CHUNK):
        every += load(buf, turned + i * WIDTH)
    for c in range(wide, a):
        s0 = splat(ZERO)
        for i in range(CHUNK):
            s0 += load(buf, turned + i * WIDTH) * splat(buf[(x + c) * CHUNK + i])
        store(grad, at + c * b, load(grad, at + c * b) + gate(s0, known))
    store(buf, turned, every)


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
