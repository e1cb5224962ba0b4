"""Stochastic gradient Langevin dynamics (Welling & Teh 2011), constant step, as MT-BKD runs it.

    theta <- theta + tau (N/m) grad log pi(minibatch) + sqrt(2 tau) xi,   xi ~ N(0, I)

Every chain starts at its own MAP run from its own overdispersed starting point and draws its own minibatches: chains that
share either agree with each other whatever the posterior, and R-hat would mean nothing. The bias is of order tau: the
stationary law is the posterior only as tau -> 0, and minibatch noise adds tau^2 Var(N/m grad) per step.
"""

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from mtbkd.inference import Context, Fit
from mtbkd.lazy import lazy_import
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

DRAWS: Literal["point", "independent", "chains"] = "chains"
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    step_size: float = Field(1e-5, gt=0, description="tau")
    steps: PositiveInt = Field(20_000, description="steps of each chain, burn-in included")
    burn_in: int = Field(5_000, ge=0, description="first steps, left out")
    thin: PositiveInt = Field(50, description="one draw is kept every so many steps")
    chains: int = Field(4, ge=1, description="independent chains a replicate; at least 2 for R-hat")
    batch_size: PositiveInt = Field(64, description="examples a minibatch, drawn by every chain for itself")
    overdispersion: float = Field(2.0, ge=1, description="factor on the spread of the starting points before their MAP runs")

    @model_validator(mode="after")
    def _leaves_draws(self) -> Self:
        if self.burn_in + self.thin > self.steps:
            raise ValueError(f"burn_in {self.burn_in} + thin {self.thin} leave no draw of {self.steps} steps")
        return self


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Each chain's own MAP run."""
    return State(context.chain_starts(target, settings.chains, settings.overdispersion))


def step(target: Target, settings: Settings, state: State, units: "torch.Tensor", generator: "torch.Generator") -> State:
    """One Langevin step of every chain."""
    batch = target.minibatch(units, min(settings.batch_size, target.num_examples), generator)
    grad = target.gradient(state.params, units, batch)
    noise = torch.randn(state.params.shape, generator=generator, device=generator.device, dtype=grad.dtype)
    moved = state.params.add(grad, alpha=settings.step_size).add_(noise, alpha=math.sqrt(2 * settings.step_size))
    return State(moved)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws."""
    units, generator = target.members(settings.chains), context.generator("sgld")
    count = (settings.steps - settings.burn_in) // settings.thin
    kept = torch.empty((count, *state.params.shape))
    for number in range(1, settings.steps + 1):
        state = step(target, settings, state, units, generator)
        past = number - settings.burn_in
        if past > 0 and past % settings.thin == 0:
            kept[past // settings.thin - 1] = state.params
    return Fit(kept.transpose(0, 1).unflatten(0, (target.num_units, settings.chains)))
