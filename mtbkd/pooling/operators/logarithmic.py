"""Logarithmic opinion pool (Genest 1984): q proportional to prod_g p_g^w_g, the normalised geometric mean."""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch
from mtbkd.pooling.operators import has_zeros

DOMAIN = (
    "probabilities > 0; a class that a teacher of positive weight gives 0 gets 0, and where that leaves no class, those "
    "ruled out by the least weight share the mass, the limit of zeros replaced by one small number; 0^0 = 1"
)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def log_pool(log_prob: "torch.Tensor", weights: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """log of the normalised geometric mean (..., K) of ``log_prob`` (..., G, K) and ``weights`` (..., G)."""
    row = weights.unsqueeze(-2)
    if not has_zeros(log_prob):
        return torch.log_softmax((row @ log_prob).squeeze(-2), -1)
    zero = torch.isneginf(log_prob)
    against = (row @ zero.to(log_prob.dtype)).squeeze(-2)
    least = against.amin(-1, keepdim=True) + 16 * torch.finfo(log_prob.dtype).eps
    mean = (row @ log_prob.masked_fill(zero, 0)).squeeze(-2)
    return torch.log_softmax(mean.masked_fill(against > least, -torch.inf), -1)
