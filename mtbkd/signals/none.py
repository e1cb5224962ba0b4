"""No teachers: the label-only student, the baseline that MT-BKD's paper omits."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch

USES: frozenset[str] = frozenset()
NEEDS_WEIGHTS = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor | None", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """Nothing to prepare."""
    return {}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """Zero for every example: (E, m)."""
    return log_q.new_zeros(log_q.shape[:-1])


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N)."""
    import pytensor.tensor as pt

    return pt.zeros_like(log_q[0])


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """Zero: (E, m, K)."""
    return torch.zeros_like(log_q)
