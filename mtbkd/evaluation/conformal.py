"""Prediction sets of classes that hold the label at a chosen rate (conformal prediction), and credible sets beside them.

A score says how badly class k fits an example with probabilities p; r_k is the rank of class k, 1 for the most probable:

    threshold  1 - p_k                                           (Sadinle, Lei and Wasserman 2019)
    aps        mass of the classes before k                       (Romano, Sesia and Candes 2020)
    raps       the same + PENALTY max(r_k - FREE, 0)              (Angelopoulos, Bates, Jordan and Malik 2021)

Held-out examples i = 1..n give scores s_i at their labels, from the student of their fold; s_k are those of a new example from
the same student. With coverage L the set of the new example is

    {k: #{i: s_i < s_k} < L (n + 1)}                              (Romano et al. 2020, equation 8)

One fold is split conformal prediction: the set holds the label with probability at least L, on average over held-out and new
examples that are exchangeable. F > 1 folds are CV+ (Barber, Candes, Ramdas and Tibshirani 2021): ``guaranteed`` says what is
proved; in practice coverage is near L. Both promises are marginal: none is made for a single domain or class.

Nothing is randomised. The papers add u p_k with a uniform u to the mass before k, so that coverage is exact; without it one
example always gets the same set, and coverage is at least the same. The most probable class is always in the set.

A credible set holds the fewest classes whose posterior predictive mass reaches L. It is the set of ``aps`` at the mass L, where
``aps`` takes the mass that held-out labels ask for. Shapes: M examples, K classes, F folds.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from mtbkd.base.lazy import lazy_import

stats = lazy_import("scipy.stats")

Kind = Literal["threshold", "aps", "raps"]
PENALTY, FREE = 0.1, 2
BAND = 0.95  # probability of the intervals and bands below
DIGITS = 9  # of a mass: sums that differ by rounding are equal


def _before(prob: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks (M, K), from 1, and the mass of the classes before each, equal ones in the order of the classes."""
    order = np.argsort(-prob, axis=-1, kind="stable")
    falling = np.take_along_axis(prob, order, -1).astype(np.float64)
    rank = np.argsort(order, axis=-1) + 1
    return rank, np.take_along_axis(np.cumsum(falling, -1) - falling, rank - 1, -1).round(DIGITS)


def _raps(prob: np.ndarray) -> np.ndarray:
    rank, mass = _before(prob)
    return mass + PENALTY * np.maximum(rank - FREE, 0)


KINDS: Mapping[Kind, Callable[[np.ndarray], np.ndarray]] = {
    "threshold": lambda prob: 1 - prob.astype(np.float64),
    "aps": lambda prob: _before(prob)[1],
    "raps": _raps,
}


def label_scores(prob: np.ndarray, y: np.ndarray, kind: Kind) -> np.ndarray:
    """Scores (M,) of the labels ``y`` (M,) under probabilities ``prob`` (M, K).

    >>> label_scores(np.array([[0.5, 0.3, 0.2]]), np.array([2]), "aps")
    array([0.8])
    """
    return KINDS[kind](prob)[np.arange(len(y)), y]


def rank(n: int, coverage: float) -> int:
    """ceil(L (n + 1)): the place of the score, among n in rising order, up to which a class stays in a set.

    It exceeds n where n examples cannot promise the coverage; sets then hold every class.

    >>> [rank(n, 0.9) for n in (8, 9, 10)]
    [9, 9, 10]
    """
    return math.ceil(round((n + 1) * coverage, 9))


def prediction_sets(
    prob: np.ndarray, held: np.ndarray, coverage: float, kind: Kind, fold: np.ndarray | None = None
) -> np.ndarray:  # fmt: skip
    """Which classes the set of each example holds: bool (M, K).

    Args:
        prob: probabilities (F, M, K) by the student of each fold; (1, M, K) for split conformal sets.
        held: scores (n,) of held-out labels, see ``label_scores``.
        coverage: L, between 0 and 1.
        kind: a key of ``KINDS``.
        fold: int (n,), of each held-out example; None: one fold.
    """
    fold = np.zeros(len(held), np.int64) if fold is None else fold
    below = np.zeros(prob.shape[1:], np.int64)
    for f, own in enumerate(prob):
        below += np.searchsorted(np.sort(held[fold == f]), KINDS[kind](own), side="left")
    return _with_best(below < rank(len(held), coverage), prob.mean(0, dtype=np.float64))


def sets_at(prob: np.ndarray, threshold: float, kind: Kind) -> np.ndarray:
    """``prediction_sets`` of one fold, given its ``threshold_of`` held-out scores: bool (M, K) from ``prob`` (M, K)."""
    return _with_best(KINDS[kind](prob) <= threshold, prob)


def threshold_of(held: np.ndarray, coverage: float) -> float:
    """The largest score of a class that stays in a set: the ``rank``-th smallest of ``held`` (n,), infinite if n is too small.

    >>> threshold_of(np.array([0.1, 0.4, 0.2, 0.3]), 0.6)
    0.3
    """
    at = rank(len(held), coverage)
    return math.inf if at > len(held) else float(np.sort(held)[at - 1])


def credible_sets(prob: np.ndarray, level: float) -> np.ndarray:
    """The fewest classes whose mass under ``prob`` (M, K) reaches ``level``: bool (M, K).

    >>> credible_sets(np.array([[0.5, 0.3, 0.2]]), 0.7)
    array([[ True,  True, False]])
    """
    return _with_best(_before(prob)[1] < level, prob)


def _with_best(inside: np.ndarray, prob: np.ndarray) -> np.ndarray:
    inside[np.arange(len(prob)), prob.argmax(-1)] = True
    return inside


def guaranteed(coverage: float, n: int, folds: int = 1) -> float:
    """The coverage that is proved: L for one fold, else 1 - 2 a - min{2 (1 - 1/F) / (n/F + 1), (1 - F/n) / (F + 1)}, a = 1 - L.

    Romano et al. 2020, theorem 2.

    >>> guaranteed(0.9, 50), round(guaranteed(0.9, 100, folds=100), 3)
    (0.9, 0.8)
    """
    if folds == 1:
        return coverage
    loss = min(2 * (1 - 1 / folds) / (n / folds + 1), (1 - folds / n) / (folds + 1))
    return max(0.0, 2 * coverage - 1 - loss)


def expected_band(coverage: float, n: int, m: int) -> tuple[float, float]:
    """Where the coverage of split sets on ``m`` new examples lies with probability ``BAND``, ``n`` held out, without ties.

    It is beta-binomial(m, r, n + 1 - r) / m with r = ``rank(n, coverage)`` (Vovk 2012); ties only raise it.
    """
    r = rank(n, coverage)
    if r > n:
        return 1.0, 1.0
    low, high = stats.betabinom.ppf([(1 - BAND) / 2, (1 + BAND) / 2], m, r, n + 1 - r) / m
    return float(low), float(high)


def exact_interval(hits: int, n: int) -> tuple[float, float]:
    """The interval of a share at level ``BAND`` (Clopper and Pearson 1934).

    >>> exact_interval(0, 10)[0], round(exact_interval(0, 10)[1], 3)
    (0.0, 0.308)
    """
    tail = (1 - BAND) / 2
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    return low, 1.0 if hits == n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
