"""Gaussian variational inference, reparametrised, with minibatches (Kingma & Welling 2014; Blundell et al. 2015).

    ELBO_w = E_q[log pi(theta)] + w H(q),   theta = mu + sigma * u,   log pi by minibatches, its sums scaled by N/m
    d theta:  g = grad log pi(theta) + w Sigma^-1 (theta - mu)
    d mu = E[g],   d log sigma = E[g * sigma * u],   d factor = E[(g * sigma) noise^T]          (families: gaussians.py)

The entropy enters through its path derivative, - grad log q, whose noise vanishes as q approaches the posterior (Roeder, Wu &
Duvenaud 2017). ``anneal`` lets the weight w of the entropy, the only part without likelihood or prior, grow linearly from 0 to
1: q is first drawn to the mode, then allowed its width. The target is one density, so that the Gaussian prior stays with the
likelihood. With the kd signal and mean_field this is the papers' "BNN" baseline. PSIS k-hat of log p - log q, exact for every
family, tells how far q is from the posterior.

Local reparametrisation (Kingma, Salimans & Welling 2015) is left out: it draws the activations of mean-field dense layers, and
a target shows only its flat parameters. What it is for, noise of its own for each example, is many ``samples`` of few examples.
"""

import logging
import math
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Batch, DrawCount, NotNegative, Positive, Rate, Steps, Units
from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.inference.curves import Recorder, estimate, looks
from mtbkd.inference.gaussians import Family, FullRank, LowRank, MeanField, log_prob
from mtbkd.inference.noise import Normals
from mtbkd.inference.optimise import TOGETHER, Ascent
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.schedules import Adam
from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    from mtbkd.posterior.compiled.moving import Fitter

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "independent"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"log_ratio"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = None  # but see max_params
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
FULL_RANK_LIMIT = 2_000  # the factor and Adam's moments are dense P x P matrices, one of each a unit


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Literal["mean_field", "low_rank", "full_rank"] = Field(
        "mean_field",
        description="covariance of q: diagonal, low rank plus diagonal, or full (at most 2,000 parameters)",
    )
    rank: Units = Field(10, description="rank of the low_rank family; ignored by the others")
    steps: Steps = Field(4_000, description="optimiser steps")
    learning_rate: Rate = Field(0.01, description="learning rate of Adam, with cosine decay to zero")
    batch_size: Batch = Field(64, description="examples per minibatch")
    samples: DrawCount = Field(4, description="draws of theta per step")
    initial_scale: Positive = Field(0.03, description="initial sigma, around the MAP")
    anneal: float = Field(
        0.0, ge=0, lt=1, description="share of the steps over which the weight of the entropy rises from 0 to 1"
    )
    tolerance: NotNegative = Field(
        0.0, description="stop once the smoothed ELBO changes by less than this share over a window; 0 runs all steps"
    )
    window: Steps = Field(200, description="steps per window of the ELBO, which is smoothed over three windows")
    draws: DrawCount = Field(400, description="number of independent draws")

    @model_validator(mode="after")
    def _looks_thrice(self) -> Self:
        if self.tolerance and 4 * self.window > self.steps:
            raise ValueError(f"tolerance needs at least 4 windows; found window {self.window} of {self.steps} steps")
        return self


class State(NamedTuple):
    """q: ``mean`` and ``log_scale`` (U, P), and the family's ``factor`` (U, P, 0 or R or P)."""

    mean: "torch.Tensor"
    log_scale: "torch.Tensor"
    factor: "torch.Tensor"


def max_params(settings: Settings) -> int | None:
    """The largest student that these settings are for; None: any."""
    return FULL_RANK_LIMIT if settings.family == "full_rank" else None


FAMILIES = {
    "mean_field": lambda settings: MeanField(),
    "low_rank": lambda settings: LowRank(settings.rank),
    "full_rank": lambda settings: FullRank(),
}


