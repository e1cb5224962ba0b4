"""The labels' and teachers' terms, and their derivative with respect to a student's logits (``mtbkd.posterior.density``).

The teachers' term is a mixture (``mtbkd.signals.Mixture``) of G teachers of K classes. Rows as in ``network``;
``z``, ``q``, ``y``, ``p`` and so on count them.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import inner
from mtbkd.posterior.compiled.elementary import exp, log
from mtbkd.posterior.compiled.lanes import WIDTH, equal, larger, load, splat, store, total
from mtbkd.posterior.compiled.network import CHUNK

ZERO, ONE = np.float32(0), np.float32(1)


@inner
def log_softmax(buf: Any, z: int, q: int, k: int) -> None:
    """Logits in ``k`` rows z.. to their log-probabilities, and probabilities in rows q.."""
    for i in range(0, CHUNK, WIDTH):
        top, normaliser = load(buf, z * CHUNK + i), splat(ZERO)
        for c in range(1, k):
            top = larger(top, load(buf, (z + c) * CHUNK + i))
        for c in range(k):
            prob = exp(load(buf, (z + c) * CHUNK + i) - top)
            store(buf, (q + c) * CHUNK + i, prob)
            normaliser += prob
        log_normaliser, share = log(normaliser), splat(ONE) / normaliser
        for c in range(k):
            row = (z + c) * CHUNK + i
            store(buf, row, load(buf, row) - top - log_normaliser)
            row = (q + c) * CHUNK + i
            store(buf, row, load(buf, row) * share)


@inner
def responsibilities(buf: Any, z: int, p: int, log_scale: int, out: int, g: int, k: int, power: Any) -> None:
    """Softmax over teachers of log_scale + power sum_k p_gk log q_k, in ``g`` rows out.."""
    for i in range(0, CHUNK, WIDTH):
        top, normaliser = load(buf, log_scale * CHUNK + i), splat(ZERO)
        for t in range(g):
            score = splat(ZERO)
            for c in range(k):
                score += load(buf, (p + t * k + c) * CHUNK + i) * load(buf, (z + c) * CHUNK + i)
            score = load(buf, (log_scale + t) * CHUNK + i) + splat(power) * score
            store(buf, (out + t) * CHUNK + i, score)
            top = score if t == 0 else larger(top, score)
        for t in range(g):
            row = (out + t) * CHUNK + i
            share = exp(load(buf, row) - top)
            store(buf, row, share)
            normaliser += share
        normaliser = splat(ONE) / normaliser
        for t in range(g):
            row = (out + t) * CHUNK + i
            store(buf, row, load(buf, row) * normaliser)


@inner
def pull(buf: Any, z: int, q: int, y: int, p: int, shares: int, g: int, k: int, strength: Any, weight: Any, first: int) -> None:
    """Rows z.. to weight (t - (sum t) q) with t = 1[y] + strength sum_g share_g p_g; ``weight[first]`` is the first one's."""
    for i in range(0, CHUNK, WIDTH):
        every, label = splat(ZERO), load(buf, y * CHUNK + i)
        for c in range(k):
            taught = splat(ZERO)
            for t in range(g):
                taught += load(buf, (shares + t) * CHUNK + i) * load(buf, (p + t * k + c) * CHUNK + i)
            value = equal(label, splat(np.float32(c))) + splat(strength) * taught
            store(buf, (z + c) * CHUNK + i, value)
            every += value
        times = load(weight, first + i)
        for c in range(k):
            row = (z + c) * CHUNK + i
            store(buf, row, times * (load(buf, row) - every * load(buf, (q + c) * CHUNK + i)))


@inner
def multiplied(buf: Any, rows: int, out: int, count: int, by: Any) -> None:
    """``count`` rows out.. = ``rows``.. times ``by``."""
    for i in range(0, count * CHUNK, WIDTH):
        store(buf, out * CHUNK + i, splat(by) * load(buf, rows * CHUNK + i))


@inner
def pull_apart(
    buf: Any, z: int, q: int, cooled: int, y: int, p: int, shares: int, g: int, k: int, strength: Any, weight: Any, first: int
) -> None:
    """``pull`` where teachers are compared with probabilities in rows cooled.., not with those in rows q.."""
    for i in range(0, CHUNK, WIDTH):
        every, known, label = splat(ZERO), splat(ZERO), load(buf, y * CHUNK + i)
        for c in range(k):
            known += equal(label, splat(np.float32(c)))
            for t in range(g):
                every += load(buf, (shares + t) * CHUNK + i) * load(buf, (p + t * k + c) * CHUNK + i)
        for c in range(k):
            taught = splat(ZERO) - every * load(buf, (cooled + c) * CHUNK + i)
            for t in range(g):
                taught += load(buf, (shares + t) * CHUNK + i) * load(buf, (p + t * k + c) * CHUNK + i)
            right = equal(label, splat(np.float32(c))) - known * load(buf, (q + c) * CHUNK + i)
            store(buf, (z + c) * CHUNK + i, load(weight, first + i) * (right + splat(strength) * taught))


@inner
def term(
    buf: Any, z: int, y: int, p: int, log_scale: int, scores: int, g: int, k: int, lam: Any, power: Any, beta: Any, weight: Any,
    first: int,
) -> float:  # fmt: skip
    """Sum over examples of weight (log q[y] + beta s); power s = log sum_g exp(log_scale_g + lambda power sum_k p_gk log q_k).

    With one teacher or power 0 s is its limit, lambda sum_g r_g sum_k p_gk log q_k. ``weight[first]`` is the first one's;
    2 ``g`` rows from ``scores`` on are written.
    """
    every = splat(ZERO)
    for i in range(0, CHUNK, WIDTH):
        label, value = load(buf, y * CHUNK + i), splat(ZERO)
        for c in range(k):
            value += equal(label, splat(np.float32(c))) * load(buf, (z + c) * CHUNK + i)
        top, normaliser, mean = splat(ZERO), splat(ZERO), splat(ZERO)
        for t in range(g):
            cross = splat(ZERO)
            for c in range(k):
                cross += load(buf, (p + t * k + c) * CHUNK + i) * load(buf, (z + c) * CHUNK + i)
            cross = splat(lam) * cross
            score = splat(power) * cross
            if g > 1:
                score += load(buf, (log_scale + t) * CHUNK + i)
            store(buf, (scores + t) * CHUNK + i, score)
            store(buf, (scores + g + t) * CHUNK + i, cross)
            top = score if t == 0 else larger(top, score)
        for t in range(g):
            share = exp(load(buf, (scores + t) * CHUNK + i) - top)
            normaliser += share
            mean += share * load(buf, (scores + g + t) * CHUNK + i)
        if g == 1 or power == ZERO:
            value += splat(beta) * (mean / normaliser)
        elif g > 1:
            value += splat(beta) * ((top + log(normaliser)) / splat(power))
        every += load(weight, first + i) * value
    return total(every)
