"""Chain-steps per second of every minibatch algorithm against the number of chains, and where the time of a step goes.

A chain-step is one minibatch gradient of one chain (of one sample of q for variational inference) and its update. Every
chain has its own start and its own minibatches.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import torch
from mtbkd.bench.problems import BATCH_SIZE, Case, best, make, seconds
from mtbkd.inference import Context
from mtbkd.inference.langevin import Moves
from mtbkd.inference.optimise import TOGETHER, Training
from mtbkd.posterior.problem import Problem
from mtbkd.students import dense, dense_vjp, init_ensemble

ALGORITHMS = ("sgld", "sghmc", "psgld", "csgld", "vi")
CHAINS = (1, 4, 16, 64, 256)
DRAWS, BURN_IN, THIN = 480, 640, 16  # the paper's: 4 chains of 2,560 steps
SHORT, TINY_STEP = 2, 1e-9  # speed does not depend on it, and no chain gets lost


def rates(case: Case, budget: float = 0.25) -> Iterator[dict[str, Any]]:
    """One row an algorithm and number of chains: ``chain_steps_per_s`` and ``seconds_to_480_draws`` on the paper's schedule."""
    problem = make(case)
    for algorithm in ALGORITHMS:
        for chains in CHAINS:
            rate = chains / _step_seconds(problem, algorithm, chains, budget)
            row = {"student": case.label, "algorithm": algorithm, "chains": chains, "chain_steps_per_s": rate}
            yield row | {"seconds_to_480_draws": seconds_to_draws(rate, chains) if algorithm != "vi" else None}


def seconds_to_draws(rate: float, chains: int) -> float:
    """Time to 480 draws in all at ``rate`` chain-steps per second: every chain burns in, then keeps every 16th step."""
    return chains * (BURN_IN + THIN * math.ceil(DRAWS / chains)) / rate


def _step_seconds(problem: Problem, algorithm: str, chains: int, budget: float) -> float:
    """Seconds a step: the better of two long runs less the best of three short ones, which leaves out start and end."""
    module = registry.part("inference", algorithm)

    def run(steps: int) -> float:
        state, settings = prepare(problem, algorithm, chains, steps)
        return seconds(lambda: module.run(problem, settings, state, context()))

    short, steps = min(run(SHORT) for _ in range(3)), 8
    while (long := min(run(SHORT + steps) for _ in range(2))) < short + budget / 2 and steps < 100_000:
        steps *= 4
    return (long - short) / steps


def context() -> Context:
    """One replicate, and no optimiser to speak of."""
    return Context(0, (0,), Training.model_validate({"steps": 1, "restarts": 1}), "cpu")


def prepare(problem: Problem, algorithm: str, chains: int, steps: int) -> tuple[Any, Any]:
    """State and settings of a run of ``steps`` steps that keeps one draw."""
    module = registry.part("inference", algorithm)
    if algorithm == "vi":
        settings = module.Settings(steps=steps, samples=chains, batch_size=BATCH_SIZE, draws=1, learning_rate=TINY_STEP)
        return module.init(problem, settings, context()), settings
    own = {"csgld": {"cycles": 1, "explore": 0.0}}.get(algorithm, {"burn_in": 1})
    sizes = {"steps": steps, "thin": max(1, steps - 1), "chains": chains, "batch_size": BATCH_SIZE, "step_size": TINY_STEP}
    return module.State(init_ensemble(problem.student, list(range(chains)))), module.Settings(**sizes, **own)


def shares(case: Case, step_s: float, chains: int, normals_per_s: float) -> dict[str, float]:
    """Share of a step of SGLD of ``step_s`` seconds in drawing normals, in the layers' products and in the rest.

    Where steps are compiled their products cannot be told apart: then it is the share of all but the normals.
    """
    problem, params = make(case), init_ensemble(case.student, list(range(chains)))
    found = {"noise": params.numel() / normals_per_s / step_s}
    if problem.compiled:
        moves, noise = Moves(np.full(TOGETHER, TINY_STEP), np.zeros(TOGETHER)), torch.zeros(TOGETHER, *params.shape)
        walker = problem.compiled.walker(params, problem.members(chains), BATCH_SIZE, moves, torch.Generator().manual_seed(0))
        found["compiled_steps"] = best(lambda: walker.advance(0, noise)) / TOGETHER / step_s
    else:
        found["matrix_products"] = best(lambda: _products(case, params)) / step_s
    return {**found, "rest": max(0.0, 1 - sum(found.values()))}


def _products(case: Case, params: "torch.Tensor") -> None:
    """Each layer's affine map forward and backward."""
    offset, grad = 0, torch.empty_like(params)
    for layer, (a, b) in enumerate(pairwise(case.sizes)):
        x, pull = torch.ones(len(params), BATCH_SIZE, a), torch.ones(len(params), BATCH_SIZE, b)
        dense(params, x, offset, a, b)
        dense_vjp(grad, params, x, pull, offset, layer == 0)
        offset += (a + 1) * b


def operator_calls(case: Case, chains: int) -> int:
    """Calls of torch in a step's minibatch and gradient: what a step of a small ensemble waits for."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.calls += 1
            return func(*args, **(kwargs or {}))

    problem, generator = make(case), torch.Generator().manual_seed(0)
    params, units = init_ensemble(problem.student, list(range(chains))), problem.members(chains)
    problem.minibatch(units, BATCH_SIZE, generator)  # what is made once, before the first step, is no part of one
    with Count() as count:
        problem.gradient(params, units, problem.minibatch(units, BATCH_SIZE, generator))
    return count.calls
