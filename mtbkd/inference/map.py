"""Maximum a posteriori: theta* = argmax log pi(theta | D), by minibatch Adam from one start a replicate."""

from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from mtbkd.inference import Context, Fit
from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    import torch

DRAWS: Literal["point", "independent", "chains"] = "point"
CLAIMS_POSTERIOR = False
SUPPLIES: frozenset[str] = frozenset()
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class State(NamedTuple):
    """``params`` (U, P): the mode."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Run the optimiser."""
    return State(context.mode(target))


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """The mode as a single draw."""
    return Fit(state.params[:, None, None].cpu())
