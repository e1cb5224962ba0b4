"""What the stochastic-gradient samplers share: their start, their loop, what they keep and what they say of lost chains.

Every chain starts at its own MAP run from its own overdispersed starting point and draws its own minibatches: chains that
share either agree with each other whatever the posterior, and R-hat would mean nothing. All of them estimate the gradient
of the full log-posterior from a minibatch, so each has a bias that vanishes only with the step: the noise of the minibatch
heats the chain, and no Metropolis test cools it.
Shapes: U units, C chains, E = U C members, D draws, P parameters.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from mtbkd.inference import Context, Fit
from mtbkd.inference.noise import Normals
from mtbkd.lazy import lazy_import
from mtbkd.progress import steps
from mtbkd.seeds import derive
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

log = logging.getLogger(__name__)

WATCH = 100  # steps between two looks for lost chains

# Moves the parameters (E, P) in place at step 1, 2, ..., given their gradient and standard normals, both (E, P).
Move = Callable[[int, "torch.Tensor", "torch.Tensor", "torch.Tensor"], None]


class Ensemble(BaseModel):
    """How many chains, from where, on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = Field(20_000, description="steps of each chain, those left out included")
    thin: PositiveInt = Field(50, description="one draw is kept every so many steps")
    chains: int = Field(4, ge=1, description="independent chains a replicate; at least 2 for R-hat")
    batch_size: PositiveInt = Field(64, description="examples a minibatch, drawn by every chain for itself")
    overdispersion: float = Field(2.0, ge=1, description="factor on the spread of the starting points before their MAP runs")


class BurnIn(Ensemble):
    """Chains whose first steps are left out."""

    burn_in: int = Field(5_000, ge=0, description="first steps, left out")

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
    name: str, target: Target, settings: Ensemble, kept: list[int], start: "torch.Tensor", context: Context, move: Move
) -> Fit:  # fmt: skip
    """Run all chains of all units from ``start`` (E, P) as one ensemble and keep a draw after each step in ``kept``.

    Chains never read each other: one that leaves the finite numbers stays there, is reported and spares the others.
    """
    units, generator = target.members(settings.chains), context.generator(name)
    params, size = start.clone(), min(settings.batch_size, target.num_examples)
    noise = Normals(params.shape, derive(context.seed, f"{name} noise", first=context.replicates[0]), context.device)
    draws = torch.empty((len(kept), *params.shape))
    positions, lost_at = {step: i for i, step in enumerate(kept)}, {}
    for step in steps(range(1, settings.steps + 1), f"{name}, {len(params)} chains"):
        grad = target.gradient(params, units, target.minibatch(units, size, generator))
        move(step, params, grad, noise.draw())
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


def _lost(params: "torch.Tensor") -> list[int]:
    """Chains with a parameter that is not finite."""
    return (~torch.isfinite(params.sum(-1))).nonzero().flatten().tolist()


def _report(name: str, settings: Ensemble, chains: int, lost_at: dict[int, int]) -> None:
    first, step_size = min(lost_at.values()), getattr(settings, "step_size", None)
    early = f"; none was left at step {max(lost_at.values())} of {settings.steps}, so it stopped"
    log.warning(
        "%s: %d of %d chains left the finite numbers, the first between steps %d and %d%s. Lost chains are masked, the others "
        "are as they would be alone. Hint: a smaller step_size than %g, for instance a tenth of it.",
        name, len(lost_at), chains, max(1, first - WATCH + 1), first, early if len(lost_at) == chains else "", step_size,
    )  # fmt: skip
