"""Five axioms of an aggregation operator, each in a weak and a strong form, as executable predicates.

Convexity, positivity, continuity, weight monotonicity and temperature coherence are named in arXiv 2601.09165 (Flouro &
Chadwick 2026), whose formal statements were not available to us: these formal statements are ours.

A predicate is a margin: how far an operator stays inside the axiom on each candidate, negative where it breaks it.
Shapes: B candidates, G teachers, K classes; all in float64.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from mtbkd.base.lazy import torch

OURS = "These formal statements are ours: the paper's were not available."
# Log-probabilities (B, G, K) and weights (B, G) to log-probabilities (B, K).
Pool = "Callable[[torch.Tensor, torch.Tensor], torch.Tensor]"
NEAR = 1e-9  # how far a neighbour lies, in every probability and weight that is not 0
VANISHING = 1e-90  # what a weight of 0 becomes there
FAR_DOWN = (1e3, 1e50, 1e100)  # minus the logarithms of what a probability of 0 becomes
STEPS = (1e-4, 0.1)  # of a weight towards one teacher; the first stands for the derivative
TEMPERATURES = (0.2, 0.5, 2.0, 5.0)
HOT, NEARLY_UNIFORM = 1e6, 1e-3


@dataclass(frozen=True)
class Axiom:
    """One form of one axiom.

    Attributes:
        key: A1 to A5.
        title: its name.
        form: weak or strong; strong implies weak.
        statement: what must hold.
        domain: in words, where.
        positive: only probabilities > 0.
        weights: which: equal, interior (all > 0) or any of the simplex.
        tolerance: a margin below minus this is a violation.
        broken: how a violation reads, of its size.
        margin: (pool, log_prob, weights) to margins (B,).
    """

    key: str
    title: str
    form: Literal["weak", "strong"]
    statement: str
    domain: str
    positive: bool
    weights: Literal["equal", "interior", "any"]
    tolerance: float
    broken: str
    margin: "Callable[[Callable[[torch.Tensor, torch.Tensor], torch.Tensor], torch.Tensor, torch.Tensor], torch.Tensor]"

    @property
    def name(self) -> str:
        return f"{self.key} {self.form}"


def within_range(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Distance of each class's pooled probability from the teachers' range, the worst class."""
    prob, q = log_prob.exp(), pool(log_prob, weights).exp()
    return torch.minimum((q - prob.amin(-2)).amin(-1), (prob.amax(-2) - q).amin(-1))


