"""The family between linear and logarithmic pool: (1/r) log sum_g w_g Dir(q; 1 + lambda p_g)^r.

r = 1 is MT-BKD's prior (``tip``); r -> 0 is sum_g w_g log Dir(q; 1 + lambda p_g), which is ``kd`` up to a constant.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.signals import Mixture, kd, log_beta, tip

USES = frozenset({"kappa", "lambda", "beta", "no_teacher", "teacher_temperature", "student_temperature"})
NEEDS_WEIGHTS = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    r: float = Field(0.5, ge=0, le=1, description="exponent: 0 is the logarithmic pool (kd), 1 the linear pool (tip)")


def prepare(
    prob: "torch.Tensor", weights: "torch.Tensor", lam: "torch.Tensor", settings: Settings, best: "torch.Tensor | None"
) -> "dict[str, torch.Tensor]":
    """Those of ``kd`` for r = 0; else teachers (U, N, G, K), log w - r log B(1 + lambda p) (U, N, G) and r (U, N)."""
    if settings.r == 0:
        return kd.prepare(prob, weights, lam, kd.Settings(), best)
    log_scale = torch.log(weights) - settings.r * log_beta(1 + lam.view(-1, 1, 1, 1) * prob)
    return {"prob": prob, "log_scale": log_scale, "r": torch.full_like(prob[..., 0, 0], settings.r)}


def term(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """The log of the power mean of each example: (E, m), of ``log_q`` (E, m, K) and ``lam`` (E,)."""
    if "r" not in constants:
        return kd.term(log_q, constants, lam)
    r = constants["r"]
    return tip.term(log_q * r.unsqueeze(-1), constants, lam) / r


def term_symbolic(log_q: Any, constants: dict[str, Any], lam: Any) -> Any:
    """``term`` of one unit in PyTensor, examples last: (N,), of ``log_q`` (K, N) and the scalar ``lam``."""
    if "r" not in constants:
        return kd.term_symbolic(log_q, constants, lam)
    r = constants["r"]
    return tip.term_symbolic(log_q * r, constants, lam) / r


def slope(log_q: "torch.Tensor", constants: "dict[str, torch.Tensor]", lam: "torch.Tensor") -> "torch.Tensor":
    """d term / d log q, (E, m, K): lambda sum_g rho_g p_gk, where rho are the responsibilities tempered by r."""
    if "r" not in constants:
        return kd.slope(log_q, constants, lam)
    return tip.slope(log_q * constants["r"].unsqueeze(-1), constants, lam)


def mixture(constants: "dict[str, torch.Tensor]") -> Mixture:
    """The teachers with their responsibilities tempered by r."""
    if "r" not in constants:
        return kd.mixture(constants)
    return Mixture(constants["prob"], constants["log_scale"], float(constants["r"].flatten()[0]))
