"""Classical multi-teacher distillation: lambda sum_g w_g sum_k p_gk log q_k.

Its MAP is that of the logarithmic opinion pool of the single-teacher posteriors (MT-BKD, Theorem 4.2).
"""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mtbkd.signals import Mixture

if TYPE_CHECKING:
    import torch

USES = frozenset({"kappa", "lambda", "beta", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """The weighted mean of the teachers (U, N, K): all that the loss depends on."""
    return {"mean_prob": (weights.unsqueeze(-1) * prob).sum(-2)}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """lambda sum_k pbar_k log q_k for each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    return lam.unsqueeze(-1) * (constants["mean_prob"] * log_q).sum(-1)


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    return lam * (constants["mean_prob"] * log_q).sum(0)


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q: lambda pbar_k, (E, m, K)."""
    return lam.view(-1, 1, 1) * constants["mean_prob"]


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The teachers' weighted mean as the only one."""
    return Mixture(constants["mean_prob"].unsqueeze(-2))
