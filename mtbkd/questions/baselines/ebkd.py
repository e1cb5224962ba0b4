"""EBKD: teachers that are sure of an example weigh more there (Kwon et al., ICASSP 2020).

w_g = (1 - H_g / sum_h H_h) / G with the entropies H_g at temperature 1, as the official codes have it: the weights sum to
(G - 1) / G. For two teachers they are half of MT-BKD's entropy weights, with one they would be 0: then w = 1.
Left out: feature distillation.
"""

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import torch
from mtbkd.questions.baselines.bench import Bench, Trained, fixed

TITLE = "EBKD"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def weights(logits: "torch.Tensor") -> "torch.Tensor":
    """Weights (D, N, G) of teachers ``logits`` (D, N, G, K); equal shares where all are certain."""
    teachers = logits.shape[-2]
    if teachers == 1:
        return torch.ones_like(logits[..., 0])
    log_prob = torch.log_softmax(logits, -1)
    entropy = -(log_prob.exp() * log_prob).sum(-1)
    total = entropy.sum(-1, keepdim=True)
    share = torch.where(total > 0, entropy / total.clamp(min=torch.finfo(total.dtype).tiny), 1 / teachers)
    return (1 - share) / teachers


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of teachers weighted by their certainty."""
    rule = fixed(weights(bench.logits), bench.data_row)
    return Trained(bench.follow(rule), rule)
