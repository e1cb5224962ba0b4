"""The fifteen axioms of adaptive weights as predicates: III.1 to III.5, III.10 to III.14, III.18 to III.22.

A predicate is a margin (B,) of an operator on evidence: below minus the tolerance the axiom is broken. Statements are the
paper's; what it leaves open we fix and say in ``where``. Shapes: B candidates, G teachers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mtbkd.pooling.adaptive.evidence import Evidence, Scale
from mtbkd.pooling.adaptive.operators import LogWeights

LOWEST, HIGHEST = 1e-6, 1e3  # stand for the constants w_min > 0 and w_max < inf that must exist
NEAR, JUMP = 1e-12, 1e-3
AROUND = 1e-3  # how far neighbours lie that make an exception more than a null set
ROUNDING = 1e-12  # of an objective, relative
WORSE = (0.5, 1.0, 4.0)  # by how much a loss grows


@dataclass(frozen=True)
class Axiom:
    """One axiom.

    Attributes:
        number: the paper's.
        scale: token, task or context.
        title: the paper's name, shortened.
        statement: what must hold.
        where: the domain, and what we fixed.
        tolerance: a margin below minus this is a violation.
        broken: how a violation reads, of its size.
        margin: of log-weights and evidence, (B,).
    """

    number: str
    scale: Scale
    title: str
    statement: str
    where: str
    tolerance: float
    broken: str
    margin: Callable[[LogWeights, Evidence], np.ndarray]


def normalised(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """Minus the distance of the sum of weights from 1."""
    return -np.abs(np.exp(of(evidence)).sum(-1) - 1)


def positive(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """-1 where a weight is exactly 0, else the least weight."""
    least = of(evidence).min(-1)
    return np.where(np.isneginf(least), -1.0, np.exp(least))


def positive_almost_everywhere(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """The same, where the weight is 0 at random neighbours as well: on more than a null set."""
    rng = np.random.default_rng(0)
    around = [positive(of, evidence.near(AROUND, rng)) for _ in range(4)]
    return np.max([positive(of, evidence), *around], axis=0)


def normalised_almost_everywhere(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """Minus the distance of the sum from 1, where it is off at random neighbours as well."""
    rng = np.random.default_rng(0)
    return np.max([normalised(of, evidence), *(normalised(of, evidence.near(AROUND, rng)) for _ in range(4))], axis=0)


def bounded(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """Nats by which the weights stay inside [LOWEST, HIGHEST], at most 1 each way."""
    log_weights = of(evidence)
    inside = np.minimum(log_weights.min(-1) - np.log(LOWEST), np.log(HIGHEST) - log_weights.max(-1))
    return np.clip(inside, -1e6, 1)


def continuous(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """Minus the largest L1 move of the weights to six neighbours."""
    rng, here = np.random.default_rng(0), np.exp(of(evidence))
    moves = [np.abs(np.exp(of(evidence.near(NEAR, rng))) - here).sum(-1) for _ in range(6)]
    return -np.max(moves, axis=0)


def ordinal(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """Minus the largest lead in weight of a teacher over a safer one; 0 off the critical set."""
    weights, score = np.exp(of(evidence)), evidence.score
    safer = score[:, :, None] > score[:, None, :]
    lead = np.where(safer, weights[:, None, :] - weights[:, :, None], -np.inf).max((1, 2))
    return np.where(evidence.critical == 1, -np.maximum(lead, 0), 0.0)


def pareto(of: LogWeights, evidence: Evidence) -> np.ndarray:
    """The least growth of sum_k w_k(l) l_k when one loss grows; weights follow the losses that they weigh."""

    def objective(amount: np.ndarray) -> np.ndarray:
        return (np.exp(of(replace(evidence, amount=amount))) * amount).sum(-1)

    before, growth = objective(evidence.amount), []
    for teacher in range(evidence.teachers):
        for step in WORSE:
            worse = evidence.amount.copy()
            worse[:, teacher] = np.minimum(worse[:, teacher] + step, evidence.most)
            growth.append(objective(worse) - before + ROUNDING * np.abs(before))
    return np.min(growth, axis=0)


TOKEN = "all distributions of the simplex, all tokens"
TASK = "all losses of at least 0"
CONTEXT = "all distances of at least 0"
SET_BY_US = f"the constants are searched down to {LOWEST:g}"
AXIOMS = (
    Axiom("III.1", "token", "Normalisation", "Token weights sum to 1.", TOKEN, 1e-9,
          "misses the sum of 1 by {size}", normalised),
    Axiom("III.2", "token", "Positivity", "Every token weight is positive (almost everywhere by the counting measure: "
          "everywhere).", TOKEN, 0, "gives a teacher no weight at all", positive),
    Axiom("III.3", "token", "Bounded influence", "Token weights lie in [w_min, w_max] with 0 < w_min.",
          f"{TOKEN}; {SET_BY_US}", 0, "lets a weight fall below every positive bound", bounded),
    Axiom("III.4", "token", "Regularity", "Token weights are jointly continuous in (x, i, c).",
          f"{TOKEN}; tokens are discrete", JUMP, "jumps by {size} when x moves by 1e-12", continuous),
    Axiom("III.5", "token", "Ordinal safety", "On safety-critical tokens the teacher that ranks safer never weighs less.",
          f"{TOKEN}, all scores", 1e-9, "gives the less safe teacher {size} more weight", ordinal),
    Axiom("III.10", "task", "Normalisation", "Task weights sum to 1 for each task.", TASK, 1e-9,
          "misses the sum of 1 by {size}", normalised),
    Axiom("III.11", "task", "Positivity", "Every task weight is positive.", TASK, 0,
          "gives a teacher no weight at all", positive),
    Axiom("III.12", "task", "Boundedness", "Task weights lie in [w_min, w_max] with 0 < w_min.", f"{TASK}; {SET_BY_US}", 0,
          "lets a weight fall below every positive bound", bounded),
    Axiom("III.13", "task", "Continuity", "Task weights depend continuously on task-specific quantities.",
          f"{TASK}; on a discrete set of tasks every weight is continuous", JUMP,
          "jumps by {size} when a loss moves by 1e-12", continuous),
    Axiom("III.14", "task", "Pareto compatibility", "The weighted objective is compatible with Pareto-optimal trade-offs: it "
          "never falls when one loss grows.", f"{TASK}; weights follow the losses they weigh (if fixed, it is implied)",
          1e-9, "rewards a larger loss with an objective smaller by {size}", pareto),
    Axiom("III.18", "context", "Normalisation", "Context weights sum to 1 almost everywhere.", CONTEXT, 1e-9,
          "misses the sum of 1 by {size}", normalised_almost_everywhere),
    Axiom("III.19", "context", "Positivity", "Every context weight is positive almost everywhere.",
          f"{CONTEXT}; the measure has a density", 0, "gives a teacher no weight on a set of positive measure",
          positive_almost_everywhere),
    Axiom("III.20", "context", "Boundedness", "Context weights lie in [w_min, w_max] with 0 < w_min, in all contexts.",
          f"{CONTEXT}; {SET_BY_US}", 0, "lets a weight fall below every positive bound", bounded),
    Axiom("III.21", "context", "Continuity", "Context weights are measurable and continuous.",
          f"{CONTEXT}, membership of C_safe between 0 and 1", JUMP, "jumps by {size} when c moves by 1e-12", continuous),
    Axiom("III.22", "context", "Safety contexts first", "On safety-critical contexts the teacher that ranks safer never weighs "
          "less.", f"{CONTEXT}, all scores", 1e-9, "gives the less safe teacher {size} more weight", ordinal),
)  # fmt: skip
BY_NUMBER = {axiom.number: axiom for axiom in AXIOMS}
