"""Normalised power mean of order r: q_k proportional to (sum_g w_g p_gk^r)^(1/r).

r = 1 is the linear pool, r -> 0 the logarithmic one, r = -1 the harmonic mean, r = inf (-inf) the largest (smallest) of the
teachers. r in [0, 1] is the only range in which the log-likelihood cannot fall below the members' mean (Razafindralambo et
al.).
"""

import math
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.pooling.operators import has_zeros, logarithmic, settled

DOMAIN = (
    "all probabilities for r > 0; for r <= 0 probabilities > 0: a class that a teacher of positive weight gives 0 gets 0, and "
    "where that leaves no class, those that some teacher allows share the mass, the more the less weight rules them out; "
    "r = inf and -inf look at teachers of positive weight only"
)
SMALL = 0.01  # below it the sum of powers is so near 1 that its logarithm is taken by log1p


def _order(r: float) -> float:
    if not (abs(r) <= 1_000 or math.isinf(r)):
        raise ValueError("allowed: a number in -1000..1000, .inf or -.inf")
    return r


Order = Annotated[float, AfterValidator(_order)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    r: Order = Field(0.5, description="order: 1 linear, 0 logarithmic, -1 harmonic, .inf maximum, -.inf minimum")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log of the normalised power mean (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    r = settings.r
    if r == 0:
        return logarithmic.log_pool(log_prob, weights, logarithmic.Settings())
    silent = (weights == 0).unsqueeze(-1)
    if math.isinf(r):
        seen = log_prob.masked_fill(silent, -r)
        return settled(seen.amax(-2) if r > 0 else seen.amin(-2), log_prob, weights)
    scaled = r * log_prob
    if bool(silent.any()):
        scaled = scaled.masked_fill(silent, 0)
    if abs(r) < SMALL:
        log_sum = torch.log1p((weights.unsqueeze(-1) * torch.expm1(scaled)).sum(-2))
    else:
        log_sum = torch.logsumexp(scaled + weights.log().unsqueeze(-1), -2)
    log_mean = log_sum / r
    if r < 0 and has_zeros(log_prob):
        against = (weights.unsqueeze(-2) @ torch.isneginf(log_prob).to(log_prob.dtype)).squeeze(-2)
        shared = (against.log() / r).masked_fill(against > 1 - 16 * torch.finfo(against.dtype).eps, -torch.inf)
        log_mean = torch.where(torch.isneginf(log_mean).all(-1, keepdim=True), shared, log_mean)
    return settled(log_mean, log_prob, weights)