def within_hull(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Minus the Euclidean distance of the pooled distribution from the teachers' convex hull, and from the simplex."""
    prob, q = log_prob.exp(), pool(log_prob, weights).exp()
    return -torch.maximum(hull_distance(prob, q), (q.sum(-1) - 1).abs())


def hull_distance(prob: "torch.Tensor", q: "torch.Tensor") -> "torch.Tensor":
    """Euclidean distance (B,) of ``q`` (B, K) from the convex hull of ``prob`` (B, G, K).

    The nearest point lies inside the face of some subset of teachers, where it is the least-squares solution: all are tried.
    """
    teachers, best = prob.shape[-2], torch.full_like(q[..., 0], torch.inf)
    for size in range(1, teachers + 1):
        system = torch.zeros(*q.shape[:-1], size + 1, size + 1, dtype=q.dtype)
        system[..., :size, size] = system[..., size, :size] = 1
        for subset in combinations(range(teachers), size):
            points = prob[..., list(subset), :]
            system[..., :size, :size] = points @ points.mT + 1e-14 * torch.eye(size, dtype=q.dtype)
            target = torch.cat([points @ q.unsqueeze(-1), torch.ones_like(q[..., :1, None])], -2)
            share = torch.linalg.solve(system, target)[..., :size, 0]
            distance = ((share.unsqueeze(-2) @ points).squeeze(-2) - q).norm(dim=-1)
            best = torch.where((share >= -1e-9).all(-1), torch.minimum(best, distance), best)
    return best


def keeps_common_support(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """The smallest pooled probability; where one is 0, minus the least that a teacher gives that class."""
    log_q = pool(log_prob, weights)
    lost = log_prob.exp().amin(-2).masked_fill(~torch.isneginf(log_q), 0)
    return torch.where(lost.amax(-1) > 0, -lost.amax(-1), log_q.exp().amin(-1))


def keeps_any_support(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """The smallest pooled probability of a class that some teacher of positive weight allows; minus what he gives it if 0."""
    log_q, heard = pool(log_prob, weights), weights.unsqueeze(-1) > 0
    allowed = log_prob.exp().masked_fill(~heard, 0).amax(-2)
    lost = allowed.masked_fill(~torch.isneginf(log_q), 0)
    kept = log_q.exp().masked_fill(allowed == 0, 1).amin(-1)
    return torch.where(lost.amax(-1) > 0, -lost.amax(-1), kept)


def steady_in_prob(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Minus the largest move of the pool to four neighbours in p."""
    return _steady(pool, log_prob, weights, also_weights=False)


def steady_in_both(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Minus the largest move of the pool to neighbours in p and w; a probability of 0 becomes an ever smaller positive one."""
    return _steady(pool, log_prob, weights, also_weights=True)


def _steady(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor", also_weights: bool) -> "torch.Tensor":
    generator, q = torch.Generator().manual_seed(0), pool(log_prob, weights).exp()
    worst = torch.zeros_like(q[..., 0])
    depths = torch.tensor(FAR_DOWN, dtype=q.dtype)
    for _ in range(4):
        noise = torch.randn(log_prob.shape, generator=generator, dtype=q.dtype)
        depth = -depths[torch.randint(len(FAR_DOWN), log_prob.shape, generator=generator)]
        moved = torch.where(torch.isneginf(log_prob), depth, log_prob + NEAR * noise).log_softmax(-1)
        near = weights
        if also_weights:
            drawn = torch.randn(weights.shape, generator=generator, dtype=q.dtype)
            near = torch.where(weights > 0, (weights + NEAR * drawn).clamp(min=0), VANISHING)
            near = near / near.sum(-1, keepdim=True)
        worst = torch.maximum(worst, (pool(moved, near).exp() - q).abs().sum(-1))
    return -worst


def follows_slightly(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Nats by which a slightly larger weight brings the pool nearer to its teacher, the worst teacher."""
    return _follows(pool, log_prob, weights, STEPS[:1])


def follows(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Nats by which a larger weight brings the pool nearer to its teacher, the worst teacher and step."""
    return _follows(pool, log_prob, weights, STEPS)


def _follows(
    pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor", steps: tuple[float, ...]
) -> "torch.Tensor":  # fmt: skip
    log_q, worst = pool(log_prob, weights), torch.full_like(weights[..., 0], torch.inf)
    for teacher in range(log_prob.shape[-2]):
        own, toward = log_prob[..., teacher, :], torch.zeros_like(weights)
        toward[..., teacher] = 1
        for step in steps:
            nearer = pool(log_prob, torch.lerp(weights, toward, step))
            worst = torch.minimum(worst, (own.exp() * (nearer - log_q)).sum(-1))
    return worst


def cools_and_keeps_order(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """How far two classes that all teachers rank alike are reversed at some T, or the pool is from uniform at a huge T."""
    hot = pool(tempered(log_prob, HOT), weights).exp()
    worst = -((hot - 1 / hot.shape[-1]).abs().sum(-1) - NEARLY_UNIFORM).clamp(min=0)
    above = (log_prob.unsqueeze(-1) > log_prob.unsqueeze(-2)).all(-3)
    for temperature in (1.0, *TEMPERATURES):
        q = pool(tempered(log_prob, temperature), weights).exp()
        lead = (q.unsqueeze(-1) - q.unsqueeze(-2)).masked_fill(~above, 0)
        worst = torch.minimum(worst, lead.flatten(-2).amin(-1))
    return worst


def commutes(pool: "Callable", log_prob: "torch.Tensor", weights: "torch.Tensor") -> "torch.Tensor":
    """Minus the largest L1 distance between tempering before and after pooling."""
    log_q, worst = pool(log_prob, weights), torch.zeros_like(weights[..., 0])
    for temperature in TEMPERATURES:
        before, after = pool(tempered(log_prob, temperature), weights), tempered(log_q, temperature)
        worst = torch.maximum(worst, (before.exp() - after.exp()).abs().sum(-1))
    return -worst


def tempered(log_prob: "torch.Tensor", temperature: float) -> "torch.Tensor":
    """log of p^(1/T), normalised over the last axis."""
    return torch.log_softmax(log_prob / temperature, -1)


CLOSED, OPEN = "all p and w of the simplex", "p > 0, all w of the simplex"
AXIOMS = (
    Axiom("A1", "Convexity", "weak", "Each pooled probability lies between the teachers' smallest and largest.",
          CLOSED, False, "any", 1e-9, "lies {size} outside the teachers' range", within_range),
    Axiom("A1", "Convexity", "strong", "The pooled distribution is a mixture of the teachers'.",
          CLOSED, False, "any", 1e-6, "lies {size} outside the teachers' convex hull", within_hull),
    Axiom("A2", "Positivity", "weak", "A class that all teachers give positive probability keeps one.",
          OPEN, True, "any", 0.0, "loses a class that every teacher gives {size}", keeps_common_support),
    Axiom("A2", "Positivity", "strong", "A class that one teacher of positive weight allows keeps positive probability.",
          CLOSED, False, "any", 0.0, "loses a class that a teacher gives {size}", keeps_any_support),
    Axiom("A3", "Continuity", "weak", "A small change of p moves the pool little, at fixed weights.",
          "p > 0, w > 0", True, "interior", 1e-3, "jumps by {size} when p moves by a billionth", steady_in_prob),
    Axiom("A3", "Continuity", "strong", "A small change of p and w together moves the pool little, up to the boundary.",
          CLOSED, False, "any", 1e-3, "jumps by {size} when p and w move by a billionth", steady_in_both),
    Axiom("A4", "Weight monotonicity", "weak", "A slightly larger weight of a teacher never takes the pool farther from him "
          "(KL divergence), at equal weights.", "p > 0, equal w", True, "equal", 1e-10,
          "moves {size} nats away from a teacher who gains weight", follows_slightly),
    Axiom("A4", "Weight monotonicity", "strong", "A larger weight of a teacher never takes the pool farther from him, "
          "at any weights.", OPEN, True, "any", 1e-10, "moves {size} nats away from a teacher who gains weight", follows),
    Axiom("A5", "Temperature coherence", "weak", "With all teachers tempered alike, the pool tends to uniform as T grows, and "
          "two classes that all teachers rank the same way keep this order at every T.", OPEN, True, "any", 1e-9,
          "reverses an order, or stays from uniform, by {size}", cools_and_keeps_order),
    Axiom("A5", "Temperature coherence", "strong", "Tempering before and after pooling is the same, at every T.",
          OPEN, True, "any", 1e-8, "differs by {size} when tempered before or after", commutes),
)  # fmt: skip
