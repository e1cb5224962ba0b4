"""Shared by the stochastic-gradient samplers: start, loop, stored draws, and the report of diverged chains.

Every chain starts at its own MAP run from its own overdispersed starting point and draws its own minibatches: chains that
share either agree with each other whatever the posterior, and R-hat would mean nothing. All of them estimate the gradient
of the full log-posterior from a minibatch, so each has a bias that vanishes only with the step: the noise of the minibatch
heats the chain, and no Metropolis test cools it.
Shapes: U units, C chains, E = U C members, D draws, P parameters.
"""

import logging
from typing import NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Batch, ChainCount, Steps
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.inference.noise import Normals
from mtbkd.posterior.schedules import Moves
from mtbkd.posterior.target import Target, full_gradient

log = logging.getLogger(__name__)

WATCH = 100  # steps between two looks for lost chains


class Walker(Protocol):
    """Chains on their way."""

    def advance(self, done: int, noise: "torch.Tensor") -> None:
        """Move the parameters (E, P) in place, given ``noise`` (S, E, P), by the S steps after the first ``done``."""
        ...


class Ensemble(BaseModel):
    """Number of chains, starting points and minibatch size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Steps = Field(20_000, description="steps per chain, including warm-up")
    thin: Steps = Field(50, description="thinning: one draw is stored every this many steps")
    chains: ChainCount = Field(4, description="independent chains per replicate; at least 2 for R-hat")
    batch_size: Batch = Field(64, description="examples per minibatch, drawn independently for every chain")
    overdispersion: float = Field(
        2.0, ge=1, le=1_000, description="factor on the spread of the starting points before their MAP fits"
    )
    control_variates: bool = Field(True, description="control variate: subtract the minibatch error at the chain's own mode")


class BurnIn(Ensemble):
    """Chains with a burn-in."""

    burn_in: int = Field(5_000, ge=0, le=100_000_000, description="burn-in: first steps, discarded")

    @model_validator(mode="after")
    def _leaves_draws(self) -> Self:
        if self.burn_in + self.thin > self.steps:
            raise ValueError(f"burn_in {self.burn_in} + thin {self.thin} leave no draw of {self.steps} steps")
        return self

    def kept(self) -> list[int]:
        """The steps after which a draw is kept."""
        return list(range(self.burn_in + self.thin, self.steps + 1, self.thin))


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Ensemble, context: Context) -> State:
    """Each chain's own MAP run."""
    return State(context.chain_starts(target, settings.chains, settings.overdispersion))


def simulate(
    name: str, target: Target, settings: Ensemble, kept: list[int], start: "torch.Tensor", context: Context, moves: Moves
) -> Fit:  # fmt: skip
    """Run all chains of all units from ``start`` (E, P) as one ensemble and keep a draw after each step in ``kept``.

    Chains never read each other: one that becomes non-finite stays there, is reported and spares the others.
    """
    params, units = start.clone(), target.members(settings.chains)
    noise = Normals(params.shape, derive(context.seed, f"{name} noise", first=context.replicates[0]), context.device)
    size = min(settings.batch_size, target.num_examples)
    chains = walker(target, params, units, size, moves, context.generator(name))
    draws = torch.empty((len(kept), *params.shape))
    positions, lost_at, done = {step: i for i, step in enumerate(kept)}, {}, 0
    turns = filter(moves.turns, range(1, settings.steps))
    looks = sorted({*kept, *range(WATCH, settings.steps, WATCH), *turns, settings.steps})
    for step in steps(looks, f"{name}, {len(params)} chains", ends=True):
        while done < step:
            block = noise.draw(step - done)
            chains.advance(done, block)
            done += len(block)
        if step in positions:
            draws[positions[step]] = params
        if step % WATCH == 0 or step == settings.steps:
            lost_at |= {chain: step for chain in _lost(params) if chain not in lost_at}
            if len(lost_at) == len(params):
                draws[[i for i, kept_step in enumerate(kept) if kept_step > step]] = torch.nan
                break
    if lost_at:
        _report(name, settings, len(params), lost_at)
    return Fit(draws.transpose(0, 1).unflatten(0, (target.num_units, settings.chains)))


