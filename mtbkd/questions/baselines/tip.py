"""The teacher-informed prior of MT-BKD in the frame of the other methods: the student chooses the weights itself.

The gradient of log sum_g w_g Dir(q; 1 + lambda p_g) is that of distillation with the responsibilities

    r_g = softmax_g( log w_g - log B(1 + lambda p_g) + lambda sum_k p_gk log q_k )

as weights (method.md, section 1). Here w are the entropy weights; the strength kappa = T^2 l / (1 - l), the ratio of the
teachers' loss to the labels', is lambda too unless ``lambda`` gives a sharpness apart (method.md, 10.1), and ``no_teacher`` is
the weight of a component that believes no teacher. Left out: all of its posterior but one mode; the experiments hold the rest.
"""

from collections.abc import Mapping
from itertools import product

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.gather import examples_last
from mtbkd.base.grids import AS_KAPPA, Shares, Sharpnesses
from mtbkd.base.lazy import torch
from mtbkd.questions.baselines import ebkd
from mtbkd.questions.baselines.bench import Bench, Moment, Trained
from mtbkd.signals import log_beta, with_no_teacher

TITLE = "MT-BKD prior"
MOST_SHARE = 1 - 1e-6


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    lam: Sharpnesses = Field(
        (AS_KAPPA,), alias="lambda", description="candidates for the sharpness; kappa: equal to the strength"
    )
    no_teacher: Shares = Field((0.0,), description="candidates for the weight of the no-teacher component")

    def expand(self, candidate: Mapping[str, float]) -> list[dict[str, float]]:
        """``candidate`` with every sharpness and weight of no teacher; as it is where neither is asked for."""
        if self == Settings.model_validate({}):
            return [dict(candidate)]
        share = min(candidate["share"], MOST_SHARE)
        kappa = candidate["temperature"] ** 2 * share / (1 - share)
        sharp = dict.fromkeys(kappa if lam == AS_KAPPA else lam for lam in self.lam)
        return [{**candidate, "lambda": lam, "no_teacher": w0} for lam, w0 in product(sharp, self.no_teacher)]


def concentration(share: "torch.Tensor", temperature: "torch.Tensor") -> "torch.Tensor":
    """The strength kappa (U,)."""
    share = share.clamp(max=MOST_SHARE)
    return temperature**2 * share / (1 - share)


class Responsibilities:
    """The rule: r_g (G, U, m); what they lack of 1 is the share of no teacher."""

    def __init__(self, bench: Bench):
        self.lam = bench.own.get("lambda", concentration(bench.share, bench.temperature))
        certain = ebkd.weights(bench.logits)[bench.data_row]
        prob = torch.softmax(bench.logits[bench.data_row] / bench.temperature.view(-1, 1, 1, 1), -1)
        if "no_teacher" in bench.own:
            certain = certain / certain.sum(-1, keepdim=True)
            prob, certain = with_no_teacher(prob, certain, bench.own["no_teacher"])
        self.log_scale = examples_last(torch.log(certain) - log_beta(1 + self.lam.view(-1, 1, 1, 1) * prob))

    def __call__(self, moment: Moment) -> "torch.Tensor":
        rows = torch.arange(len(moment.index), device=moment.index.device).unsqueeze(-1)
        log_scale = self.log_scale[rows, moment.index].movedim(-1, 0)
        cross = (moment.prob * moment.log_q).sum(1)
        score = log_scale[: len(cross)] + self.lam.unsqueeze(-1) * cross
        return torch.softmax(torch.cat([score, log_scale[len(cross) :]]), 0)[: len(cross)]


def train(bench: Bench, settings: Settings) -> Trained:
    """Students under the teacher-informed prior."""
    rule = Responsibilities(bench)
    return Trained(bench.follow(rule), rule)
