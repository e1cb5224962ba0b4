"""Teacher-informed prior of MT-BKD: log sum_g w_g Dir(q; 1 + lambda p_g), the linear pool of the teachers' priors.

log Dir(q; 1 + lambda p) = -log B(1 + lambda p) + lambda sum_k p_k log q_k (MT-BKD, equation of the prior; method.md 1).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch
from mtbkd.signals import Mixture, log_beta

USES = frozenset({"kappa", "lambda", "beta", "no_teacher", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """Teachers (U, N, G, K) and log w - log B(1 + lambda p) (U, N, G), of ``lam`` (U,)."""
    return {"prob": prob, "log_scale": torch.log(weights) - log_beta(1 + lam.view(-1, 1, 1, 1) * prob)}


def log_components(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """log w_g Dir(q; 1 + lambda p_g) for each example and teacher: (E, m, G)."""
    return _scores(log_q, constants, lam).movedim(0, -1)


def _scores(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """``log_components`` with the teachers first, (G, E, m), as sums over the few teachers need it to be fast."""
    cross = (constants["prob"].permute(2, 3, 0, 1) * log_q.movedim(-1, 0)).sum(1)
    return torch.addcmul(constants["log_scale"].movedim(-1, 0), cross, lam.unsqueeze(-1))


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The log mixture density of each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    return torch.logsumexp(_scores(log_q, constants, lam), 0)


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    from pytensor.tensor.special import logsumexp

    return logsumexp(constants["log_scale"] + lam * (constants["prob"] * log_q).sum(1), axis=0)


def responsibilities(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The share of each teacher in each example's prior, (E, m, G): the weights that the student itself chooses.

    The gradient of the term is lambda sum_g r_g sum_k p_gk d log q_k: MT-BKD is distillation with these weights.
    """
    return torch.softmax(_scores(log_q, constants, lam), 0).movedim(0, -1)


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q: lambda sum_g r_g p_gk, (E, m, K): distillation with the responsibilities as weights."""
    share = torch.softmax(_scores(log_q, constants, lam), 0).mul_(lam.unsqueeze(-1))
    return (share.unsqueeze(1) * constants["prob"].permute(2, 3, 0, 1)).sum(0).movedim(0, -1)


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The teachers with their responsibilities."""
    return Mixture(constants["prob"], constants["log_scale"])
