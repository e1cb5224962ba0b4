"""Does an operator satisfy an axiom? Searches for the smallest counterexample and reports the number of candidates tried.

Sizes go from few teachers and classes to more, inside a size from simple fractions to finer ones and then to random points;
the first size and fraction with a violation end the search, and of those found there the one broken farthest is told,
equal weights before others.
Shapes: B candidates, G teachers, K classes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.pooling.axioms import Axiom

if TYPE_CHECKING:
    from collections.abc import Callable


SIZES = ((2, 2), (2, 3), (3, 2), (3, 3), (2, 4), (3, 4), (4, 3), (4, 4), (5, 5))  # teachers, classes
DENOMINATORS = (1, 2, 3, 4, 5, 6, 10)
CONCENTRATIONS = (0.1, 1.0, 10.0)
LEAST = 1e-6  # of a random probability where all must be positive


@dataclass(frozen=True)
class Example:
    """A candidate that breaks an axiom: ``prob`` (G, K), ``weights`` (G,), what the operator makes of it, ``pooled`` (K,)."""

    prob: np.ndarray
    weights: np.ndarray
    pooled: np.ndarray

    def told(self) -> str:
        """The example in fractions, as far as they are simple."""
        teachers = "; ".join(vector(row) for row in self.prob)
        return f"teachers {teachers}; weights {vector(self.weights)}; pooled {vector(self.pooled)}"


@dataclass(frozen=True)
class Finding:
    """What a search found.

    Attributes:
        holds: no candidate broke the axiom.
        tried: how many candidates.
        margin: the smallest; at the example where there is one.
        sizes: (teachers, classes) that were tried.
        example: the smallest counterexample.
    """

    holds: bool
    tried: int
    margin: float
    sizes: tuple[tuple[int, int], ...]
    example: Example | None


def search(
    axiom: Axiom, module: Any, settings: Any, budget: int, seed: int, sizes: Sequence[tuple[int, int]] = SIZES
) -> Finding:
    """Try about ``budget`` candidates of the axiom's domain on an operator with its settings, fewer on an iterative one.

    ``sizes`` are (teachers, classes), in the order in which they are tried.
    """
    tolerance = max(axiom.tolerance, getattr(module, "TOLERANCE", 0.0))
    budget = budget // 10 if getattr(module, "ITERATIVE", False) else budget
    share = max(10, budget // (len(sizes) * (len(DENOMINATORS) + 1)))
    tried, worst = 0, math.inf

    def pool(log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
        return module.log_pool(log_prob, weights, settings)

    for at, (teachers, classes) in enumerate(sizes):
        rng = np.random.default_rng(derive(seed, "axioms", axiom=axiom.name, teachers=teachers, classes=classes))
        for prob, weights in _levels(axiom, teachers, classes, share, rng):
            tried += len(prob)
            margins = margins_of(axiom, pool, prob, weights)
            worst = min(worst, float(margins.min()))
            if worst < -tolerance:
                where = _plainest(margins, weights, tolerance)
                pooled = torch.exp(pool(_log(prob[where : where + 1]), torch.as_tensor(weights[where : where + 1])))[0]
                example = Example(prob[where], weights[where], pooled.numpy())
                return Finding(False, tried, float(margins[where]), tuple(sizes[: at + 1]), example)
    return Finding(True, tried, worst, tuple(sizes), None)


def margins_of(axiom: Axiom, pool: "Callable[..., torch.Tensor]", prob: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The axiom's margins (B,) at ``prob`` (B, G, K) and ``weights`` (B, G); -inf where the operator gives no number."""
    with torch.no_grad():
        found = axiom.margin(pool, _log(prob), torch.as_tensor(weights, dtype=torch.float64))
    return torch.nan_to_num(found, nan=-math.inf, neginf=-math.inf).numpy()


def _plainest(margins: np.ndarray, weights: np.ndarray, tolerance: float) -> int:
    """Of the violations, the farthest one with equal weights, or the farthest."""
    equal = np.ptp(weights, axis=1) < 1e-12
    some = (margins < -tolerance) & equal
    return int(np.where(some, margins, np.inf).argmin() if some.any() else margins.argmin())


def _log(prob: np.ndarray) -> "torch.Tensor":
    return torch.as_tensor(prob, dtype=torch.float64).log()


def _levels(
    axiom: Axiom, teachers: int, classes: int, count: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidates (prob, weights) of one size, from the simplest on: one denominator after the other, then random ones."""
    if teachers == classes and not axiom.positive:
        yield np.eye(teachers)[None], np.full((1, teachers), 1 / teachers)
    for denominator in DENOMINATORS:
        points = lattice(classes, denominator, positive=axiom.positive)
        if len(points):
            yield _combined(points, _weights_on(axiom, teachers, denominator), teachers, count, rng)
    concentration = rng.choice(CONCENTRATIONS, (count, 1, 1))
    prob = _normalised(rng.standard_gamma(np.broadcast_to(concentration, (count, teachers, classes))) + 1e-300)
    prob = _normalised(np.maximum(prob, LEAST)) if axiom.positive else prob
    weights = rng.dirichlet(np.ones(teachers), count)
    if axiom.weights == "any":
        silent = (rng.random(weights.shape) < 0.2) & (weights < weights.max(1, keepdims=True))
        weights = _normalised(np.where(silent, 0, weights))
    yield prob, np.full_like(weights, 1 / teachers) if axiom.weights == "equal" else weights


def _normalised(values: np.ndarray) -> np.ndarray:
    return values / values.sum(-1, keepdims=True)


def lattice(parts: int, denominator: int, positive: bool) -> np.ndarray:
    """All points (n, parts) of the simplex whose coordinates are whole multiples of 1 / ``denominator``."""
    total = denominator - parts if positive else denominator
    if total < 0:
        return np.empty((0, parts))
    bars = np.array(list(combinations(range(total + parts - 1), parts - 1)), int).reshape(-1, parts - 1)
    ends = np.pad(bars, ((0, 0), (1, 1)), constant_values=((0, 0), (-1, total + parts - 1)))
    return (np.diff(ends, axis=1) - 1 + positive) / denominator


def _weights_on(axiom: Axiom, teachers: int, denominator: int) -> np.ndarray:
    """Equal weights, and where the axiom is about others, those of a small denominator."""
    equal = np.full((1, teachers), 1 / teachers)
    if axiom.weights == "equal" or denominator == 1:
        return equal
    finer = max(denominator, teachers) if teachers > 3 else max(denominator, teachers + 1)
    return np.concatenate([equal, lattice(teachers, min(finer, 6), positive=axiom.weights == "interior")])


def _combined(
    points: np.ndarray, weights: np.ndarray, teachers: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Every choice of a point a teacher with every weighting, or ``count`` of them at random where there are more."""
    total = len(points) ** teachers * len(weights)
    if total <= count:
        chosen = np.array(list(product(*[range(len(points))] * teachers, range(len(weights)))))
    else:
        ends = [len(points)] * teachers + [len(weights)]
        chosen = rng.integers(0, ends, (count, teachers + 1))
    return points[chosen[:, :-1]], weights[chosen[:, -1]]


def vector(values: np.ndarray) -> str:
    """(1/2, 1/2, 0), or decimals where the fractions are not simple."""
    return "(" + ", ".join(fraction(float(value)) for value in values) + ")"


def fraction(value: float) -> str:
    """A number as a simple fraction where it is one, else with three digits."""
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    simple = Fraction(value).limit_denominator(20)
    return str(simple) if abs(float(simple) - value) < 1e-9 else f"{value:.3g}"
