"""Credible intervals of the deviance, their coverage, and what that coverage should be (MT-BKD, arXiv 2605.27967,
section 5).

The interval [0, tau] of an example at level L holds the mass

    F(tau) = (1/S) sum_j sum_k q_k^(j) 1{-2 log q_k^(j) <= tau},

a step function: sort the S * K pairs by deviance, cumulate q / S, and read off the step. Rules:

    smallest   the smallest tau whose mass reaches L (default: never short of the level)
    nearest    the step whose mass is nearest to L, the smaller one of two (the paper's)

Deviance falls as q grows, so everything is done on q itself: the interval is {q >= exp(-tau/2)}, exact in floating
point. Coverage pairs the label with INDEPENDENT draws, so that even a perfect posterior need not cover at the level:
compare it with the self-expected coverage, the same mean with the label drawn from the posterior mean. Shapes: S draws,
M examples, K classes, A levels.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from mtbkd.evaluation.chunks import by_example

Rule = Literal["smallest", "nearest"]
# A step that misses the level by single-precision rounding reaches it.
TOLERANCE = 1e-6


class Coverage(NamedTuple):
    """Coverage by example, and the part of its error that all examples share.

    Attributes:
        empirical: (M, A) share of draws whose deviance at the label lies in the interval.
        expected: (M, A) the same for a label drawn from the posterior mean.
        shared_sd: (A,) posterior standard deviation of the mean coverage if one draw were the truth: the error that
            test examples share because they share one training set. An exact posterior's mean gap has variance
            ``shared_sd**2`` plus that of the labels.
    """

    empirical: np.ndarray
    expected: np.ndarray
    shared_sd: np.ndarray


def lowest_prob(part: np.ndarray, levels: np.ndarray, rule: Rule) -> np.ndarray:
    """The smallest class probability inside the interval, exp(-tau/2): (m, A), from draws ``part`` (m, K, S)."""
    examples, _, draws = part.shape
    falling = -np.sort(-part.reshape(examples, -1), axis=1)
    mass = np.cumsum(falling, axis=1, dtype=np.float64) / draws
    if rule == "smallest":
        steps = np.stack([(mass < level - TOLERANCE).sum(1) for level in levels], axis=1)
        return np.take_along_axis(falling, np.minimum(steps, falling.shape[1] - 1), axis=1)
    # Equal deviances enter together: only the last of a tie is a step.
    mass[:, :-1][falling[:, :-1] == falling[:, 1:]] = np.inf
    steps = np.stack([np.abs(mass - level).argmin(1) for level in levels], axis=1)
    return np.take_along_axis(falling, steps, axis=1)


def interval(prob: np.ndarray, levels: Sequence[float] | np.ndarray, rule: Rule = "smallest") -> np.ndarray:
    """Upper ends tau (M, A) of the credible intervals [0, tau] of the deviance, from draws ``prob`` (S, M, K)."""
    tau = np.empty((prob.shape[1], len(levels)))
    for rows, part in by_example(prob):
        with np.errstate(divide="ignore"):
            tau[rows] = -2 * np.log(lowest_prob(part, np.asarray(levels), rule).astype(np.float64))
    return tau


def coverage(
    prob: np.ndarray, y: np.ndarray, levels: Sequence[float] | np.ndarray, rule: Rule = "smallest"
) -> Coverage:
    """Coverage of the intervals of draws ``prob`` (S, M, K) at the labels ``y`` (M,), all in 0..K-1."""
    draws, examples, classes = prob.shape
    empirical, expected = np.empty((2, examples, len(levels)))
    by_draw = np.zeros((draws, len(levels)))
    for rows, part in by_example(prob):
        lowest = lowest_prob(part, np.asarray(levels), rule)
        inside = np.empty((*part.shape[:2], len(levels)), part.dtype)
        for a in range(len(levels)):
            inside[:, :, a] = np.count_nonzero(part >= lowest[:, a, None, None], axis=-1) / draws
        empirical[rows] = inside[np.arange(len(part)), y[rows]]
        expected[rows] = np.einsum("mk,mka->ma", part.mean(-1, dtype=np.float64), inside)
        flat = len(part) * classes
        by_draw += part.reshape(flat, draws).T @ inside.reshape(flat, len(levels))
    shared = by_draw.std(0, ddof=1) / examples if draws > 1 else np.full(len(levels), np.nan)
    return Coverage(empirical, expected, shared)
