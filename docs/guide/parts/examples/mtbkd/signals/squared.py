"""Squared distance to the teachers: -lambda sum_g w_g sum_k (q_k - p_gk)^2, as in the Brier score (Brier 1950).

Up to a constant it is -lambda sum_k (q_k - pbar_k)^2 with pbar = sum_g w_g p_g. Unlike ``kd`` it is bounded: no teacher,
however certain, costs more than 2 lambda.
"""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import torch

USES = frozenset({"kappa", "lambda", "beta", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """The weighted mean of the teachers (U, N, K)."""
    return {"mean_prob": (weights.unsqueeze(-1) * prob).sum(-2)}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The term of each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    return -lam.unsqueeze(-1) * (log_q.exp() - constants["mean_prob"]).square().sum(-1)


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    import pytensor.tensor as pt

    return -lam * ((pt.exp(log_q) - constants["mean_prob"]) ** 2).sum(0)


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q: -2 lambda q_k (q_k - pbar_k), (E, m, K)."""
    q = log_q.exp()
    return -2 * lam.view(-1, 1, 1) * q * (q - constants["mean_prob"])
