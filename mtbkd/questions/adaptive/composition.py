"""Composition of scales (Definition IV.1, Theorem IV.2), its limits, and the example of appendix A."""

from itertools import product
from typing import Any

import numpy as np

from mtbkd.pooling import entropies
from mtbkd.pooling.context import composed
from mtbkd.pooling.counterexamples import lattice, vector
from mtbkd.questions.adaptive.result import Result

FLOOR, LAYERS = 0.2, 3
SAFE, UNSAFE = np.array([0.6, 0.4]), np.array([0.2, 0.8])
TOY = np.array([[0.8, 0.15, 0.05], [0.4, 0.35, 0.25]])
PRINTED = (0.68, 1.52, 0.69, 0.68, 0.21, 0.11, 0.13)


def composed_floor(floor: float, teachers: int, layers: int = LAYERS) -> float:
    """The smallest composed weight of ``layers`` that each keep to ``floor``: one teacher lowest, another highest, in all."""
    top = 1 - (teachers - 1) * floor
    return floor**layers / ((teachers - 1) * floor**layers + top**layers)


def results(rng: np.random.Generator, count: int) -> list[Result]:
    """IV.2 on ``count`` random compositions of three layers above FLOOR, two teachers."""
    layers = FLOOR + (1 - 2 * FLOOR) * rng.dirichlet((0.5, 0.5), (LAYERS, count))
    weights = composed(*layers)
    off = float(np.abs(weights.sum(-1) - 1).max())
    extreme = np.array([FLOOR, 1 - FLOOR])
    least = float(min(weights.min(), composed(extreme, extreme, extreme).min()))
    law = composed_floor(FLOOR, 2)
    ordered = np.sort(layers)[..., ::-1]
    kept, lost = composed(*ordered), composed(SAFE, UNSAFE)
    uniform = float(np.abs(composed(*[np.full(4, 0.25)] * LAYERS) - 0.25).max())
    simplest = "; ".join(map(vector, order_lost()))
    where, smallest = f"three layers with floor {FLOOR:g}, two teachers", "smallest composed weight"
    return [
        Result("IV.2", "Composed weights are a distribution over teachers.", where, "largest distance of the sum from 1", off,
               0.0, off < 1e-12, "By renormalisation; so the pool is a convex combination."),
        Result("IV.2", "Composed weights are bounded.", where, smallest, least, law, bool(np.isclose(least, law)),
               "The bound is f^3 / ((K - 1) f^3 + (1 - (K - 1) f)^3)."),
        Result("IV.2, limit", "Composed weights keep the layers' bounds.", where, smallest, least, FLOOR,
               least >= FLOOR, "Composition lowers w_min, and with it every constant that depends on it.", claimed=False),
        Result("IX-A", "Composition preserves ordinal safety.", "(0.6, 0.4) by score, (0.2, 0.8) by task",
               "weight of the safer teacher", float(lost[0]), 0.5, bool(lost[0] >= 0.5),
               f"The task layer has no safety axiom. Simplest case, token, task, context: {simplest}."),
        Result("IX-A", "The same, where every layer keeps the order.", where, "least weight of the safer teacher",
               float(kept[:, 0].min()), 0.5, bool(kept[:, 0].min() >= 0.5),
               "A product of ordered factors is ordered.", claimed=False),
        Result("VI.6", "Equal weights at all scales are plain distillation.", "four teachers", "largest distance from 1 / K",
               uniform, 0.0, uniform < 1e-12, "Exact."),
    ]  # fmt: skip


def order_lost() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token, task and context weights of the coarsest fractions: both safety layers keep the order, the product does not."""
    for denominator in range(2, 11):
        points = [point for d in range(2, denominator + 1) for point in lattice(2, d, positive=True)]
        for token, task, context in product(points, repeat=3):
            if token[0] >= token[1] and context[0] >= context[1] and composed(token, task, context)[0] < 0.5 - 1e-9:
                return token, task, context
    raise AssertionError("thirds suffice")


def example() -> list[dict[str, Any]]:
    """Appendix A: quantity, printed, corrected, remark. Entropies in nats, weights in proportion to 1 / H."""
    entropy = entropies(TOY)
    weights = (1 / entropy) / (1 / entropy).sum()
    pooled = weights @ TOY
    gain = pooled[0] / TOY.mean(0)[0] - 1
    bits = entropy / np.log(2)
    names = ["entropy of teacher 1", "entropy of teacher 2", "weight of teacher 1", "q(a)", "q(b)", "q(c)", "gain over uniform"]
    remarks = [f"{bits[0]:.3f} bits", f"{bits[1]:.3f} bits", *[""] * 4, "of q(a)"]
    values = [*entropy, weights[0], *pooled, gain]
    return [{"quantity": name, "printed": printed, "corrected": float(value), "remark": remark}
            for name, printed, value, remark in zip(names, PRINTED, values, remarks, strict=True)]  # fmt: skip
