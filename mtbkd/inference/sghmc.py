"""Stochastic gradient Hamiltonian Monte Carlo (Chen, Fox & Guestrin 2014, equation 15): a momentum with friction.

    v <- (1 - alpha) v + eta (N/m) grad log pi(minibatch) + sqrt(2 (alpha - beta) eta) xi,   xi ~ N(0, I)
    theta <- theta + v

beta, the estimate of the minibatch's own noise, is set to 0, as in the paper's experiments: that noise comes on top and heats
the chain, by less the larger alpha is. The momentum starts at 0 and is never redrawn: friction and noise renew it in
about 1/alpha steps. On a Gaussian of precision h the variance is too large by the factor 1 / (1 - eta h / (2 (2 - alpha))).
A step moves about as far as one of SGLD with tau = eta / alpha does.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from mtbkd.base.bounds import Rate
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
    step_size: Rate = Field(1e-6, description="eta: square of the leapfrog step size at unit mass")
    friction: float = Field(0.1, gt=0, lt=1, description="alpha: share of the momentum removed per step")


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws."""
    drift = np.full(settings.steps, settings.step_size)
    anchored = np.full(settings.steps, settings.control_variates)
    moves = langevin.Moves(drift, np.sqrt(2 * settings.friction * drift), anchored=anchored, keep=1 - settings.friction)
    return langevin.simulate("sghmc", target, settings, settings.kept(), state.params, context, moves)
