"""Linear opinion pool (Stone 1961): q = sum_g w_g p_g, the mixture of the teachers."""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch

DOMAIN = "all probabilities and weights"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log sum_g w_g p_g (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    return torch.logsumexp(log_prob + weights.log().unsqueeze(-1), -2)
