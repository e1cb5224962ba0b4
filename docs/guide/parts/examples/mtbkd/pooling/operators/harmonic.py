"""Harmonic pool: q proportional to 1 / sum_g (w_g / p_g), the power mean of order -1.

One teacher who excludes a class excludes it.
"""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch

DOMAIN = "all probabilities and weights; certain teachers who disagree leave nothing, and are pooled to equal probabilities"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """The pooled log-probabilities (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    least = torch.finfo(log_prob.dtype).min / 4
    heard = weights.log().clamp(min=least).unsqueeze(-1)
    return torch.log_softmax(-torch.logsumexp(heard - log_prob.clamp(min=least), -2), -1)
