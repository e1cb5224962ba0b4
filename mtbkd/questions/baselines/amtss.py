"""AMTSS: teachers by margin and by how little the student has learnt of them, after Ye et al. (2023).

That paper asks for importance weights of the teachers, updated from the student's validation loss, and for learning from the
max-margin teachers; its formulas are not public. This one is ours: on a labelled example

    w_g prop. to a_g exp(margin_g / tau),   margin_g = p_g[y] - max_{k != y} p_g[k],

at temperature 1, and w = a without label. Every ``every`` steps the importance a_g, equal at first, is multiplied by
exp(rate V_g / mean_h V_h), where V_g is the mean of KL(p_g^T || q^T) over the validation examples (no label is read), and kept
above ``floor`` / G: teachers that the student does not follow yet gain weight.
"""

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import NotNegative, Positive, Steps
from mtbkd.base.lazy import torch
from mtbkd.questions.baselines.bench import Bench, Moment, Trained

TITLE = "AMTSS"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Steps = Field(50, description="steps between two updates of the importance")
    rate: NotNegative = Field(0.1, description="step size of the importance's multiplicative update")
    floor: float = Field(0.2, ge=0, le=1, description="share of the importance that is kept uniform")
    margin_scale: Positive = Field(0.25, description="tau, the margin that multiplies a weight by e")


def margins(logits: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor":
    """Margins (D, N, G) in [-1, 1] of teachers ``logits`` (D, N, G, K) at labels ``y`` (D, N); 0 for unlabelled."""
    prob = torch.softmax(logits, -1)
    at = y.clamp(min=0)[..., None, None].expand(*prob.shape[:-1], 1)
    own = prob.gather(-1, at)
    other = prob.scatter(-1, at, -1.0).amax(-1, keepdim=True)
    return torch.where((y >= 0).unsqueeze(-1), (own - other).squeeze(-1), 0.0)


class Importance:
    """The rule; ``importance`` (U, G) is what it learns."""

    def __init__(self, bench: Bench, settings: Settings):
        self.bench, self.settings = bench, settings
        self.pull = margins(bench.logits, bench.y) / settings.margin_scale
        self.log_prob = torch.log_softmax(bench.val_logits[bench.data_row] / bench.temperature.view(-1, 1, 1, 1), -1)
        self.importance = torch.full_like(self.log_prob[:, 0, :, 0], 1 / bench.num_teachers)

    def __call__(self, moment: Moment) -> "torch.Tensor":
        if moment.step is not None and moment.step % self.settings.every == 0 and moment.step > 0:
            self.update(moment.params)
        favour = torch.softmax(self.pull, -1)[self.bench.data_row.unsqueeze(-1), moment.index].movedim(-1, 0)
        weighed = favour * self.importance.T.unsqueeze(-1)
        return weighed / weighed.sum(0)

    def update(self, params: "torch.Tensor") -> None:
        """Raise the importance of the teachers whose validation predictions the student follows least."""
        loss = self.losses(params)
        grown = self.importance * torch.exp(self.settings.rate * loss / loss.mean(-1, keepdim=True).clamp(min=1e-12))
        grown = grown / grown.sum(-1, keepdim=True)
        self.importance = (1 - self.settings.floor) * grown + self.settings.floor / grown.shape[-1]

    def losses(self, params: "torch.Tensor") -> "torch.Tensor":
        """V (U, G)."""
        logits = self.bench.predict(params, self.bench.val_x) / self.bench.temperature.view(-1, 1, 1)
        gap = self.log_prob - torch.log_softmax(logits, -1).unsqueeze(2)
        return (self.log_prob.exp() * gap).sum(-1).mean(1)


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of teachers weighted by margin and importance."""
    rule = Importance(bench, settings)
    return Trained(bench.follow(rule), rule)
