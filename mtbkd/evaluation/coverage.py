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
Levels = Sequence[float] | np.ndarray
# A step that misses the level by single-precision rounding reaches it.
TOLERANCE = 1e-6
# Numbers of test examples at which coverage is looked at, beside all, and random subsets of each.
SIZES, SUBSETS, SUBSET_SEED = (100, 300, 1000, 3000), 20, 4711


class Coverage(NamedTuple):
    """Coverage by example, and the part of its error that all examples share.

    Attributes:
        empirical: (M, A) share of draws whose deviance at the label lies in the interval.
        expected: (M, A) the same for a label drawn from the posterior mean.
        shared_sd: (A,) posterior standard deviation of the mean coverage if one draw were the truth: the error that
            test examples share because they share one training set. An exact posterior's mean gap has variance
            ``shared_sd**2`` plus that of the labels.
        nearest: (M, B) empirical coverage by the paper's rule.
    """

    empirical: np.ndarray
    expected: np.ndarray
    shared_sd: np.ndarray
    nearest: np.ndarray


def interval(prob: np.ndarray, levels: Levels, rule: Rule = "smallest") -> np.ndarray:
    """Upper ends tau (M, A) of the credible intervals [0, tau] of the deviance, from draws ``prob`` (S, M, K)."""
    tau = np.empty((prob.shape[1], len(levels)))
    for rows, part in by_example(prob):
        falling, mass = _steps(part)
        lowest = _smallest(falling, mass, levels) if rule == "smallest" else _nearest(falling, mass, levels)
        with np.errstate(divide="ignore"):
            tau[rows] = -2 * np.log(lowest.astype(np.float64))
    return tau


def coverage(prob: np.ndarray, y: np.ndarray, levels: Levels, nearest_levels: Levels = ()) -> Coverage:
    """Coverage of the intervals of draws ``prob`` (S, M, K) at the labels ``y`` (M,), all in 0..K-1.

    ``levels`` (A,) are judged by the rule ``smallest``, ``nearest_levels`` (B,) by the paper's.
    """
    draws, examples, _ = prob.shape
    empirical, expected = np.empty((2, examples, len(levels)))
    nearest, by_draw = np.empty((examples, len(nearest_levels))), np.zeros((draws, len(levels)))
    for rows, part in by_example(prob):
        falling, mass = _steps(part)
        inside = _share_inside(part, _smallest(falling, mass, levels))
        labelled = np.arange(len(part)), y[rows]
        empirical[rows] = inside[labelled]
        expected[rows] = np.einsum("mk,mka->ma", part.mean(-1, dtype=np.float64), inside)
        nearest[rows] = _share_inside(part[labelled][:, None], _nearest(falling, mass, nearest_levels))[:, 0]
        by_draw += part.reshape(-1, draws).T @ inside.reshape(-1, len(levels))
    shared = by_draw.std(0, ddof=1) / examples if draws > 1 else np.full(len(levels), np.nan)
    return Coverage(empirical, expected, shared, nearest)


def by_size(contributions: np.ndarray) -> dict[int, np.ndarray]:
    """Means over random subsets of test examples: size -> (SUBSETS, ...), for ``SIZES`` below M and for M itself.

    A subset is the beginning of a random order of the M examples, so that the smaller ones lie in the larger; the orders are
    the same whatever the contributions (M, ...). All M examples are one subset: (1, ...).
    """
    count, rng = len(contributions), np.random.default_rng(SUBSET_SEED)
    orders = [rng.permutation(count) for _ in range(SUBSETS)]
    found = {n: np.stack([contributions[order[:n]].mean(0) for order in orders]) for n in SIZES if n < count}
    return {**found, count: contributions.mean(0, keepdims=True)}


def _steps(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The S * K probabilities of each example in falling order, and their cumulated mass / S: (m, S * K) each."""
    flat = -part.reshape(len(part), -1)
    flat.sort(axis=1)
    falling = np.negative(flat, out=flat)
    return falling, np.cumsum(falling, axis=1, dtype=np.float64) / part.shape[-1]


def _smallest(falling: np.ndarray, mass: np.ndarray, levels: Levels) -> np.ndarray:
    """The smallest probability inside the interval (m, A); the last step reaches every level, whatever the rounding."""
    steps = [np.minimum(_count(mass < level - TOLERANCE), mass.shape[1] - 1) for level in levels]
    return np.stack([falling[np.arange(len(step)), step] for step in steps], axis=1)


def _nearest(falling: np.ndarray, mass: np.ndarray, levels: Levels) -> np.ndarray:
    """The same by the paper's rule (m, A)."""
    if not len(levels):
        return np.empty((len(mass), 0))
    # Equal deviances enter together: only the last of a tie is a step.
    tied = falling[:, :-1] == falling[:, 1:]
    height = mass.copy()
    height[:, :-1][tied] = np.inf
    steps = [np.abs(height - level).argmin(1) for level in levels]
    return np.stack([falling[np.arange(len(step)), step] for step in steps], axis=1)


def _share_inside(part: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """Share of draws (m, K, A) whose probability in ``part`` (m, K, S) is at least ``lowest`` (m, A)."""
    inside = np.empty((*part.shape[:2], lowest.shape[1]), part.dtype)
    for a in range(lowest.shape[1]):
        inside[:, :, a] = _count(part >= lowest[:, a, None, None]) / part.shape[-1]
    return inside


def _count(true: np.ndarray) -> np.ndarray:
    """Number of true entries along the last axis; several times faster than numpy's count_nonzero with an axis."""
    return true.view(np.int8).sum(-1, dtype=np.int32)