def init(target: Target, settings: Settings, context: Context) -> State:
    """A narrow q around the MAP."""
    limit = max_params(settings)
    if limit is not None and target.num_params > limit:
        raise ConfigError(
            f"settings of vi: found family: {settings.family} for {target.num_params:,} parameters; "
            f"allowed: at most {limit:,}. Hint: family: low_rank"
        )
    mean = context.mode(target)
    factor = FAMILIES[settings.family](settings).start(mean, context.generator("vi factor"))
    return State(mean, torch.full_like(mean, math.log(settings.initial_scale)), factor)


class Draws(NamedTuple):
    """Draws of q: ``theta`` (U, S, P), ``spread`` u and the standard normal ``noise`` (U, S, W) behind them."""

    theta: "torch.Tensor"
    spread: "torch.Tensor"
    noise: "torch.Tensor"


def spread_out(family: Family, state: State, noise: "torch.Tensor") -> Draws:
    """The draws of every unit's q that ``noise`` (U, S, W) makes."""
    spread = family.spread(state.factor, noise)
    return Draws(state.mean.unsqueeze(1) + state.log_scale.exp().unsqueeze(1) * spread, spread, noise)


def draw(family: Family, state: State, samples: int, generator: "torch.Generator") -> Draws:
    """``samples`` independent draws of every unit's q."""
    units, size = state.mean.shape
    shape = (units, samples, family.noise_size(size))
    noise = torch.randn(shape, generator=generator, device=state.mean.device, dtype=state.mean.dtype)
    return spread_out(family, state, noise)


class StepByStep:
    """Gaussians q, the parts of ``state``, that move in place by torch's operators."""

    def __init__(self, target: Target, settings: Settings, state: State, generator: "torch.Generator"):
        self.target, self.state, self.generator, self.family = target, state, generator, FAMILIES[settings.family](settings)
        self.units, self.size = target.members(settings.samples), min(settings.batch_size, target.num_examples)
        self.ascents = [Ascent(part, settings.learning_rate, settings.steps) for part in state if part.numel()]

    def advance(self, done: int, weight: np.ndarray, noise: "torch.Tensor") -> None:
        """Take T steps, with ``weight`` (T,) of the entropy and standard normal ``noise`` (T, U, S, W)."""
        for each, own in zip(weight.tolist(), noise.to(self.state.mean.dtype), strict=True):
            self._step(each, spread_out(self.family, self.state, own))

    def _step(self, weight: float, drawn: Draws) -> None:
        target, family, state = self.target, self.family, self.state
        batch = target.minibatch(self.units, self.size, self.generator)
        grad = target.gradient(drawn.theta.flatten(0, 1), self.units, batch)
        scale = state.log_scale.exp().unsqueeze(1)
        pull = torch.addcmul(weight * family.solve(state.factor, drawn.noise), grad.view_as(drawn.theta), scale)
        slopes = (pull / scale).mean(1), (pull * drawn.spread).mean(1), family.pull(pull, drawn.noise)
        for ascent, slope in zip(self.ascents, slopes, strict=False):
            ascent.step(slope / target.num_examples)


def fitter(target: Target, settings: Settings, state: State, generator: "torch.Generator") -> "Fitter | StepByStep":
    """What moves the parts of ``state`` in place: compiled for small students, but for low_rank, whose algebra is torch's."""
    posterior = getattr(target, "compiled", None)
    if posterior and settings.family != "low_rank" and state.mean.dtype == torch.float32:
        size, adam = min(settings.batch_size, target.num_examples), Adam(settings.learning_rate, settings.steps)
        return posterior.fitter(state, size, adam, generator)
    return StepByStep(target, settings, state, generator)


