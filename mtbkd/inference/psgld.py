"""Preconditioned SGLD (Li, Chen, Carlson & Carin 2016): a step of its own for every parameter, as in RMSprop.

    V <- decay V + (1 - decay) g^2,   G = 1 / (damping + sqrt(V)),   g = (1/m) grad log pi(minibatch)
    theta <- theta + tau G (N/m) grad log pi(minibatch) + sqrt(2 tau G) xi,   xi ~ N(0, I)

While G moves with theta the law needs a further term, Gamma(theta) = dG / dtheta, which the paper drops and with it the
exact limit. Here G moves in the burn-in only and is then frozen, a constant of the chain: the draws are SGLD's in scaled
coordinates, whose limit as tau -> 0 is the posterior.
"""

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from mtbkd.inference import Context, Fit, langevin
from mtbkd.inference.langevin import State as State
from mtbkd.inference.langevin import init as init
from mtbkd.lazy import lazy_import
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

DRAWS: Literal["point", "independent", "chains"] = "chains"
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(langevin.BurnIn):
    step_size: float = Field(3e-7, gt=0, description="tau; a parameter's own step is tau G, larger where gradients are small")
    burn_in: int = Field(5_000, ge=1, description="first steps, left out, in which the preconditioner is learnt")
    decay: float = Field(0.99, ge=0, lt=1, description="what V keeps of its value in a step of the burn-in")
    damping: float = Field(
        1e-5,
        gt=0,
        description="what bounds G where gradients vanish, by 1 / damping, and so the first steps of a chain at a mode",
    )


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Run all chains of all units as one ensemble and keep the thinned draws; each chain has its own preconditioner."""
    square, precondition = torch.zeros_like(state.params), torch.ones_like(state.params)
    root = torch.ones_like(state.params)

    def learn(step: int, grad: "torch.Tensor") -> None:
        torch.div(grad, target.num_examples, out=root).square_()
        square.lerp_(root, max(1 - settings.decay, 1 / step))  # a plain mean at first: V starts from nothing
        torch.sqrt(square, out=precondition).add_(settings.damping).reciprocal_()
        torch.sqrt(precondition, out=root)

    def move(step: int, params: "torch.Tensor", grad: "torch.Tensor", noise: "torch.Tensor") -> None:
        if step <= settings.burn_in:
            learn(step, grad)
        params.addcmul_(grad, precondition, value=settings.step_size)
        params.addcmul_(noise, root, value=math.sqrt(2 * settings.step_size))

    return langevin.simulate("psgld", target, settings, settings.kept(), state.params, context, move)
