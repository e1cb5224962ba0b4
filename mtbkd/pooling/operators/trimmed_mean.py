"""Trimmed mean of the teachers, class by class, renormalised: a share of the weight is cut from both ends.

Weighted: of the teachers in rising order, the weight between ``trim`` and 1 - ``trim`` counts, a teacher on the edge with the
part of his weight that lies inside. trim = 0 is the linear pool, trim -> 1/2 the median.
"""

from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.pooling.operators import largest_of, ordered, settled

DOMAIN = (
    "all probabilities and weights; where the trimmed mean of every class is 0, those that some teacher allows share the mass"
)
MAX_LOG = 80.0


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    trim: float = Field(0.2, ge=0, lt=0.5, description="share of the weight trimmed from each end")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log of the renormalised trimmed means (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    values, below = ordered(log_prob, weights)
    inside = [edge.clamp(settings.trim, 1 - settings.trim) for edge in (torch.zeros_like(below[0]), *below)]
    widths = [upper - lower for lower, upper in pairwise(inside)]
    largest = largest_of(values, [width > 0 for width in widths]).detach().clamp(min=torch.finfo(log_prob.dtype).min)
    # A teacher who is cut off may lie above the largest that counts: no overflow, which times 0 would be no number.
    parts = [width * (value - largest).clamp(max=MAX_LOG).exp() for value, width in zip(values, widths, strict=True)]
    return settled(sum(parts[1:], parts[0]).log() + largest, log_prob, weights)
