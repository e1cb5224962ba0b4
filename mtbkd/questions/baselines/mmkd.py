"""MMKD: a small network learns the weights by looking ahead (Zhang et al., "Adaptive multi-teacher knowledge distillation with
meta-learning", arXiv 2306.06634).

w = softmax(MLP(logits of all teachers and of the student)). Every ``every`` steps the network takes one Adam step: from the
student's parameters, two gradient steps on the teachers' loss under w and one on CE are unrolled on a buffer of hard examples,
and the CE that results is differentiated through them. The buffer holds the labelled examples with the largest CE of the last
minibatches. Logits enter centred, divided by T and cut at +-10; within the look ahead the weights are those of its start. Left
out: the matching of intermediate features.
"""

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Rate, Steps, Units
from mtbkd.base.lazy import torch
from mtbkd.inference.optimise import Ascent
from mtbkd.posterior.density import label_term
from mtbkd.questions.baselines.bench import Bench, Moment, Trained
from mtbkd.students import Student
from mtbkd.students.mlp import Mlp

TITLE = "MMKD"
LARGEST = 10.0


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: Units = Field(16, description="hidden units of the weighting network")
    every: Steps = Field(5, description="student steps per step of the weighting network")
    learning_rate: Rate = Field(1e-3, description="learning rate of Adam for the weighting network")
    inner_steps: int = Field(2, ge=1, le=1_000, description="number of unrolled gradient steps on the teachers' loss")
    inner_rate: Rate = Field(0.05, description="step size of the unrolled gradient steps")


Buffer = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]  # x (U, b, *inputs), y (U, b), teachers (G, K, U, b)


def signs(prob: "torch.Tensor", log_q: "torch.Tensor") -> "torch.Tensor":
    """What the network reads, (U, m, (G + 1) K), of teachers (G, K, U, m) and student (K, U, m)."""
    both = torch.cat([prob.clamp(min=torch.finfo(prob.dtype).tiny).log(), log_q.unsqueeze(0)])
    centred = (both - both.mean(1, keepdim=True)).clamp(-LARGEST, LARGEST)
    return centred.flatten(0, 1).permute(1, 2, 0).contiguous()


def chosen(network: Mlp, meta: "torch.Tensor", prob: "torch.Tensor", log_q: "torch.Tensor") -> "torch.Tensor":
    """Weights (G, U, m) by the network with parameters ``meta`` (U, Q)."""
    return torch.softmax(network.apply(meta, signs(prob, log_q)), -1).movedim(-1, 0)


def looked_ahead(
    student: Student, network: Mlp, params: "torch.Tensor", meta: "torch.Tensor", buffer: Buffer,
    temperature: "torch.Tensor", settings: Settings,
) -> "torch.Tensor":  # fmt: skip
    """CE (U,) on the buffer after the unrolled steps from ``params`` (U, P), a differentiable function of ``meta`` (U, Q)."""
    x, y, prob = buffer
    scale = temperature.view(-1, 1)

    def cross_entropy(theta: "torch.Tensor") -> "torch.Tensor":
        found = label_term(torch.log_softmax(student.apply(theta, x), -1), y)
        return -found.sum(-1) / (y >= 0).sum(-1).clamp(min=1)

    def tempered(theta: "torch.Tensor") -> "torch.Tensor":
        return torch.log_softmax(student.apply(theta, x).movedim(-1, 0) / scale, 0)

    def taught(theta: "torch.Tensor") -> "torch.Tensor":
        return -(temperature**2) * (weights * (prob * tempered(theta)).sum(1)).sum(0).mean(-1)

    theta = params.detach().requires_grad_()
    weights = chosen(network, meta, prob, tempered(theta.detach()))
    for loss in [taught] * settings.inner_steps + [cross_entropy]:
        (grad,) = torch.autograd.grad(loss(theta).sum(), theta, create_graph=True)
        theta = theta - settings.inner_rate * grad
    return cross_entropy(theta)


class MetaWeights:
    """The rule; ``meta`` (U, Q) are the parameters of the network that it learns."""

    def __init__(self, bench: Bench, settings: Settings):
        self.bench, self.settings = bench, settings
        teachers, classes = bench.logits.shape[2:]
        self.network = Mlp(((teachers + 1) * classes, settings.hidden, teachers))
        self.meta = bench.start(self.network, "meta")
        self.ascent = Ascent(self.meta, settings.learning_rate, max(1, bench.training.steps // settings.every))
        self.hard: list[Buffer] = []

    def __call__(self, moment: Moment) -> "torch.Tensor":
        if moment.step is not None:
            self.remember(moment)
            if len(self.hard) == self.settings.every:
                self.learn(moment.params)
        return chosen(self.network, self.meta, moment.prob, moment.log_q)

    def remember(self, moment: Moment) -> None:
        """Keep the labelled examples of this minibatch that the student knows least."""
        keep = max(1, moment.y.shape[1] // self.settings.every)
        log_q = torch.log_softmax(moment.logits, 0).movedim(0, -1)
        loss = torch.where(moment.y >= 0, -label_term(log_q, moment.y), -1.0)
        at = loss.topk(keep, -1).indices
        rows = torch.arange(len(at), device=at.device).unsqueeze(-1)
        self.hard.append((moment.x[rows, at], moment.y[rows, at], moment.prob[:, :, rows, at]))

    def learn(self, params: "torch.Tensor") -> None:
        """One step of the network on the buffer, which is emptied."""
        x, y, prob = zip(*self.hard, strict=True)
        buffer = torch.cat(x, 1), torch.cat(y, 1), torch.cat(prob, -1)
        self.hard.clear()
        with torch.enable_grad():
            meta = self.meta.detach().requires_grad_()
            loss = looked_ahead(self.bench.student, self.network, params, meta, buffer, self.bench.temperature, self.settings)
            (grad,) = torch.autograd.grad(loss.sum(), meta)
        self.ascent.step(-torch.nan_to_num(grad))


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of teachers whose weights are learnt."""
    rule = MetaWeights(bench, settings)
    return Trained(bench.follow(rule), rule)