def optimise(
    target: Target, settings: Settings, state: State, context: Context, watched: Recorder | None = None
) -> State:  # fmt: skip
    """Maximise the ELBO."""
    family, state = FAMILIES[settings.family](settings), State(*(part.clone() for part in state))
    moving, watch = fitter(target, settings, state, context.generator("vi")), Watch(target, family, settings, context)
    shape = (len(state.mean), settings.samples, family.noise_size(target.num_params))
    noise = Normals(shape, derive(context.seed, "vi noise", first=context.replicates[0]), context.device)
    weight = np.minimum(1.0, np.arange(1, settings.steps + 1) / max(1.0, settings.anneal * settings.steps))
    windows = range(settings.window, settings.steps + 1, settings.window) if settings.tolerance else ()
    looks, done = watched.at if watched else (), 0
    if watched:
        watched.look(0, state)
    ends = {*range(TOGETHER, settings.steps, TOGETHER), *windows, *looks, settings.steps} - {0}
    for end in steps(sorted(ends), "vi", ends=True):
        while done < end:
            block = noise.draw(end - done)
            moving.advance(done, weight[done : done + len(block)], block)
            done += len(block)
        if watched:
            watched.look(done, state)
        if done in windows and weight[done - 1] == 1 and watch.settled(state):
            log.info("the ELBO settled at step %d of %d", done, settings.steps)
            break
    return state


def recorder(target: Target, settings: Settings, context: Context) -> Recorder | None:
    """Looks at the ELBO, with the same examples and noise every time; None where no curve is wanted."""
    if context.curves is None or not isinstance(target, Problem):
        return None
    family, units = FAMILIES[settings.family](settings), target.members(settings.samples)
    log_p = estimate(target, units, settings.batch_size, context.generator("elbo curve"))

    def elbo(state: State) -> "torch.Tensor":
        drawn = draw(family, state, settings.samples, context.generator("elbo"))
        value = log_p(drawn.theta.flatten(0, 1)).view(drawn.theta.shape[:2])
        return (value - log_prob(family, state.log_scale, state.factor, drawn.noise)).mean(1)

    return Recorder("ELBO", looks(settings.steps), target.members(1).unsqueeze(1), 1 / target.num_examples, elbo)


class Watch:
    """Looks at the ELBO on all examples, every time with the same noise, so that its change is that of q."""

    def __init__(self, target: Target, family: Family, settings: Settings, context: Context, samples: int = 16):
        self.target, self.family, self.settings, self.context, self.samples = target, family, settings, context, samples
        self.seen: list[torch.Tensor] = []

    def settled(self, state: State) -> bool:
        """Has the mean of the last three looks changed by less than the tolerance in every unit that is finite?"""
        ratio = log_ratio(
            self.target, self.family, state, draw(self.family, state, self.samples, self.context.generator("elbo"))
        )
        self.seen.append(ratio.mean(1))
        if len(self.seen) < 4:
            return False
        before, now = torch.stack(self.seen[-4:-1]).mean(0), torch.stack(self.seen[-3:]).mean(0)
        change = (now - before).abs() / now.abs().clamp(min=1)
        return not (change > self.settings.tolerance).any()


def log_ratio(target: Target, family: Family, state: State, drawn: Draws) -> "torch.Tensor":
    """log p - log q (U, S); its mean is the ELBO."""
    members = target.members(drawn.theta.shape[1])
    log_p = target.log_density(drawn.theta.flatten(0, 1), members).view(drawn.theta.shape[:2])
    return log_p - log_prob(family, state.log_scale, state.factor, drawn.noise)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Optimise q, draw from it, and keep log p - log q of every draw for PSIS."""
    watched, family = recorder(target, settings, context), FAMILIES[settings.family](settings)
    state = optimise(target, settings, state, context, watched)
    drawn = draw(family, state, settings.draws, context.generator("vi draws"))
    ratio = log_ratio(target, family, state, drawn)
    context.keep(watched, ratio.mean(1))
    return Fit(drawn.theta.unsqueeze(1).float().cpu(), {"log_ratio": ratio.unsqueeze(1).cpu().double().numpy()})
