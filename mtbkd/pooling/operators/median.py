"""Weighted median of the teachers, class by class, renormalised.

The mean of the lower and the upper weighted median; with equal weights the ordinary median. One teacher in the wrong moves it
little, whatever he says.
"""

import math

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch
from mtbkd.pooling.operators import largest_of, ordered, settled

DOMAIN = "all probabilities and weights; where the median of every class is 0, those that some teacher allows share the mass"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log of the renormalised medians (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    values, below = ordered(log_prob, weights)
    rounding = 16 * torch.finfo(log_prob.dtype).eps
    before = [torch.zeros_like(below[0]), *below[:-1]]
    lower = largest_of(values, [share < 0.5 - rounding for share in before])
    upper = largest_of(values, [share <= 0.5 + rounding for share in before])
    return settled(torch.logaddexp(lower, upper) - math.log(2), log_prob, weights)
