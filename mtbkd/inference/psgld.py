"""Preconditioned SGLD (Li, Chen, Carlson & Carin 2016): a step of its own for every parameter, as in RMSprop.

    V <- decay V + (1 - decay) g^2,   G = 1 / (damping + sqrt(V)),   g = (1/m) grad log pi(minibatch)
    theta <- theta + tau G (N/m) grad log pi(minibatch) + sqrt(2 tau G) xi,   xi ~ N(0, I)

While G moves with theta the law needs a further term, Gamma(theta) = dG / dtheta, which the paper drops and with it the
exact limit. Here G moves in the burn-in only and is then frozen, a constant of the chain: the draws are SGLD's in scaled
coordinates, whose limit as tau -> 0 is the posterior. G measures the noise of minibatches, so control variates, which take it
away, begin where G is frozen; with them from the start G would be all but infinite at a mode.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from mtbkd.base.bounds import Positive, Rate
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
    step_size: Rate = Field(3e-7, description="tau; the step of each parameter is tau G, larger where gradients are small")
    burn_in: int = Field(
        5_000, ge=1, le=100_000_000, description="burn-in: first steps, discarded, which adapt the preconditioner"
    )
    decay: float = Field(0.99, ge=0, lt=1, description="decay factor of V per burn-in step")
    damping: Positive = Field(
        1e-5,
        description="bounds G by 1 / damping where gradients vanish, and thereby the first steps of a chain at a mode",
    )


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws; each chain has its own preconditioner."""
    steps = np.arange(1, settings.steps + 1)
    # A plain mean at first: V starts from nothing.
    learn = np.where(steps <= settings.burn_in, np.maximum(1 - settings.decay, 1 / steps), 0.0)
    drift = np.full(settings.steps, settings.step_size)
    anchored = (steps > settings.burn_in) & settings.control_variates
    adapted = {"learn": learn, "damping": settings.damping}
    moves = langevin.Moves(drift, np.sqrt(2 * drift), anchored=anchored, anchors=state.params, **adapted)
    return langevin.simulate("psgld", target, settings, settings.kept(), state.params, context, moves)
