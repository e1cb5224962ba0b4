"""Batched maximisation of the log-posterior: every member with its own start, minibatches and dropout masks.

Adam on the flat parameters. Members are independent: one that becomes non-finite stays there and disturbs no other.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Batch, ChainCount, Rate, Steps
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference.curves import Recorder
from mtbkd.posterior.schedules import Adam
from mtbkd.posterior.target import Target

TOGETHER = 100  # steps that compiled members take at a time


class Training(BaseModel):
    """The optimiser's settings, shared by all methods of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Steps = Field(1500, description="minibatch steps")
    batch_size: Batch = Field(64, description="examples per minibatch")
    restarts: ChainCount = Field(3, description="starts of every single-mode fit; the highest log-posterior wins")
    learning_rate: Rate = Field(0.02, description="initial learning rate, with cosine decay")
    signal_warmup: float = Field(
        0.3, ge=0, le=1, description="share of the steps over which the teacher term ramps up to full strength"
    )


class Ascent:
    """Adam towards larger values of independent members.

    Written out because importing ``torch.optim`` costs every job several seconds (it loads the compiler).
    """

    def __init__(self, params: "torch.Tensor", learning_rate: float, steps: int, epsilon: float = Adam.epsilon):
        self.params, self.adam, self.done = params, Adam(learning_rate, steps, epsilon=epsilon), 0
        self.mean, self.square = torch.zeros_like(params), torch.zeros_like(params)

    def step(self, grad: "torch.Tensor") -> None:
        """Move ``params`` in place along ``grad``, both (E, P)."""
        adam = self.adam
        self.mean.lerp_(grad, 1 - adam.keep)
        self.square.mul_(adam.keep_square).addcmul_(grad, grad, value=1 - adam.keep_square)
        scale = (self.square * adam.unbias(self.done)).sqrt_().add_(adam.epsilon)
        self.params.addcdiv_(self.mean, scale, value=adam.rate(self.done))
        self.done += 1


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
    watched: Recorder | None = None,
) -> "torch.Tensor":
    """Parameters (E, P) after ``training.steps`` Adam steps from ``start`` (E, P); ``units`` (E,).

    The teacher term grows linearly to full power over the warm-up: the mixture prior has flat regions far from all teachers,
    where a cold start at a large lambda stays at chance.
    """
    params, warmup = start.clone(), max(1.0, training.signal_warmup * training.steps)
    power = [min(1.0, (step + 1) / warmup) for step in range(training.steps)]
    size, compiled = min(training.batch_size, target.num_examples), getattr(target, "compiled", None)
    if watched:
        watched.look(0, params)
    if compiled and not dropout:
        climber = compiled.climber(params, units, size, Adam(training.learning_rate, training.steps), generator)
        looks = watched.at if watched else ()
        ends, done = sorted({*range(TOGETHER, training.steps, TOGETHER), *looks, training.steps} - {0}), 0
        for end in steps(ends, f"{len(units)} fits", ends=True):
            climber.advance(done, np.array(power[done:end]))
            done = end
            if watched:
                watched.look(done, params)
        return params
    ascent = Ascent(params, training.learning_rate, training.steps)
    for step in steps(range(training.steps), f"{len(units)} fits"):
        batch = target.minibatch(units, size, generator)
        keep = dropout_masks(target.hidden, len(units), size, dropout, generator) if dropout else None
        grad = target.gradient(params, units, batch, signal_power=power[step], keep=keep)
        ascent.step(grad / target.num_examples)
        if watched:
            watched.look(step + 1, params)
    return params
