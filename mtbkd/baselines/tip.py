"""The teacher-informed prior of MT-BKD in the frame of the other methods: the student chooses the weights itself.

The gradient of log sum_g w_g Dir(q; 1 + lambda p_g) is that of distillation with the responsibilities

    r_g = softmax_g( log w_g - log B(1 + lambda p_g) + lambda sum_k p_gk log q_k )

as weights (method.md, section 1). Here w are the entropy weights and lambda = T^2 l / (1 - l), the ratio of the teachers' loss
to the labels'. Left out: all of its posterior but one mode; the experiments hold the rest.
"""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from mtbkd.baselines import ebkd
from mtbkd.baselines.bench import Bench, Moment, Trained
from mtbkd.gather import examples_last
from mtbkd.lazy import lazy_import
from mtbkd.signals import log_beta

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

TITLE = "MT-BKD prior"
MOST_SHARE = 1 - 1e-6


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def concentration(share: "torch.Tensor", temperature: "torch.Tensor") -> "torch.Tensor":
    """lambda (U,)."""
    share = share.clamp(max=MOST_SHARE)
    return temperature**2 * share / (1 - share)


class Responsibilities:
    """The rule: r_g (G, U, m)."""

    def __init__(self, bench: Bench):
        self.lam = concentration(bench.share, bench.temperature)
        certain = ebkd.weights(bench.logits)[bench.data_row]
        prob = torch.softmax(bench.logits[bench.data_row] / bench.temperature.view(-1, 1, 1, 1), -1)
        self.log_scale = examples_last(torch.log(certain) - log_beta(1 + self.lam.view(-1, 1, 1, 1) * prob))

    def __call__(self, moment: Moment) -> "torch.Tensor":
        rows = torch.arange(len(moment.index), device=moment.index.device).unsqueeze(-1)
        log_scale = self.log_scale[rows, moment.index].movedim(-1, 0)
        cross = (moment.prob * moment.log_q).sum(1)
        return torch.softmax(log_scale + self.lam.unsqueeze(-1) * cross, 0)


def train(bench: Bench, settings: Settings) -> Trained:
    """Students under the teacher-informed prior."""
    rule = Responsibilities(bench)
    return Trained(bench.follow(rule), rule)
