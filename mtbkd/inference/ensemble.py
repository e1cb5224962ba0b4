"""Deep ensemble (Lakshminarayanan, Pritzel & Blundell 2017): MAP runs from independent starts, averaged in prediction.

    q(y | x) = (1/M) sum_m q(y | x; theta_m),   theta_m = argmax log pi(theta | D) from start m with its own minibatches

It claims no posterior: its members are modes, each at full height and without width, weighted alike whatever their mass. It
is judged by its predictions; a posterior with one mode (a linear student) gives members that agree.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.inference import Context, Fit
from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    import torch

DRAWS: Literal["point", "independent", "chains"] = "independent"
CLAIMS_POSTERIOR = False
SUPPLIES: frozenset[str] = frozenset()
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(5, ge=2, le=10_000, description="number of MAP fits per replicate, each one a draw")


class State(NamedTuple):
    """``params`` (U * M, P): the modes of M members per unit."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Run the optimiser from every member's own start, all members as one batch."""
    return State(context.chain_starts(target, settings.members, overdispersion=1.0))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """The members as draws."""
    return Fit(state.params.view(target.num_units, 1, settings.members, -1).cpu())
