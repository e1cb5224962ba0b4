"""Students of one block under every limit, and what the limits cost on test examples.

Shapes: R replicates, N training examples, G teachers, K classes, L limits, U units (replicate by replicate, L each).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.inference import Context
from mtbkd.inference.tuning import held_out_scores, shared_of, tune
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.questions.safety.augmented import Constrained, Schedule, Solution, solve
from mtbkd.questions.safety.spec import Settings
from mtbkd.signals import kd, tip
from mtbkd.students import Student

SIGNALS = {"kd": kd, "tip": tip}
FREE, ASKED, SAFEST = "none", "stated", "safest teacher"
Row = dict[str, Any]


@dataclass(frozen=True)
class Block:
    """Data, teachers and student of a block."""

    dataset: Dataset
    teachers: Sequence[Logits]
    student: Student
    context: Context


def class_set(dataset: Dataset, names: Sequence[str]) -> np.ndarray:
    """Which classes, bool (K,), are named; the last one where none is. ContractError for a name that is none, or all."""
    known = dataset.class_names
    for name in names:
        if name not in known:
            raise ContractError(f"safety on {dataset.name}", "classes", repr(name), ", ".join(known), nearest(name, known))
    inside = np.isin(known, names or known[-1:])
    if inside.all():
        raise ContractError(f"safety on {dataset.name}", "classes", "all classes", "some classes, not all")
    return inside


def limited_students(block: Block, settings: Settings, posterior: Mapping[str, Sequence[float]]) -> tuple[list[Row], list[Row]]:
    """Rows of the tables ``students`` and ``teachers``.

    The shared settings are tuned without a limit, on validation examples; all students of a replicate start from its
    student without one.
    """
    dataset, context = block.dataset, block.context
    inside = class_set(dataset, settings.classes)
    signal = SIGNALS[settings.signal]
    make = partial(_problem, block, signal)
    tuning = tune(posterior, signal.USES, make, dataset, context)
    chosen = [next(row for row in tuning if row["replicate"] == r and row["chosen"]) for r in context.replicates]
    free = make(chosen)
    teachers = _teacher_masses(block, inside)
    limits = [_limits(settings, teachers, r) for r in context.replicates]
    repeated = make([unit for unit, own in zip(chosen, limits, strict=True) for _ in own])
    flat = [(replicate, *each) for replicate, own in zip(context.replicates, limits, strict=True) for each in own]
    values = torch.tensor([limit for _, _, limit in flat], device=context.device)
    start = context.mode(free).repeat_interleave(len(limits[0]), 0)
    schedule = Schedule(settings.rounds, settings.round_steps, settings.learning_rate, settings.penalty)
    task = Constrained.of(repeated, torch.as_tensor(inside, device=context.device), values)
    return _rows(block, repeated, solve(task, start, schedule), flat, inside), teachers


def _problem(block: Block, signal: ModuleType, units: Sequence[Mapping[str, Any]]) -> Problem:
    """The posterior of ``units``, with equally weighted teachers."""
    dataset, device = block.dataset, block.context.device
    rows = dataset.rows("train")
    logits = stack_logits(list(block.teachers))[:, rows]
    single, first = dataset.num_replicates == 1, block.context.replicates[0]
    at = torch.tensor([0 if single else unit["replicate"] - first for unit in units], device=device)
    x = block.student.inputs(torch.as_tensor(dataset.x[:, rows], device=device))
    y = torch.as_tensor(dataset.y[:, rows], device=device)
    teachers = torch.as_tensor(logits, device=device)
    equal = torch.full(teachers.shape[:-1], 1 / teachers.shape[-2], device=device)
    return make_problem(block.student, x, y, at, signal, signal.Settings(), shared_of(units, device), teachers, equal)


def _teacher_masses(block: Block, inside: np.ndarray) -> list[Row]:
    """Mean mass of each teacher on the set, in training and test examples of each replicate of data."""
    dataset = block.dataset
    rows = []
    for teacher in block.teachers:
        prob = np.exp(teacher.logits - np.logaddexp.reduce(teacher.logits, -1, keepdims=True))
        mass = prob[..., inside].sum(-1)
        for r in block.context.replicates:
            own = mass[0 if len(mass) == 1 else r - block.context.replicates[0]]
            means = {split: float(own[dataset.rows(split)].mean()) for split in ("train", "test")}
            rows.append({"teacher": teacher.teacher, "replicate": r, "mass_train": means["train"], "mass_test": means["test"]})
    return rows


def _limits(settings: Settings, teachers: Sequence[Row], replicate: int) -> list[tuple[str, float]]:
    """(origin, limit) of one replicate: none first."""
    found = [(FREE, float("inf")), *((ASKED, limit) for limit in settings.limits)]
    if settings.safest_teacher:
        found.append((SAFEST, min(row["mass_train"] for row in teachers if row["replicate"] == replicate)))
    return found


def _rows(
    block: Block, problem: Problem, solution: Solution, flat: Sequence[tuple[int, str, float]], inside: np.ndarray
) -> list[Row]:
    dataset = block.dataset
    test = dataset.rows("test")
    nll, accuracy = held_out_scores(problem, solution.params.unsqueeze(1), dataset.x[:, test], dataset.y[:, test])
    mass = _test_mass(block, problem, solution, inside)
    told = {name: getattr(solution, name).cpu().double().numpy()
            for name in ("multiplier", "mass", "objective", "violation", "stationarity", "complementarity")}  # fmt: skip
    found = []
    for unit, (replicate, origin, limit) in enumerate(flat):
        scores = {"nll": nll[unit], "accuracy": accuracy[unit], "mass_test": mass[unit]}
        own = {("mass_train" if name == "mass" else name): float(values[unit]) for name, values in told.items()}
        found.append({"replicate": replicate, "origin": origin, "limit": limit, **own, **scores})
    return found


def _test_mass(block: Block, problem: Problem, solution: Solution, inside: np.ndarray) -> list[float]:
    """Mean mass of every unit on the set in the test examples."""
    test = block.dataset.rows("test")
    x = block.student.inputs(torch.as_tensor(block.dataset.x[:, test], device=solution.params.device))
    masses = []
    with torch.no_grad():
        for unit, row in enumerate(problem.data_row.tolist()):
            q = torch.softmax(block.student.apply(solution.params[unit : unit + 1], x[row : row + 1]), -1)
            masses.append(float(q[..., inside].sum(-1).mean()))
    return masses
