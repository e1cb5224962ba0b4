"""Stochastic gradient Langevin dynamics (Welling & Teh 2011), with the constant step of MT-BKD or a decreasing one.

    theta <- theta + tau_t (N/m) grad log pi(minibatch) + sqrt(2 tau_t) xi,   xi ~ N(0, I)
    tau_t = max(floor, tau (1 + t / decay_offset)^-decay)

The second line is Welling & Teh's a (b + t)^-gamma with b = decay_offset and gamma = decay, scaled to start at tau. They
weight draws by their steps; draws here count alike, so the step has a floor below which late draws would hardly move.
The bias is of order tau: the stationary law is the posterior only as tau -> 0, and minibatch noise adds
tau^2 Var(N/m grad) per step.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from mtbkd.base.bounds import NotNegative, Positive, Rate
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


class Settings(langevin.BurnIn):
    step_size: Rate = Field(1e-5, description="tau: initial step size")
    decay: float = Field(0.0, ge=0, le=1, description="gamma: 0 is a constant step size; Welling & Teh require (0.5, 1]")
    decay_offset: Positive = Field(1000.0, description="b, in steps: how long the step size stays near tau")
    floor: NotNegative = Field(0.0, description="minimum step size")

    def step_at(self, step: np.ndarray) -> np.ndarray:
        """tau_t of steps 1, 2, ..."""
        falling = self.step_size * (1 + (step - 1) / self.decay_offset) ** -self.decay
        return np.maximum(min(self.floor, self.step_size), falling)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws."""

    tau = settings.step_at(np.arange(1, settings.steps + 1))
    moves = langevin.Moves(tau, np.sqrt(2 * tau), anchored=np.full(settings.steps, settings.control_variates))
    return langevin.simulate("sgld", target, settings, settings.kept(), state.params, context, moves)
