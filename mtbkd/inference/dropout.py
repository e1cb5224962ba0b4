"""MC dropout (Gal & Ghahramani 2016): train with dropout, keep it on for prediction.

A draw is one mask for all examples, multiplied into the weights that leave the masked units: a function like any other
draw. It approximates the posterior of a model with a prior of its own, not this one, and is judged by its predictions.
"""

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import DrawCount
from mtbkd.base.lazy import torch
from mtbkd.inference import Context, Fit
from mtbkd.inference.optimise import dropout_masks
from mtbkd.posterior.problem import Problem

DRAWS: Literal["point", "independent", "chains"] = "independent"
CLAIMS_POSTERIOR = False
SUPPLIES: frozenset[str] = frozenset()
IMPROPER_PRIOR = True
MAX_PARAMS: int | None = None
NEEDS_HIDDEN = True
NEEDS_SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(0.1, gt=0, lt=1, description="probability of dropping a hidden unit")
    draws: DrawCount = Field(400, description="number of masks for prediction")


class State(NamedTuple):
    """``params`` (U, P): the mode found under dropout."""

    params: "torch.Tensor"


def init(target: Problem, settings: Settings, context: Context) -> State:
    """Optimise with a fresh mask for every example and step."""
    return State(context.mode(target, dropout=settings.rate))


def run(target: Problem, settings: Settings, state: State, context: Context) -> Fit:
    """Bake one mask per draw into the parameters."""
    student, members = target.student, target.num_units * settings.draws
    masks = dropout_masks(student.hidden, members, 1, settings.rate, context.generator("dropout"))
    repeated = state.params.repeat_interleave(settings.draws, 0)
    baked = student.bake(repeated, [mask.squeeze(1) for mask in masks])
    return Fit(baked.view(target.num_units, 1, settings.draws, -1).cpu())
