"""Weights of the teachers at every residue, at three scales, and their product.

Weights at token, task and context scale and their product, renormalised over the teachers alone, are those of the framework
of adaptive weighting (arXiv 2601.17910, definition IV.1; it fixes no formulas, these are ours):

    token      w_g decreases with the entropy H(p_g) of the teacher's own prediction (as the weights ``entropy``)
    task       w_g prop. to exp(n_task * mean validation log score of g on the kingdom of the sequence)
    context    w_g prop. to exp(-n_context * KL(composition of the prefix || g's training composition))
    product    token x task x context
    evidence   w_g prop. to the probability that g gave to the prefix (Bayesian model averaging)
    oracle     1 for the teacher of the true kingdom

Shapes: n positions, G teachers, A = 20 residues, D kingdoms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.pooling.entropy import weights as entropy_weights
from mtbkd.pooling.operators import linear, logarithmic
from mtbkd.questions.residues.positions import Positions

PRIOR_RESIDUES = 20.0  # pseudo-residues, of the teachers' mean composition, in a prefix's composition


@dataclass(frozen=True)
class Knowledge:
    """What a weighting may read of a set of positions.

    Attributes:
        where: the positions.
        prob: (n, G, A), what the teachers say there.
        task_score: (D, G), mean log score in nats a residue of each teacher on validation sequences of each kingdom.
        compositions: (G, A), of what each teacher learnt from.
        task_residues, context_residues: how many residues score and distance count for.
    """

    where: Positions
    prob: np.ndarray
    task_score: np.ndarray
    compositions: np.ndarray
    task_residues: float
    context_residues: float


def softmax(log_weight: np.ndarray) -> np.ndarray:
    """Weights (n, G) of log-weights up to a constant."""
    raised = np.exp(log_weight - log_weight.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def equal(known: Knowledge) -> np.ndarray:
    """1/G."""
    return np.full(known.prob.shape[:2], 1 / known.prob.shape[1])


def token(known: Knowledge) -> np.ndarray:
    """The sure teacher weighs more, residue by residue."""
    return entropy_weights(known.prob[None])[0]


def task(known: Knowledge) -> np.ndarray:
    """The teacher that predicts the sequence's kingdom well weighs more; the kingdom is known, as a task is."""
    return softmax(known.task_residues * known.task_score)[known.where.kingdom]


def context(known: Knowledge) -> np.ndarray:
    """The teacher weighs more whose training composition is near that of the residues so far."""
    prior = PRIOR_RESIDUES * known.compositions.mean(0)
    share = known.where.counts + prior
    share = share / share.sum(-1, keepdims=True)
    log_share, log_own = np.log(share), np.log(known.compositions)
    distance = (share * log_share).sum(-1)[:, None] - share @ log_own.T
    return softmax(-known.context_residues * distance)


def product(known: Knowledge) -> np.ndarray:
    """token x task x context, renormalised over the teachers."""
    raw = token(known) * task(known) * context(known)
    return raw / raw.sum(-1, keepdims=True)


def evidence(known: Knowledge) -> np.ndarray:
    """The teacher weighs more that predicted the residues so far better.

    With the linear pool this costs a sequence at most log2 G bits more than its best teacher.
    """
    score = np.log(own_probability(known.prob, known.where.y))
    total = score.cumsum(0)
    first = np.searchsorted(known.where.sequence, known.where.sequence)  # of each position's sequence
    return softmax(total - score - (total - score)[first])


def oracle(known: Knowledge) -> np.ndarray:
    """All weight to the teacher of the true kingdom."""
    return np.eye(known.prob.shape[1])[known.where.kingdom]


WEIGHTINGS: dict[str, Callable[[Knowledge], np.ndarray]] = {
    "equal": equal, "token": token, "task": task, "context": context,
    "product": product, "evidence": evidence, "oracle": oracle,
}  # fmt: skip


def own_probability(prob: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Probability of what came, (n,) or (n, G), of ``prob`` (n, A) or (n, G, A) and ``y`` (n,)."""
    at = y.reshape(-1, *(1,) * (prob.ndim - 1))
    return np.take_along_axis(prob, at, -1)[..., 0]


def pool_by(operator: ModuleType, prob: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pooled probabilities (n, A), of positive ``prob`` (n, G, A) and ``weights`` (n, G), by a module of pooling/operators."""
    log_prob, weight = torch.as_tensor(prob).log(), torch.as_tensor(weights)
    return operator.log_pool(log_prob, weight, operator.Settings()).exp().numpy()


POOLS: dict[str, ModuleType] = {"linear": linear, "log": logarithmic}
