"""The compiled gradient is that of torch, example by example, for every signal and student that has one."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.compiled import rows as elementary
from mtbkd.compiled.posterior import MOST_PARAMS, CompiledPosterior, Rows
from mtbkd.posterior import Problem, Shared, make_problem
from mtbkd.signals import bkd, kd, none, pooled, power, tip
from mtbkd.students import Student, init_ensemble
from mtbkd.students.linear import Linear
from mtbkd.students.mlp import Mlp

UNITS, EXAMPLES, TEACHERS, CLASSES, INPUTS = 3, 150, 2, 4, 3
STUDENTS = {"mlp": Mlp((INPUTS, 6, CLASSES)), "deep": Mlp((INPUTS, 5, 7, CLASSES)), "linear": Linear(INPUTS, CLASSES, False)}
SIGNALS = {
    "none": (none, {}), "kd": (kd, {}), "tip": (tip, {}), "bkd": (bkd, {"teacher": 1}), "power": (power, {"r": 0.4}),
    "power0": (power, {"r": 0.0}), "pooled": (pooled, {}),
}  # fmt: skip


def problem_of(
    student: Student, signal: ModuleType, settings: dict[str, Any], tempered: bool = False, at: float = 1.0, units: int = UNITS
) -> Problem:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((units, EXAMPLES, INPUTS), generator=generator)
    y = torch.randint(-1, CLASSES, (units, EXAMPLES), generator=generator)
    lam, beta, scale = torch.tensor([0.5, 2.0, 8.0])[:units], torch.tensor([1, 0.3, 0.02])[:units], [1.0, math.inf, 0.5]
    temperature = torch.tensor([1, 0.2, 3.0]) if tempered else None
    shared = Shared(lam, beta, torch.tensor(scale)[:units], torch.full_like(lam, 2.0), torch.full_like(lam, at), temperature)
    logits = 3 * torch.randn((units, EXAMPLES, TEACHERS, CLASSES), generator=generator)
    weights = torch.softmax(torch.randn((units, EXAMPLES, TEACHERS), generator=generator), -1)
    taught = (None, None) if signal is none else (logits, weights)
    return make_problem(student, x, y, torch.arange(units), signal, signal.Settings.model_validate(settings), shared, *taught)


def compiled_of(problem: Problem) -> CompiledPosterior:
    assert problem.compiled is not None
    return problem.compiled


@pytest.mark.parametrize("tempered", [False, True], ids=["posterior", "tempered"])
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("size", [5, 64, 130])
def test_the_compiled_gradient_is_that_of_torch(student: str, signal: str, tempered: bool, size: int) -> None:
    problem = problem_of(STUDENTS[student], *SIGNALS[signal], tempered)
    units = problem.members(4)
    params = 2 * init_ensemble(problem.student, list(range(len(units))))
    batch = problem.minibatch(units, size, torch.Generator().manual_seed(0))
    assert isinstance(batch, Rows)
    found = problem.gradient(params, units, batch, 0.7)
    expected = problem.gradient(params, units, problem.take(batch), 0.7)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * float(expected.abs().max()))


def test_weights_and_missing_labels_of_a_minibatch_count() -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    units = problem.members(2)
    params = init_ensemble(problem.student, list(range(len(units))))
    rows = compiled_of(problem).draw(units, 100, torch.Generator().manual_seed(0))
    twice = rows._replace(weight=torch.full((100,), 2 * EXAMPLES / 100))
    prior = params / problem.shared.prior_scale[units].square().unsqueeze(-1)
    one, two = (problem.gradient(params, units, each) + prior for each in (rows, twice))
    torch.testing.assert_close(two, 2 * one, rtol=1e-4, atol=1e-3)
    unlabelled = rows._replace(labelled=70)
    assert bool((problem.take(unlabelled).y[:, 70:] == -1).all()) and bool((problem.take(rows).y[:, 70:] >= 0).any())
    found, expected = (problem.gradient(params, units, each) for each in (unlabelled, problem.take(unlabelled)))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * float(expected.abs().max()))


def test_dropout_takes_the_same_examples_through_torch() -> None:
    problem = problem_of(STUDENTS["mlp"], kd, {})
    units = problem.members(1)
    params = init_ensemble(problem.student, list(range(len(units))))
    batch = problem.minibatch(units, 64, torch.Generator().manual_seed(0))
    kept = [torch.ones(len(units), 64, 6)]
    found, expected = (problem.gradient(params, units, batch, keep=keep) for keep in (kept, None))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * float(expected.abs().max()))


def test_members_draw_their_own_examples_each_as_often_as_any_other() -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    units, generator = problem.members(2), torch.Generator().manual_seed(0)
    first, second = (compiled_of(problem).draw(units, 20_000, generator) for _ in range(2))
    assert not torch.equal(first.row, second.row) and not torch.equal(first.row[0], first.row[1])
    assert torch.equal(first.row // EXAMPLES, units.unsqueeze(-1).expand_as(first.row)) and torch.equal(first.row, first.unit)
    again = compiled_of(problem).draw(units, 20_000, torch.Generator().manual_seed(0))
    assert torch.equal(first.row, again.row)
    counts = torch.bincount((torch.cat([first.row, second.row]) % EXAMPLES).flatten(), minlength=EXAMPLES).double()
    expected = counts.sum() / EXAMPLES
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi2 - (EXAMPLES - 1)) < 5 * math.sqrt(2 * (EXAMPLES - 1))


def test_the_number_of_threads_changes_nothing() -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    units = problem.members(20)
    params = init_ensemble(problem.student, list(range(len(units))))
    batch = problem.minibatch(units, 64, torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    try:
        found = []
        for number in (1, 3):
            torch.set_num_threads(number)
            found.append(problem.gradient(params, units, batch))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_member_stays_lost_and_spares_the_others(lost: float) -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    units = problem.members(1)
    params = init_ensemble(problem.student, list(range(len(units))))
    batch = problem.minibatch(units, 64, torch.Generator().manual_seed(0))
    sound = problem.gradient(params, units, batch)
    params[1, :] = lost
    found = problem.gradient(params, units, batch)
    assert not bool(torch.isfinite(params[1] + found[1]).any())
    assert torch.equal(found[[0, 2]], sound[[0, 2]])


def test_there_is_no_compiled_form_where_torch_is_better_or_alone_can() -> None:
    assert problem_of(STUDENTS["mlp"], tip, {}).compiled
    assert problem_of(STUDENTS["mlp"], tip, {}, at=2.0).compiled is None
    assert problem_of(Mlp((INPUTS, MOST_PARAMS, CLASSES)), tip, {}).compiled is None


def test_elementary_functions_are_those_of_numpy() -> None:
    x = np.concatenate([np.linspace(-86, 0, 4001), [-200.0]]).astype(np.float32)
    top, total, out, bits = np.float32([1.5]).repeat(len(x)), np.ones_like(x), np.empty_like(x), np.empty(len(x), np.int32)
    given = x + top
    elementary.exp_from(given, top, out, total, bits, bits.view(np.float32), len(x))
    np.testing.assert_allclose(given, x, atol=1e-5)
    np.testing.assert_allclose(out[:-1], np.exp(given[:-1].astype(np.float64)), rtol=3e-7)
    assert out[-1] < 1e-37 and np.array_equal(total, 1 + out)
    y = np.geomspace(1e-3, 1e4, 4001).astype(np.float32)
    out, bits = np.empty_like(y), np.empty(len(y), np.int32)
    elementary.log(y, out, bits, bits.view(np.float32), len(y))
    np.testing.assert_allclose(out, np.log(y.astype(np.float64)), rtol=3e-7, atol=1e-7)
