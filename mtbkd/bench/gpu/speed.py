"""Member-steps and images per second on a device against the cores of the same machine.

A member-step is one minibatch gradient of one chain of SGLD and its update, noise included. All chains start at the same point,
which changes no time. Everything is float32.
"""

import math
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.bench import images as cnn
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.bench.problems import BATCH_SIZE, Case, make
from mtbkd.inference.langevin import Moves, walker
from mtbkd.inference.noise import Normals
from mtbkd.students import init_ensemble

BLOCK, TINY_STEP, PATIENCE = 1_000, 1e-9, 4.0  # most steps at a time; of SGLD; longest step that is waited for, s


def samplers(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {student, parameters, chains, device, cpu}: member-steps per second, None where it would take too long or much."""
    found = []
    for case in sizes.cases:
        rows = [{"student": case.name, "parameters": case.student.num_params, "chains": chains} for chains in sizes.chains]
        for name, column in (("cpu", "cpu"), (device, "device")):
            most = sizes.most_params if name == "cpu" else None
            for row, rate in zip(rows, _rates(case, name, sizes, most), strict=True):
                row[column] = rate
        found += rows
    return found


def _rates(case: Case, device: str, sizes: Sizes, most_params: int | None) -> list[float | None]:
    """Member-steps per second at every number of chains."""
    found, step = [], 0.0
    for before, chains in zip((sizes.chains[0], *sizes.chains), sizes.chains, strict=False):
        too_much = most_params is not None and chains * case.student.num_params > most_params
        if too_much or step * chains / before > PATIENCE:
            found.append(None)
            continue
        try:
            step = _step_seconds(case, chains, device, sizes.budget)
        except torch.OutOfMemoryError:
            step = math.inf
        found.append(chains / step if step < math.inf else None)
    return found


def _step_seconds(case: Case, chains: int, device: str, budget: float) -> float:
    """Seconds of one step of ``chains`` chains."""
    problem = make(case, device=device)
    params = init_ensemble(case.student, [0]).to(device).repeat(chains, 1)
    noise, generator = Normals(params.shape, 0, device), torch.Generator(device).manual_seed(0)
    moves = Moves(np.full(BLOCK, TINY_STEP), np.full(BLOCK, TINY_STEP))
    chain = walker(problem, params, problem.members(chains), BATCH_SIZE, moves, generator)

    def advance() -> int:
        block = noise.draw(BLOCK)
        chain.advance(0, block)
        return len(block)

    return seconds_each(advance, device, budget)


def graphs(device: str, sizes: Sizes) -> Any:
    """Rows {student, parameters, chains, eager, graph}: minibatch gradients of all chains per second, operator by operator and
    as one CUDA graph; where a case cannot be captured, ``note`` says why."""
    if device == "cpu":
        return {"not_run": "CUDA graphs need a GPU"}
    return [_graph_row(case, chains, device, sizes.budget) for case in sizes.cases for chains in sizes.chains[::2]]


def _graph_row(case: Case, chains: int, device: str, budget: float) -> dict[str, Any]:
    problem, generator = make(case, device=device), torch.Generator(device).manual_seed(0)
    params, units = init_ensemble(case.student, [0]).to(device).repeat(chains, 1), problem.members(chains)
    batch = problem.minibatch(units, BATCH_SIZE, generator)

    def gradient() -> int:
        problem.gradient(params, units, batch)
        return 1

    row: dict[str, Any] = {"student": case.name, "parameters": case.student.num_params, "chains": chains}
    try:
        row["eager"] = chains / seconds_each(gradient, device, budget)
        replay = _captured(gradient)
        row["graph"] = chains / seconds_each(lambda: replay() or 1, device, budget)
    except RuntimeError as error:  # memory, or an operator that waits for the GPU
        row["note"] = f"{type(error).__name__}: {error}".splitlines()[0]
    return row


def _captured(action: Callable[[], Any]) -> Callable[[], None]:
    """``action`` as one CUDA graph, after what it sets up when it first runs (torch's notes on CUDA graphs)."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            action()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        action()
    return graph.replay


def images(device: str, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows {images, seeds, device, cpu}: images per second through the CNN student's gradient, all seeds together."""
    found = []
    for name, shape in cnn.SHAPES.items():
        student = cnn.build(shape)
        for seeds in sizes.seeds:
            row = {"images": name, "parameters": student.num_params, "seeds": seeds}
            for where, column in (("cpu", "cpu"), (device, "device")):
                step = cnn.ours(student, shape, seeds, where)
                row[column] = seeds * BATCH_SIZE / seconds_each(lambda step=step: bool(step().numel()), where, sizes.budget)
            found.append(row)
    return found


def seconds_each(action: Callable[[], int], device: str, budget: float) -> float:
    """Seconds a step of ``action``, which returns how many it took: the best of three runs of ``budget`` seconds, or of one."""

    def run(least: int) -> float:
        _wait(device)
        began, steps = perf_counter(), 0
        while steps < least:
            steps += action()
        _wait(device)
        return (perf_counter() - began) / steps

    run(1)  # compiles, loads libraries, takes memory
    step = run(1)
    return min(run(max(1, round(budget / step))) for _ in range(3 if step < budget else 1))


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()
