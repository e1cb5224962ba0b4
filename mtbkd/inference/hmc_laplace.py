"""Hamiltonian Monte Carlo in the coordinates of each chain's Laplace approximation, for posteriors that are nearly Gaussian.

    theta = mode + L z,   L L' = (- Hessian of log pi)^-1 at the mode,   momentum ~ N(0, I)

Every chain has a mode of its own, found from an overdispersed start, and begins at a draw of its approximation. In z the
posterior of a linear student is close to N(0, I), whatever its inputs' correlations and the prior's scale, so that some three
gradients reach the other side. A trajectory draws its number of gradients and its share of the step, which dual averaging
(Hoffman & Gelman 2014) learns in the warm-up; the metric is never learnt from draws. Chains go on in rounds of ``draws`` until
they agree (``mtbkd.inference.rounds``). ``hmc`` is for several modes.

Where the likelihood is a wall, as of a class that is all but excluded, a trajectory that runs into it errs exponentially in its
step: some in 10,000 diverge at acceptance .9. Where one did, the unit's steps get shorter, and its draws start again.
Shapes: U units, C chains, E = U C members, D draws, P parameters.
"""

import logging
import math
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import ChainCount, DrawCount, Positive, Steps
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference import Context, Fit
from mtbkd.inference.modes import climb, curvature
from mtbkd.inference.rounds import Round, by_unit, in_rounds
from mtbkd.inference.scale_free import Plain
from mtbkd.inference.trajectories import DIVERGED, SHORTER, StepSize
from mtbkd.posterior.target import Target

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"energy", "diverging"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 1100  # the finite differences of its curvature hold chains x parameters^2 numbers
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
POLISH = 300  # full-batch Adam steps to the mode
FIRST_STEP, MOST_STEP = 0.5, 1.5  # 2 is unstable on N(0, I)
SHORTEST = 0.6  # share of its step that a trajectory takes at least


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent chains a replicate; at least 2 for R-hat")
    warmup: Steps = Field(150, description="first trajectories, left out, in which the step is learnt")
    draws: DrawCount = Field(1000, description="draws of a round, and kept of a chain")
    rounds: Steps = Field(1, description="rounds of ``draws`` at most, while chains differ")
    thin: Steps = Field(2, description="trajectories a draw")
    leapfrogs: Steps = Field(8, description="gradients a trajectory, at most; each draws its own number")
    length: Positive | None = Field(
        None,
        description="length of a trajectory in standard deviations, at most; on a Gaussian they turn back at pi. None: any",
    )
    target_accept: float = Field(0.8, gt=0, lt=1, description="acceptance that the step size aims at")
    overdispersion: float = Field(
        2.0, ge=1, le=1_000, description="factor on the spread of the starting points before their MAP runs"
    )


class State(NamedTuple):
    """``place`` (E, P) of the chains' modes, NaN where a MAP run was lost, and a ``root`` L (E, P, P)."""

    place: "torch.Tensor"
    root: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Each chain's own mode, and the curvature there."""
    space, units = Plain(target), target.members(settings.chains)
    found = context.chain_starts(target, settings.chains, settings.overdispersion)
    lost = ~torch.isfinite(found).all(-1, keepdim=True)
    place = climb(space, found.masked_fill(lost, 0.1), units, POLISH)
    root = torch.linalg.cholesky(curvature(space, place, units)).float()
    return State(place.masked_fill(lost, torch.nan), root)


