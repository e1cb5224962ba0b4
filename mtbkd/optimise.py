"""Batched maximisation of the log-posterior: every member with its own start, minibatches and dropout masks.

Adam on the flat parameters. Members are independent: one that leaves the finite numbers stays there and disturbs no other.
"""

import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mtbkd.lazy import lazy_import
from mtbkd.progress import steps
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")


class Training(BaseModel):
    """The optimiser's settings, shared by all methods of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = Field(1500, description="minibatch steps")
    batch_size: PositiveInt = Field(64, description="examples a minibatch")
    restarts: PositiveInt = Field(3, description="starts of every single-mode fit; the highest log-posterior wins")
    learning_rate: float = Field(0.02, gt=0, description="at the start of the cosine decay")
    signal_warmup: float = Field(
        0.3, ge=0, le=1, description="share of the steps in which the teacher term grows to full power"
    )


class Ascent:
    """Adam (Kingma & Ba 2015) towards larger values of independent members, learning rate decaying to zero along a cosine.

    Written out because importing ``torch.optim`` costs every job several seconds (it loads the compiler).
    """

    def __init__(self, params: "torch.Tensor", learning_rate: float, steps: int):
        self.params, self.learning_rate, self.steps, self.done = params, learning_rate, steps, 0
        self.mean, self.square = torch.zeros_like(params), torch.zeros_like(params)

    def step(self, grad: "torch.Tensor", decay: float = 0.9, square_decay: float = 0.999, epsilon: float = 1e-8) -> None:
        """Move ``params`` in place along ``grad``, both (E, P)."""
        rate = self.learning_rate * 0.5 * (1 + math.cos(math.pi * self.done / self.steps))
        self.done += 1
        self.mean.lerp_(grad, 1 - decay)
        self.square.mul_(square_decay).addcmul_(grad, grad, value=1 - square_decay)
        scale = (self.square / (1 - square_decay**self.done)).sqrt_().add_(epsilon)
        self.params.addcdiv_(self.mean, scale, value=rate / (1 - decay**self.done))


def dropout_masks(
    hidden: tuple[int, ...], members: int, examples: int, rate: float, generator: "torch.Generator"
) -> "list[torch.Tensor]":
    """Inverted-dropout masks, one (E, m, H) tensor a hidden layer: 0 with probability ``rate``, else 1 / (1 - rate)."""
    shape = (members, examples)
    draws = [torch.rand((*shape, h), generator=generator, device=generator.device) for h in hidden]
    return [(u >= rate).to(u.dtype) / (1 - rate) for u in draws]


def maximise(
    target: Target,
    start: "torch.Tensor",
    units: "torch.Tensor",
    training: Training,
    generator: "torch.Generator",
    dropout: float = 0.0,
) -> "torch.Tensor":
    """Parameters (E, P) after ``training.steps`` Adam steps from ``start`` (E, P); ``units`` (E,).

    The teacher term grows linearly to full power over the warm-up: the mixture prior has flat regions far from all teachers,
    where a cold start at a large lambda stays at chance.
    """
    params = start.clone()
    ascent = Ascent(params, training.learning_rate, training.steps)
    warmup = max(1.0, training.signal_warmup * training.steps)
    size = min(training.batch_size, target.num_examples)
    for step in steps(range(training.steps), f"{len(units)} fits"):
        batch = target.minibatch(units, size, generator)
        keep = dropout_masks(target.hidden, len(units), size, dropout, generator) if dropout else None
        power = min(1.0, (step + 1) / warmup)
        grad = target.gradient(params, units, batch, signal_power=power, keep=keep)
        ascent.step(grad / target.num_examples)
    return params
