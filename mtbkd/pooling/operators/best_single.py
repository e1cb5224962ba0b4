"""The best single teacher: the one with the largest weight; ties go to the first listed."""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch

DOMAIN = "all probabilities and weights"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """The log-probabilities (..., K) of one of ``log_prob`` (..., G, K), that with the largest of ``weights`` (..., G)."""
    largest = weights == weights.amax(-1, keepdim=True)
    first = (largest & (largest.cumsum(-1) == 1)).to(torch.uint8).argmax(-1)
    return torch.take_along_dim(log_prob, first[..., None, None], -2).squeeze(-2)
