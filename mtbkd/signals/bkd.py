"""Bayesian knowledge distillation from one teacher: log Dir(q; 1 + lambda p_g) (Fang et al., ICML 2024)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.signals import Mixture, log_beta

USES = frozenset({"kappa", "lambda", "beta", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    teacher: Annotated[int, Field(ge=0, le=10_000)] | Literal["best"] = Field(
        "best", description="position of the teacher in the experiment's list, from 0, or 'best': by validation accuracy"
    )


def takes_best(settings: Settings) -> bool:
    """Whether the teacher is the best by labels; other signals take them all."""
    return settings.teacher == "best"


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor | None", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """The teacher (U, N, K) and -log B(1 + lambda p) (U, N); ``best`` (U,) is the position of the best teacher."""
    if settings.teacher == "best" and best is None:
        raise ContractError("signal bkd", "teacher", "best, but not every teacher covers the validation split",
                            "logits on it, or the teacher's position", "set signal_settings: {teacher: 0}")  # fmt: skip
    units = torch.arange(prob.shape[0], device=prob.device)
    chosen = prob[units, :, best if settings.teacher == "best" else settings.teacher]
    return {"prob": chosen, "log_scale": -log_beta(1 + lam.view(-1, 1, 1) * chosen)}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The log Dirichlet density of each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    return constants["log_scale"] + lam.unsqueeze(-1) * (constants["prob"] * log_q).sum(-1)


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    return constants["log_scale"] + lam * (constants["prob"] * log_q).sum(0)


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q: lambda p_k, (E, m, K)."""
    return lam.view(-1, 1, 1) * constants["prob"]


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The one teacher."""
    return Mixture(constants["prob"].unsqueeze(-2))
