"""Cyclical SGLD (Zhang, Li, Zhang, Chen & Wilson 2020): steps that start large again and again, to reach several modes.

    tau_t = (tau / 2) (cos(pi r_t) + 1),   r_t in [0, 1): the place of step t in its cycle
    r_t < explore:  theta <- theta + tau_t (N/m) grad log pi(minibatch)                             exploration
    otherwise:      theta <- theta + tau_t (N/m) grad log pi(minibatch) + sqrt(2 tau_t) xi          sampling

Draws are kept in the sampling stages only, one every ``thin`` steps, and count alike. A chain visits as many modes as it
has cycles, but how often it ends in each is decided by the exploration, not by the modes' masses.
"""

import math
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mtbkd.base.bounds import Rate, Steps
from mtbkd.inference import Context, Fit, langevin
from mtbkd.inference.langevin import State as State
from mtbkd.inference.langevin import init as init
from mtbkd.posterior.target import Target

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset()
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(langevin.Ensemble):
    step_size: Rate = Field(2e-5, description="tau: initial step size of each cycle, decaying to zero")
    cycles: Steps = Field(4, description="number of cycles per chain, of equal length")
    explore: float = Field(0.5, ge=0, lt=1, description="beta: share of a cycle without noise and without draws")

    @property
    def length(self) -> int:
        """Steps of a cycle; the last one may be shorter."""
        return -(-self.steps // self.cycles)

    def place(self, step: np.ndarray) -> np.ndarray:
        """r_t of steps 1, 2, ..."""
        return (step - 1) % self.length / self.length

    def step_at(self, step: np.ndarray) -> np.ndarray:
        """tau_t of steps 1, 2, ..."""
        return self.step_size / 2 * (np.cos(math.pi * self.place(step)) + 1)

    def kept(self) -> list[int]:
        """The steps after which a draw is kept."""
        step = np.arange(1, self.steps + 1)
        return step[self.place(step) >= self.explore][self.thin - 1 :: self.thin].tolist()

    @model_validator(mode="after")
    def _leaves_draws(self) -> Self:
        if len(self.kept()) < self.cycles:
            raise ValueError(
                f"thin {self.thin} leaves {len(self.kept())} draws of {self.cycles} cycles of {self.length} steps, "
                f"of which the share {self.explore:g} explores: fewer than a draw a cycle"
            )
        return self


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws of the sampling stages, cycle by cycle."""

    step = np.arange(1, settings.steps + 1)
    tau, noisy = settings.step_at(step), settings.place(step) >= settings.explore
    moves = langevin.Moves(tau, np.where(noisy, np.sqrt(2 * tau), 0.0), anchored=noisy & settings.control_variates)
    return langevin.simulate("csgld", target, settings, settings.kept(), state.params, context, moves)
