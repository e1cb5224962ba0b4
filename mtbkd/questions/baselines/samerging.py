"""SAMerging: experts of one architecture merged into one network, by sharpness-aware distillation without labels.

    theta = theta_0 + sum_g lambda[g, layer] (theta_g - theta_0)

lambda minimises sum_g KL(expert_g || merged) on training examples without their labels, by Adam on the gradient at the worst
point of a ball of radius rho (Foret et al., ICLR 2021). Teachers need one architecture, and logits say nothing of parameters:
so theta_0 is the student of the labels alone, and expert g is that student trained on with teacher g as its only one, each in
half the steps of any other student. The merged network is the student. Left out: other tasks' heads, of which there are none
here, as all teachers share their classes.
"""

from dataclasses import replace
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import NotNegative, Rate, Steps
from mtbkd.base.gather import examples_last, positions, take_columns, take_rows
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference.optimise import Ascent
from mtbkd.questions.baselines.bench import Bench, Moment, Rule, Trained, equal
from mtbkd.students import Student

TITLE = "SAMerging"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Steps = Field(400, description="optimisation steps on the coefficients")
    learning_rate: Rate = Field(1e-3, description="learning rate of Adam for the coefficients")
    radius: NotNegative = Field(0.07, description="rho of the sharpness-aware steps")
    first: float | None = Field(None, ge=-1e3, le=1e3, description="initial value of all coefficients; default: 1/G")


def layer_of_param(student: Student) -> "torch.Tensor":
    """int64 (P,), the layer that each parameter belongs to: the convolutions if there are any are one, then the dense ones."""
    dense = [(a + 1) * b for a, b in pairwise(getattr(student, "sizes", ()))]
    rest = student.num_params - sum(dense)
    sizes = torch.tensor([rest] * (rest > 0) + dense)
    return torch.repeat_interleave(torch.arange(len(sizes)), sizes)


def merged(base: "torch.Tensor", moves: "torch.Tensor", coefficients: "torch.Tensor", layer: "torch.Tensor") -> "torch.Tensor":
    """Parameters (U, P) of ``base`` (U, P), ``moves`` (U, G, P) and ``coefficients`` (U, G, L)."""
    return base + (coefficients[..., layer] * moves).sum(1)


def merge(
    bench: Bench, base: "torch.Tensor", experts: "torch.Tensor", settings: Settings
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Learn to merge ``experts`` (U, G, P) that come from ``base`` (U, P).

    Returns:
        the merged parameters (U, P) and the coefficients (U, G, L).
    """
    layer, (units, teachers, _) = layer_of_param(bench.student).to(base.device), experts.shape
    moves = experts - base.unsqueeze(1)
    told = torch.stack([bench.predict(experts[:, g], bench.x) for g in range(teachers)], 2)
    mean = examples_last(torch.softmax(told, -1).mean(2))
    first = 1 / teachers if settings.first is None else settings.first
    coefficients = torch.full((units, teachers, int(layer.max()) + 1), first, dtype=base.dtype, device=base.device)
    ascent, generator = Ascent(coefficients, settings.learning_rate, settings.steps), bench.generator("merging")
    size, n = min(bench.training.batch_size, bench.x.shape[1]), bench.x.shape[1]

    def slope(at: "torch.Tensor", index: "torch.Tensor") -> "torch.Tensor":
        """Minus the gradient (U, G, L) of the mean of KL(expert_g || merged) over experts and examples."""
        x = take_rows(bench.x, positions(bench.data_row, index, n))
        target = take_columns(mean, positions(bench.units, index, n))
        grad = bench.student.vjp(merged(base, moves, at, layer), x, lambda logits: (target - torch.softmax(logits, -1)) / size)
        along = (grad.unsqueeze(1) * moves).movedim(-1, 0)
        return torch.zeros_like(at).movedim(-1, 0).contiguous().index_add_(0, layer, along).movedim(0, -1)

    with torch.no_grad():
        for _ in steps(range(settings.steps), f"{units} merged students"):
            index = torch.randint(n, (units, size), generator=generator, device=base.device)
            downhill = slope(coefficients, index)
            length = downhill.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1)
            ascent.step(slope(coefficients - settings.radius * downhill / length, index))
    return merged(base, moves, coefficients, layer), coefficients


def train(bench: Bench, settings: Settings) -> Trained:
    """Experts of one teacher each, merged."""
    shorter = bench.training.model_copy(update={"steps": max(1, bench.training.steps // 2)})
    half = replace(bench, training=shorter)
    base = half.follow(equal, share=torch.zeros_like(bench.share))
    experts = [half.follow(only(g), start=base) for g in range(bench.num_teachers)]
    return Trained(merge(bench, base, torch.stack(experts, 1), settings)[0])


def only(teacher: int) -> Rule:
    """The rule that listens to one teacher."""

    def rule(moment: Moment) -> "torch.Tensor":
        weights = torch.zeros_like(moment.prob[:, 0])
        weights[teacher] = 1
        return weights

    return rule
