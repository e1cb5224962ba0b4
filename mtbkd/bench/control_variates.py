"""What control variates cost: a step of SGLD with them over one without, noise included, compiled and by torch's operators."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.bench.problems import BATCH_SIZE, Case, best, make
from mtbkd.inference.langevin import Moves, StepByStep, walker
from mtbkd.inference.noise import Normals
from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem
from mtbkd.students import init_ensemble

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

TINY_STEP = 1e-9  # speed does not depend on it, and no chain gets lost
STEPS = {"compiled": 64, "torch": 4}  # at a time


class _Uncompiled(Problem):
    compiled = None


def costs(case: Case, chains: int) -> list[dict[str, Any]]:
    """Rows {student, form, chains, plain_ms, anchored_ms, ratio} of the forms that there are for the student."""
    by_torch, problem = _Uncompiled(**vars(make(case))), make(case)
    forms = {"compiled": problem, "torch": by_torch} if problem.compiled else {"torch": by_torch}
    return [_cost(case, form, each, chains) for form, each in forms.items()]


def _cost(case: Case, form: str, problem: Problem, chains: int) -> dict[str, Any]:
    plain, anchored = (_step_seconds(problem, chains, STEPS[form], on) for on in (False, True))
    row = {"student": case.label, "form": form, "chains": chains}
    return row | {"plain_ms": plain * 1e3, "anchored_ms": anchored * 1e3, "ratio": anchored / plain}


def _step_seconds(problem: Problem, chains: int, steps: int, anchored: bool) -> float:
    """Seconds of a step once the chains have their anchors."""
    params = init_ensemble(problem.student, list(range(chains)))
    tau, noise = np.full(2 * steps, TINY_STEP), Normals(params.shape, 0, "cpu")
    moves, generator = Moves(tau, tau, anchored=np.full(2 * steps, anchored)), torch.Generator().manual_seed(0)
    chain = walker(problem, params, problem.members(chains), BATCH_SIZE, moves, generator)
    assert isinstance(chain, StepByStep) == (problem.compiled is None)

    def advance(done: int) -> None:
        left = steps
        while left:
            block = noise.draw(left)
            chain.advance(done, block)
            done, left = done + len(block), left - len(block)

    advance(0)
    return best(lambda: advance(steps)) / steps
