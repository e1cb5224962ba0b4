"""Mean-field Gaussian variational inference, reparametrised (Kingma & Welling 2014; Blundell et al. 2015).

    ELBO = E_q[(N/m) minibatch terms + log N(theta; 0, s^2 I)] + sum_p log sigma_p + const,   theta = mu + sigma * eps

With the kd signal this is the papers' "BNN" baseline. Mean-field q has one mode and no correlations: PSIS k-hat of
log p - log q tells how far it is from the posterior.
"""

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mtbkd.inference import Context, Fit
from mtbkd.lazy import lazy_import
from mtbkd.optimise import Ascent
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

DRAWS: Literal["point", "independent", "chains"] = "independent"
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = Field(4_000, description="optimiser steps")
    learning_rate: float = Field(0.01, gt=0, description="Adam's, decaying to zero along a cosine")
    batch_size: PositiveInt = Field(64, description="examples a minibatch")
    samples: PositiveInt = Field(4, description="draws of theta a step")
    initial_scale: float = Field(0.03, gt=0, description="sigma at the start, around the MAP")
    draws: PositiveInt = Field(400, description="independent draws kept")


class State(NamedTuple):
    """``mean`` and ``log_scale`` (U, P) of q."""

    mean: "torch.Tensor"
    log_scale: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """A narrow q around the MAP."""
    mean = context.mode(target)
    return State(mean, torch.full_like(mean, math.log(settings.initial_scale)))


def optimise(target: Target, settings: Settings, state: State, context: Context) -> State:
    """Maximise the ELBO."""
    generator, units = context.generator("vi"), target.members(settings.samples)
    mean, log_scale = state.mean.clone(), state.log_scale.clone()
    ascents = [Ascent(part, settings.learning_rate, settings.steps) for part in (mean, log_scale)]
    size = min(settings.batch_size, target.num_examples)
    for _ in range(settings.steps):
        noise = torch.randn((target.num_units, settings.samples, mean.shape[1]), generator=generator, device=mean.device)
        scale = log_scale.exp()
        theta = mean.unsqueeze(1) + scale.unsqueeze(1) * noise
        batch = target.minibatch(units, size, generator)
        grad = target.gradient(theta.flatten(0, 1), units, batch).view_as(theta)
        ascents[0].step(grad.mean(1) / target.num_examples)
        ascents[1].step(((grad * noise).mean(1) * scale + 1) / target.num_examples)
    return State(mean, log_scale)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Optimise q, draw from it, and keep log p - log q of every draw for PSIS."""
    state = optimise(target, settings, state, context)
    generator = context.generator("vi draws")
    shape = (target.num_units, settings.draws, state.mean.shape[1])
    noise = torch.randn(shape, generator=generator, device=state.mean.device)
    theta = state.mean.unsqueeze(1) + state.log_scale.exp().unsqueeze(1) * noise
    log_q = -(0.5 * noise**2 + state.log_scale.unsqueeze(1)).sum(-1)
    log_p = target.log_density(theta.flatten(0, 1), target.members(settings.draws)).view_as(log_q)
    ratio = (log_p - log_q).unsqueeze(1).cpu().double().numpy()
    return Fit(theta.unsqueeze(1).cpu(), {"log_ratio": ratio})
