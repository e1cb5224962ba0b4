"""Pool the teachers first, then one Dirichlet: log Dir(q; 1 + lambda A(p_1..p_G, w)) with an aggregation operator A.

In ``tip`` the priors are pooled, here the probabilities: the student has one teacher, whoever the operator makes of them all
(method.md, sections 2 and 5; the operators of mtbkd/pooling/operators).
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.lazy import torch
from mtbkd.pooling.chosen import settings_of
from mtbkd.signals import Mixture, bkd, log_beta

USES = frozenset({"kappa", "lambda", "beta", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: str = Field("linear", description="an operator in mtbkd/pooling/operators")
    operator_settings: dict[str, Any] = Field({}, description="settings of the operator")

    @model_validator(mode="after")
    def _known(self) -> "Settings":
        settings_of(self.operator, self.operator_settings)
        return self


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """The pooled teacher (U, N, K) and -log B(1 + lambda p) (U, N), of ``prob`` (U, N, G, K) and ``weights`` (U, N, G)."""
    module, own = settings_of(settings.operator, settings.operator_settings)
    pooled = module.log_pool(prob.log(), weights, own).exp()
    return {"prob": pooled, "log_scale": -log_beta(1 + lam.view(-1, 1, 1) * pooled)}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The log Dirichlet density of each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    return bkd.term(log_q, constants, lam)


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    return bkd.term_symbolic(log_q, constants, lam)


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q: lambda p_k of the pooled teacher, (E, m, K)."""
    return bkd.slope(log_q, constants, lam)


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The pooled teacher."""
    return bkd.mixture(constants)