def walker(
    target: Target, params: "torch.Tensor", units: "torch.Tensor", size: int, moves: Moves, generator: "torch.Generator"
) -> Walker:  # fmt: skip
    """Chains that start at ``params`` (E, P), which they move in place, on minibatches of ``size`` examples."""
    compiled = getattr(target, "compiled", None)
    if compiled:
        return compiled.walker(params, units, size, moves, generator)
    return StepByStep(target, params, units, size, moves, generator)


class StepByStep:
    """Chains that move by torch's operators."""

    def __init__(
        self, target: Target, params: "torch.Tensor", units: "torch.Tensor", size: int, moves: Moves,
        generator: "torch.Generator",
    ):  # fmt: skip
        self.target, self.params, self.units, self.size = target, params, units, size
        self.moves, self.generator = moves, generator
        # Without momentum the parameters themselves are moved, without a preconditioner it takes no memory.
        self.momentum = torch.zeros_like(params) if moves.keep else params
        adapted = params[:0] if moves.learn is None else params
        self.square, self.scale, self.root = torch.zeros_like(adapted), torch.ones_like(adapted), torch.ones_like(adapted)
        self.anchor = self.full = params[:0]

    def advance(self, done: int, noise: "torch.Tensor") -> None:
        if self.moves.turns(done):
            self.anchor = self.moves.anchor(done, self.params)
            self.full = full_gradient(self.target, self.anchor, self.units) if len(self.anchor) else self.anchor
        for step, xi in enumerate(noise, done):
            self._move(step, self._gradient(), xi)

    def _gradient(self) -> "torch.Tensor":
        batch = self.target.minibatch(self.units, self.size, self.generator)
        grad = self.target.gradient(self.params, self.units, batch)
        if not len(self.anchor) or batch is None:
            return grad
        return grad.sub_(self.target.gradient(self.anchor, self.units, batch)).add_(self.full)

    def _move(self, step: int, grad: "torch.Tensor", noise: "torch.Tensor") -> None:
        moves, drift, spread = self.moves, float(self.moves.drift[step]), float(self.moves.spread[step])
        if moves.learn is not None and moves.learn[step] > 0:
            self._learn(float(moves.learn[step]), grad)
        if moves.keep:
            self.momentum.mul_(moves.keep)
        if moves.learn is None:
            self.momentum.add_(grad, alpha=drift).add_(noise, alpha=spread)
        else:
            self.momentum.addcmul_(grad, self.scale, value=drift).addcmul_(noise, self.root, value=spread)
        if moves.keep:
            self.params.add_(self.momentum)

    def _learn(self, weight: float, grad: "torch.Tensor") -> None:
        torch.div(grad, self.target.num_examples, out=self.root).square_()
        self.square.lerp_(self.root, weight)
        torch.sqrt(self.square, out=self.scale).add_(self.moves.damping).reciprocal_()
        torch.sqrt(self.scale, out=self.root)


def _lost(params: "torch.Tensor") -> list[int]:
    """Chains with a parameter that is not finite."""
    return (~torch.isfinite(params.sum(-1))).nonzero().flatten().tolist()


def _report(name: str, settings: Ensemble, chains: int, lost_at: dict[int, int]) -> None:
    first, step_size = min(lost_at.values()), getattr(settings, "step_size", None)
    early = f"; none was left at step {max(lost_at.values())} of {settings.steps}, so it stopped"
    log.warning(
        "%s: %d of %d chains became non-finite, the first between steps %d and %d%s. They are masked; the others "
        "are unaffected. Hint: reduce step_size from %g, for instance to a tenth of it.",
        name, len(lost_at), chains, max(1, first - WATCH + 1), first, early if len(lost_at) == chains else "", step_size,
    )  # fmt: skip
