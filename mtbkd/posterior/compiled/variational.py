"""Many steps of Gaussian variational inference of each unit (``mtbkd.inference.vi`` has the equations).

Shapes: U units, S steps, K samples, m examples of a minibatch, P parameters.
"""

from typing import Any

import numpy as np

from mtbkd.base.compiling import compiled, inner
from mtbkd.posterior.compiled.gradient import member_gradient, room
from mtbkd.posterior.compiled.minibatch import draw
from mtbkd.posterior.compiled.steps import ascend, scratch

ZERO, ONE = np.float32(0), np.float32(1)


@inner
def _spread(factor: Any, noise: Any, out: Any) -> None:
    """u = (I + A) noise."""
    for i in range(len(noise)):
        total = noise[i]
        for j in range(i if factor.shape[1] else 0):
            total += factor[i, j] * noise[j]
        out[i] = total


@inner
def _solve(factor: Any, noise: Any, out: Any) -> None:
    """S^-1 u = (I + A)^-T noise."""
    for i in range(len(noise)):
        out[i] = noise[i]
    for i in range(len(noise) - 1 if factor.shape[1] else 0, 0, -1):
        known = out[i]
        for j in range(i):
            out[j] -= factor[i, j] * known


@inner
def _step(
    u: int, t: int, means: Any, log_scales: Any, factors: Any, ascents: Any, noise: Any, spread: Any, pull: Any, slope: Any
) -> None:
    """Move the parts of q along the derivatives, given those of u, ``pull``, and u itself, ``spread`` (K, P)."""
    samples, size = noise.shape
    share, mean, log_scale = ONE / np.float32(samples), means.params[u], log_scales.params[u]
    for i in range(size):
        total = ZERO
        for k in range(samples):
            total += pull[k, i]
        slope[i] = total * share / np.exp(log_scale[i])
    ascend(mean, means.mean[u], means.square[u], slope, t, ascents)
    for i in range(size):
        total = ZERO
        for k in range(samples):
            total += pull[k, i] * spread[k, i]
        slope[i] = total * share
    ascend(log_scale, log_scales.mean[u], log_scales.square[u], slope, t, ascents)
    for i in range(size if factors.params.shape[2] else 0):
        row = slope[:i]
        row[:] = ZERO
        for k in range(samples):
            known = pull[k, i] * share
            for j in range(i):
                row[j] += known * noise[k, j]
        ascend(factors.params[u, i], factors.mean[u, i], factors.square[u, i], row, t, ascents)


@compiled
def fit(
    first: int, last: int, means: Any, log_scales: Any, factors: Any, ascents: Any, weight: Any, noise: Any, key: Any,
    done: int, units: Any, strata: Any, model: Any, batch: Any,
) -> None:  # fmt: skip
    """Move q of units ``first`` to ``last`` by S steps after ``done``, with ``noise`` (S, U, K, P)."""
    samples, size = noise.shape[2:]
    buf, theta, grad = room(model), np.empty(size, np.float32), np.empty(size, np.float32)
    scale, slope = np.empty(size, np.float32), np.empty(size, np.float32)
    spread, pull = np.empty((samples, size), np.float32), np.empty((samples, size), np.float32)
    words, x, constants = scratch(len(batch.weight))
    widths = (model.tables.x_width, model.tables.constants_width)
    for u in range(first, last):
        mean, factor = means.params[u], factors.params[u]
        for t in range(len(weight)):
            for i in range(size):
                scale[i] = np.exp(log_scales.params[u, i])
            for k in range(samples):
                _spread(factor, noise[t, u, k], spread[k])
                _solve(factor, noise[t, u, k], pull[k])
                for i in range(size):
                    theta[i] = mean[i] + scale[i] * spread[k, i]
                draw(key, u * samples + k, done + t, strata, units[u], widths, words, x, constants)
                member_gradient(theta, grad, units[u], ONE, x, constants, model, batch, buf)
                for i in range(size):
                    pull[k, i] = weight[t] * pull[k, i] + scale[i] * grad[i]
            _step(u, t, means, log_scales, factors, ascents, noise[t, u], spread, pull, slope)
