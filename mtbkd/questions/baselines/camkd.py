"""CA-MKD: teachers that predict an example's label weigh more there (Zhang, Chen and Wang, ICASSP 2022).

w_g = (1 - softmax_g(CE(y, p_g))) / (G - 1) at temperature 1; for two teachers this is softmax_g(-CE(y, p_g)). Examples without
label have equal weights, and one teacher has weight 1. Left out: the loss on intermediate features, and the official code's
second division by G, a constant that the tuned share takes up.
"""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch
from mtbkd.questions.baselines.bench import Bench, Trained, fixed

TITLE = "CA-MKD"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(logits: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor":
    """Weights (D, N, G) of teachers ``logits`` (D, N, G, K) at labels ``y`` (D, N), -1 for unlabelled."""
    teachers = logits.shape[-2]
    if teachers == 1:
        return torch.ones_like(logits[..., 0])
    at = y.clamp(min=0)[..., None, None].expand(*logits.shape[:-1], 1)
    loss = -torch.log_softmax(logits, -1).gather(-1, at).squeeze(-1)
    confident = (1 - torch.softmax(loss, -1)) / (teachers - 1)
    return torch.where((y >= 0).unsqueeze(-1), confident, 1 / teachers)


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of teachers weighted by how well they predict the labels."""
    rule = fixed(weights(bench.logits, bench.y), bench.data_row)
    return Trained(bench.follow(rule), rule)
