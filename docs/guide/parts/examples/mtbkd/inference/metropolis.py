"""Random-walk Metropolis (Metropolis et al. 1953): propose theta + step xi, xi ~ N(0, I); accept by the ratio of the densities.

    accept with probability min(1, pi(theta' | D) / pi(theta | D))

Exact in the limit and without a gradient, but it needs a step of the order of the posterior's smallest standard deviation and
a number of steps that grows with the number of parameters. It is here as the shortest sampler that is right.
"""

from typing import Literal, NamedTuple

from pydantic import Field

from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference import Context, Fit, langevin
from mtbkd.posterior.target import Target

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset()
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = 100
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(langevin.BurnIn):
    """Chains with a burn-in; minibatches and control variates of the shared settings are not used."""

    step: float = Field(0.03, gt=0, le=1_000, description="standard deviation of a proposal, the same in every direction")


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Each chain's own MAP run."""
    return State(context.chain_starts(target, settings.chains, settings.overdispersion))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Draws (U, C, D, P): the chains after every step that is kept."""
    params, units, generator = state.params.clone(), target.members(settings.chains), context.generator("metropolis")
    level, kept, draws = target.log_density(params, units), set(settings.kept()), []
    for step in steps(range(1, settings.steps + 1), f"metropolis, {len(params)} chains"):
        noise = torch.randn(params.shape, generator=generator, device=params.device)
        proposal = params + settings.step * noise
        proposed = target.log_density(proposal, units)
        chance = torch.rand(len(params), generator=generator, device=params.device)
        accepted = chance.log() < proposed - level
        params, level = torch.where(accepted[:, None], proposal, params), torch.where(accepted, proposed, level)
        if step in kept:
            draws.append(params)
    return Fit(torch.stack(draws, 1).unflatten(0, (target.num_units, settings.chains)).float().cpu())