class Chains:
    """All chains of all units as one ensemble, at ``place`` (E, P)."""

    def __init__(self, target: Target, settings: Settings, state: State, generator: "torch.Generator"):
        self.space, self.settings, self.root, self.generator = Plain(target), settings, state.root, generator
        self.units = target.members(settings.chains)
        self.place = state.place.nan_to_num(0.1) + self._out(self._normal(state.place.shape))
        self.value, self.slope = self.space.value(self.place, self.units), self._slope(self.place)
        self.energy, self.diverging = self.value, self.value > torch.inf
        self.step = StepSize(settings.target_accept, MOST_STEP, torch.full_like(self.value, np.log(FIRST_STEP)))

    def _normal(self, shape: "tuple[int, ...]") -> "torch.Tensor":
        return torch.randn(shape, generator=self.generator, device=self.root.device)

    def _out(self, z: "torch.Tensor") -> "torch.Tensor":
        return torch.bmm(self.root, z.unsqueeze(-1)).squeeze(-1)

    def _slope(self, place: "torch.Tensor") -> "torch.Tensor":
        """Gradient (E, P) in z."""
        return torch.bmm(self.space.slope(place, self.units).unsqueeze(1), self.root).squeeze(1)

    def round(self, draws: int) -> list[Round]:
        """See ``Ensemble``."""
        seen: list[Round] = []
        for _ in steps(range(draws), "draws"):
            diverging = torch.zeros_like(self.diverging)
            for _ in range(self.settings.thin):
                self.move(learn=False)
                diverging = diverging | self.diverging
            seen.append(Round(self.place, self.value, self.energy, diverging, torch.zeros_like(self.value)))
        return by_unit(seen, len(self.place) // self.settings.chains)

    def keep(self, units: list[int]) -> None:
        """See ``Ensemble``."""
        chains, device = self.settings.chains, self.place.device
        of = (torch.tensor(units, device=device).unsqueeze(1) * chains + torch.arange(chains, device=device)).flatten()
        self.units, self.root, self.place, self.value, self.slope = (
            each[of] for each in (self.units, self.root, self.place, self.value, self.slope)
        )
        self.diverging, self.step.mean = self.diverging[of], self.step.mean[of]

    def improve(self, at: int, place: "torch.Tensor", diverged: bool, first: bool) -> bool:
        """Make the steps of the unit at position ``at`` shorter if a trajectory diverged."""
        if diverged:
            self.step.mean[at * self.settings.chains :][: self.settings.chains] += float(np.log(SHORTER))
        return diverged

    def _limit(self) -> int:
        """Most gradients of a trajectory."""
        most = self.settings.leapfrogs
        if self.settings.length is None:
            return most
        return max(1, min(most, math.ceil(self.settings.length / float(self.step.mean.median().exp()))))

    def move(self, learn: bool) -> None:
        """One trajectory of every chain."""
        chance = torch.rand((2, len(self.place)), generator=self.generator, device=self.place.device)
        size = (self.step.log if learn else self.step.mean).exp() * (SHORTEST + (1 - SHORTEST) * chance[0])
        step, momentum = size.float().unsqueeze(-1), self._normal(self.place.shape)
        self.energy = 0.5 * momentum.square().sum(-1) - self.value
        place, slope, limit = self.place, self.slope, self._limit()
        for _ in range(int(torch.randint((limit + 1) // 2, limit + 1, (), generator=self.generator, device=place.device))):
            momentum = momentum + 0.5 * step * slope
            place = place + self._out(step * momentum)
            slope = self._slope(place)
            momentum = momentum + 0.5 * step * slope
        value = self.space.value(place, self.units)
        gain = (self.energy - 0.5 * momentum.square().sum(-1) + value).nan_to_num(nan=-torch.inf, posinf=-torch.inf)
        self.diverging, accept = gain < -DIVERGED, gain.clamp(max=0).exp()
        taken = chance[1] < accept
        self.place = torch.where(taken.unsqueeze(-1), place, self.place)
        self.value = torch.where(taken, value, self.value)
        self.slope = torch.where(taken.unsqueeze(-1), slope, self.slope)
        if learn:
            self.step.learn(accept, torch.arange(len(accept), device=accept.device))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Learn the steps, then keep draws; a chain whose mode was lost is NaN throughout."""
    chains = Chains(target, settings, state, context.generator("hmc_laplace"))
    for _ in steps(range(settings.warmup), "trajectories to warm up"):
        chains.move(learn=True)
    log.info("mean step in standard deviations: %.2f", float(chains.step.mean.exp().mean()))
    kept = in_rounds(chains, settings.draws, settings.rounds)
    place, energy, diverging = (torch.stack([getattr(own, name) for own in kept]) for name in ("place", "energy", "diverging"))
    lost = torch.isnan(state.place).any(-1).view(*place.shape[:2], 1, 1)
    stats = {"energy": energy.cpu().numpy(), "diverging": diverging.cpu().numpy()}
    return Fit(place.masked_fill(lost, torch.nan).float().cpu(), stats)
