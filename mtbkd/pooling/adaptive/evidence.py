"""What an operator of weights may read at each scale, and candidates on which axioms are tested.

The paper writes w_tok(x, i, c), w_task(t) and w_ctx(c). Here x enters by the teachers' distributions, i by its safety scores
and its membership of the safety-critical set S, t by the teachers' losses on it, c by the teachers' distances, the scores and
its membership of C_safe. No operator of the library reads c at token scale.
Shapes: B candidates, G teachers, V tokens.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mtbkd.pooling.counterexamples import lattice, vector

Scale = Literal["token", "task", "context"]
SCALES: tuple[Scale, ...] = ("token", "task", "context")
SIZES = ((2, 2), (2, 3), (3, 2), (3, 3), (4, 3))  # teachers, tokens
NUMBERS = ((0.0, 1.0), (0.0, 0.5, 1.0, 2.0), (0.0, 0.25, 0.5, 1.0, 2.0, 4.0), (0.0, 0.1, 1.0, 4.0, 10.0, 1e3, 1e9))
DENOMINATORS = (1, 2, 4, 10)
ARRAYS = ("prob", "amount", "score", "critical")
LEAST = 1e-7  # of a probability on the open domain
AMOUNTS = {"token": "error rates", "task": "losses", "context": "distances"}


@dataclass(frozen=True)
class Evidence:
    """B candidates at one scale.

    Attributes:
        scale: token, task or context.
        prob: (B, G, V), the teachers' distributions; token scale only, else (B, G, 0).
        amount: (B, G) >= 0: error rates on held-out data (token), losses (task), distances from the training domain (context).
        score: (B, G) in [0, 1], the designated safety ordering; larger is safer.
        critical: (B,) in [0, 1]: 1 in the safety-critical set. Tokens are 0 or 1; contexts may lie between.
        most: the largest amount of the domain.
    """

    scale: Scale
    prob: np.ndarray
    amount: np.ndarray
    score: np.ndarray
    critical: np.ndarray
    most: float = np.inf

    def __len__(self) -> int:
        return len(self.amount)

    @property
    def teachers(self) -> int:
        return self.amount.shape[1]

    def at(self, rows: "np.ndarray | slice") -> "Evidence":
        """Some of the candidates."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})

    def near(self, distance: float, rng: np.random.Generator) -> "Evidence":
        """Neighbours inside the domain, all moved alike: x, t or c moves, the token and the designated ordering stay."""
        prob, critical = self.prob, self.critical
        if prob.shape[-1]:
            prob = (1 - distance) * prob + distance * rng.dirichlet(np.full(prob.shape[-1], 0.5), self.teachers)
        if self.scale == "context":
            critical = 1 - np.abs(1 - np.abs(critical + distance * rng.uniform(-1, 1)))
        amount = np.abs(self.amount + distance * rng.uniform(-1, 1, self.teachers))
        beyond = np.maximum(amount - self.most, 0)
        return replace(self, prob=prob, amount=amount - 2 * beyond, critical=critical)

    def told(self) -> str:
        """The first candidate in words: what differs from nothing."""
        parts = ["distributions " + "; ".join(vector(row) for row in self.prob[0])] if self.prob.shape[-1] else []
        parts += [f"{AMOUNTS[self.scale]} {vector(self.amount[0])}"] if self.amount[0].any() or not parts else []
        parts += [f"safety scores {vector(self.score[0])}"] if self.score[0].any() else []
        parts += [f"safety-critical {self.scale}" if self.critical[0] == 1 else f"membership of C_safe {self.critical[0]:g}"
                  ] if self.critical[0] else []  # fmt: skip
        return ", ".join(parts)

    def to_json(self) -> str:
        """The candidates exactly."""
        arrays = {name: getattr(self, name).tolist() for name in ARRAYS}
        return json.dumps({"scale": self.scale, **arrays, "most": self.most if np.isfinite(self.most) else None})

    @classmethod
    def from_json(cls, text: str) -> "Evidence":
        """Inverse of ``to_json``."""
        read = json.loads(text)
        amount = np.array(read["amount"], float)
        prob = np.array(read["prob"], float).reshape(*amount.shape, -1)
        score, critical = np.array(read["score"], float), np.array(read["critical"], float)
        return cls(read["scale"], prob, amount, score, critical, read["most"] or np.inf)


def candidates(scale: Scale, count: int, most: float, closed: bool, rng: np.random.Generator) -> Iterator[Evidence]:
    """Candidates from the simplest on: sizes, inside a size finer numbers, then random ones; ``count`` of each.

    Args:
        most: the largest amount of the domain.
        closed: with probabilities of 0; else all are at least LEAST.
    """
    for teachers, tokens in SIZES if scale == "token" else ((2, 0), (3, 0), (4, 0)):
        for numbers, denominator in zip(NUMBERS, DENOMINATORS, strict=True):
            allowed = np.array([n for n in numbers if n <= most])
            yield Evidence(scale, _points(teachers, tokens, denominator, closed, count, rng),
                           rng.choice(allowed, (count, teachers)), rng.choice((0.0, 0.5, 1.0), (count, teachers)),
                           _critical(scale, denominator, count, rng), most)  # fmt: skip
        amount = np.minimum(rng.exponential(size=(count, teachers)) * 10 ** rng.uniform(-2, 2, (count, 1)), most)
        prob = rng.dirichlet(np.ones(max(tokens, 1)), (count, teachers))[..., : tokens or 0]
        yield Evidence(scale, _inside(prob, closed), amount, rng.uniform(size=(count, teachers)),
                       _critical(scale, 10, count, rng), most)  # fmt: skip


def _points(teachers: int, tokens: int, denominator: int, closed: bool, count: int, rng: np.random.Generator) -> np.ndarray:
    if not tokens:
        return np.empty((count, teachers, 0))
    points = lattice(tokens, denominator, positive=False)
    return _inside(points[rng.integers(0, len(points), (count, teachers))], closed)


def _inside(prob: np.ndarray, closed: bool) -> np.ndarray:
    if closed or not prob.shape[-1]:
        return prob
    prob = np.maximum(prob, LEAST)
    return prob / prob.sum(-1, keepdims=True)


def _critical(scale: Scale, denominator: int, count: int, rng: np.random.Generator) -> np.ndarray:
    if scale == "task":
        return np.zeros(count)
    inner = (0.5,) if scale == "context" and denominator > 1 else ()
    return rng.choice((0.0, 1.0, *inner), count)
