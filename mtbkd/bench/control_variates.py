"""What control variates cost: a step of SGLD with them over one without, noise included, compiled and by torch's operators."""

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.bench.problems import BATCH_SIZE, Case, make
from mtbkd.inference.langevin import Moves, walker
from mtbkd.inference.noise import Normals
from mtbkd.posterior.problem import Problem
from mtbkd.students import init_ensemble

TINY_STEP = 1e-9  # speed does not depend on it, and no chain gets lost
STEPS = {"compiled": 64, "torch": 4}  # at a time
LEAST, BUDGET = 5, 0.5  # measurements of each, and seconds of all


def costs(case: Case, chains: int) -> list[dict[str, Any]]:
    """Rows {student, form, chains, plain_ms, anchored_ms, ratio} of the forms that there are for the student."""
    by_torch, problem = make(case), make(case)
    vars(by_torch)["compiled"] = None  # what the property has found
    forms = {"compiled": problem, "torch": by_torch} if problem.compiled else {"torch": by_torch}
    return [_cost(case, form, each, chains) for form, each in forms.items()]


def _cost(case: Case, form: str, problem: Problem, chains: int) -> dict[str, Any]:
    """CPU time, which nothing else on the machine lengthens much; the best of each, measured by turns."""
    both = [_advance(problem, chains, STEPS[form], on) for on in (False, True)]
    pairs = [[_cpu_seconds(each) for each in both]]
    while len(pairs) < LEAST or sum(map(sum, pairs)) < BUDGET:
        pairs.append([_cpu_seconds(each) for each in both])
    plain, anchored = (min(times) / STEPS[form] for times in zip(*pairs, strict=True))
    row = {"student": case.label, "form": form, "chains": chains}
    return row | {"plain_ms": plain * 1e3, "anchored_ms": anchored * 1e3, "ratio": anchored / plain}


def _cpu_seconds(action: Callable[[], None]) -> float:
    began = process_time()
    action()
    return process_time() - began


def _advance(problem: Problem, chains: int, steps: int, anchored: bool) -> Callable[[], None]:
    """What moves ``chains`` chains by ``steps`` steps, once they have their anchors."""
    params = init_ensemble(problem.student, list(range(chains)))
    tau, noise = np.full(2 * steps, TINY_STEP), Normals(params.shape, 0, "cpu")
    moves, generator = Moves(tau, tau, anchored=np.full(2 * steps, anchored)), torch.Generator().manual_seed(0)
    chain = walker(problem, params, problem.members(chains), BATCH_SIZE, moves, generator)

    def advance(done: int = steps) -> None:
        last = done + steps
        while done < last:
            block = noise.draw(last - done)
            chain.advance(done, block)
            done += len(block)

    advance(0)
    return advance
