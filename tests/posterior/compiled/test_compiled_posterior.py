"""The compiled gradient is that of torch, example by example, for every signal and student that has one."""

import math
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.inference import Context, csgld, psgld, sghmc, sgld
from mtbkd.inference.langevin import Moves
from mtbkd.inference.optimise import Training, maximise
from mtbkd.posterior.compiled.posterior import MOST_PARAMS, CompiledPosterior
from mtbkd.posterior.density import full_log_posterior
from mtbkd.posterior.minibatch import Rows
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.tables import agreement
from mtbkd.signals import bkd, kd, none, pooled, power, tip
from mtbkd.students import Student, init_ensemble
from mtbkd.students.linear import Linear
from mtbkd.students.mlp import Mlp

UNITS, EXAMPLES, TEACHERS, CLASSES, INPUTS = 3, 150, 2, 4, 3
STUDENTS = {
    "mlp": Mlp((INPUTS, 6, CLASSES)), "deep": Mlp((INPUTS, 5, 7, CLASSES)), "linear": Linear(INPUTS, CLASSES, False),
    "wide": Mlp((INPUTS, 26, 21, CLASSES)), "many classes": Mlp((INPUTS, 9, 11)),
}  # fmt: skip
SIGNALS = {
    "none": (none, {}), "kd": (kd, {}), "tip": (tip, {}), "bkd": (bkd, {"teacher": 1}), "power": (power, {"r": 0.4}),
    "power0": (power, {"r": 0.0}), "pooled": (pooled, {}),
}  # fmt: skip


def problem_of(
    student: Student, signal: ModuleType, settings: dict[str, Any], tempered: bool = False, at: float = 1.0, units: int = UNITS,
    examples: int = EXAMPLES, teachers: int = TEACHERS,
) -> Problem:  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((units, examples, INPUTS), generator=generator)
    assert isinstance(student, Mlp | Linear)
    layers = student.dense_layers
    classes = layers.sizes[-1] + layers.first_is_zero
    y = torch.randint(-1, classes, (units, examples), generator=generator)
    lam, beta, scale = torch.tensor([0.5, 2.0, 8.0])[:units], torch.tensor([1, 0.3, 0.02])[:units], [1.0, math.inf, 0.5]
    temperature = torch.tensor([1, 0.2, 3.0]) if tempered else None
    shared = Shared(lam, beta, torch.tensor(scale)[:units], torch.full_like(lam, 2.0), torch.full_like(lam, at), temperature)
    logits = 3 * torch.randn((units, examples, teachers, classes), generator=generator)
    weights = torch.softmax(torch.randn((units, examples, teachers), generator=generator), -1)
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


@pytest.mark.parametrize("tempered", [False, True], ids=["posterior", "tempered"])
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("student", STUDENTS)
def test_density_and_gradient_on_all_examples_are_those_of_torch(student: str, signal: str, tempered: bool) -> None:
    problem = problem_of(STUDENTS[student], *SIGNALS[signal], tempered)
    units = problem.members(4)
    params = 2 * init_ensemble(problem.student, list(range(len(units))))
    found, expected = problem.log_density(params, units), full_log_posterior(problem, params, units)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
    found, expected = compiled_of(problem).full_gradient(params, units), problem.gradient(params, units, problem.full(units))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("signal", [*SIGNALS, "agreeing"])
@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("size", [5, 130])
def test_a_budget_of_students_at_other_temperatures_has_the_gradient_of_torch(student: str, signal: str, size: int) -> None:
    budget = budget_of(problem_of(STUDENTS[student], *SIGNALS.get(signal, (tip, {})), units=2, teachers=5))
    budget = replace(budget, shared=replace(budget.shared, student_temperature=torch.tensor([0.4, 3.0])), student_at_one=False)
    if signal == "agreeing":
        budget = replace(budget, signal=agreement, constants={"prob": budget.constants["prob"]})
    units = budget.members(6)
    params = 2 * init_ensemble(budget.student, list(range(len(units))))
    batch = budget.minibatch(units, size, torch.Generator().manual_seed(0))
    assert isinstance(batch, Rows)
    pairs = [
        (budget.gradient(params, units, batch, 0.7), budget.gradient(params, units, budget.take(batch), 0.7)),
        (compiled_of(budget).full_gradient(params, units), budget.gradient(params, units, budget.full(units))),
    ]
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-4 * float(expected.abs().max()))
    if signal != "agreeing":
        assert torch.equal(budget.log_density(params, units), full_log_posterior(budget, params, units))


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


@pytest.mark.parametrize("student", ["mlp", "wide"])
@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_a_lost_member_stays_lost_and_spares_the_others(lost: float, student: str) -> None:
    problem = problem_of(STUDENTS[student], tip, {})
    units = problem.members(1)
    params = init_ensemble(problem.student, list(range(len(units))))
    batch = problem.minibatch(units, 64, torch.Generator().manual_seed(0))
    sound = problem.gradient(params, units, batch)
    params[1, :] = lost
    found = problem.gradient(params, units, batch)
    assert not bool(torch.isfinite(params[1] + found[1]).any())
    assert torch.equal(found[[0, 2]], sound[[0, 2]])


@pytest.mark.parametrize("tempered", [False, True], ids=["posterior", "tempered"])
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("size", [5, 130])
def test_the_compiled_density_by_a_sample_is_that_of_torch_up_to_a_constant(signal: str, tempered: bool, size: int) -> None:
    problem = problem_of(STUDENTS["mlp"], *SIGNALS[signal], tempered)
    units = problem.members(2)
    rows = problem.sample(size, torch.Generator().manual_seed(0))
    rows = rows._replace(row=rows.row[units], unit=rows.unit[units])
    one, two = (init_ensemble(problem.student, list(range(first, first + len(units)))) for first in (0, 10))
    found, expected = (each.density(one, units, rows) - each.density(two, units, rows) for each in (problem, alone(problem)))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_density_by_every_example_is_the_log_density(signal: str) -> None:
    problem = problem_of(STUDENTS["mlp"], *SIGNALS[signal])
    units = problem.members(1)
    params = init_ensemble(problem.student, list(range(len(units))))
    every = units.unsqueeze(1) * EXAMPLES + torch.arange(EXAMPLES)
    for each in (problem, alone(problem)):
        found = each.density(params, units, Rows(every, every, None, EXAMPLES))
        torch.testing.assert_close(found, problem.log_density(params, units), rtol=1e-4, atol=1e-2)


def test_there_is_no_compiled_form_where_torch_is_better_or_alone_can() -> None:
    assert problem_of(STUDENTS["mlp"], tip, {}).compiled
    assert problem_of(STUDENTS["mlp"], tip, {}, at=2.0).compiled is None
    assert problem_of(Mlp((INPUTS, MOST_PARAMS, CLASSES)), tip, {}).compiled is None


def alone(problem: Problem) -> Problem:
    """The same without its compiled form."""
    return Plain(**{field.name: getattr(problem, field.name) for field in fields(problem)})


class Plain(Problem):
    compiled = None


MOVES = {
    "sgld": (sgld, {"step_size": 1e-3, "decay": 0.5}), "csgld": (csgld, {"step_size": 1e-3, "cycles": 2}),
    "sghmc": (sghmc, {"step_size": 1e-4}), "psgld": (psgld, {"step_size": 1e-4}),
}  # fmt: skip


@pytest.mark.parametrize("sampler", MOVES)
def test_compiled_chains_are_those_that_torch_moves(sampler: str) -> None:
    """From one example, which every minibatch consists of, whatever words it is drawn by."""
    module, own = MOVES[sampler]
    problem = problem_of(STUDENTS["mlp"], tip, {}, tempered=True, examples=1)
    sizes = {"steps": 150, "thin": 1, "chains": 3} | ({} if sampler == "csgld" else {"burn_in": 100})
    settings = module.Settings(**sizes, **own)
    start = module.State(init_ensemble(problem.student, list(range(3 * UNITS))))
    context = Context(0, (0,), Training(steps=1), "cpu")
    found, expected = (module.run(each, settings, start, context).params for each in (problem, alone(problem)))
    assert found.std() > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def step_from(problem: Problem, params: torch.Tensor, anchor: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How far a step of size 1 without noise goes, compiled and by torch on the same minibatch."""
    compiled, units = compiled_of(problem), problem.members(len(params) // problem.num_units)
    moves, moved = Moves(np.ones(1), np.zeros(1)), params.clone()
    walker = compiled.walker(moved, units, size, moves, torch.Generator().manual_seed(0))
    walker._anchors = compiled.anchors(anchor, units, size)
    walker.advance(0, torch.zeros(1, *params.shape))
    batch = problem.take(compiled.draw(units, size, torch.Generator().manual_seed(0)))
    both = (problem.gradient(at, units, batch) for at in (params, anchor))
    return moved - params, next(both) - next(both) + problem.gradient(anchor, units, problem.full(units))


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "second pass"])
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("student", STUDENTS)
@pytest.mark.parametrize("size", [5, 130])
def test_a_step_with_control_variates_is_that_of_torch(
    student: str, signal: str, size: int, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kept:
        monkeypatch.setattr("mtbkd.posterior.compiled.posterior.MOST_ANCHORED", 0)
    problem = problem_of(STUDENTS[student], *SIGNALS[signal], tempered=True)
    params, anchor = (init_ensemble(problem.student, list(range(first, first + 4 * UNITS))) for first in (0, 99))
    found, expected = step_from(problem, params, anchor, size)
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5 * float(expected.abs().max()))


def test_control_variates_know_which_examples_of_a_budget_have_labels() -> None:
    budget = budget_of(problem_of(STUDENTS["mlp"], tip, {}, units=2))
    params, anchor = (init_ensemble(budget.student, list(range(first, first + 6))) for first in (0, 99))
    found, expected = step_from(budget, params, anchor, 40)
    torch.testing.assert_close(found, expected, rtol=5e-5, atol=5e-5 * float(expected.abs().max()))


def test_a_minibatch_at_the_anchor_has_the_gradient_of_all_examples() -> None:
    problem = problem_of(STUDENTS["deep"], tip, {})
    params = init_ensemble(problem.student, list(range(2 * UNITS)))
    found, _ = step_from(problem, params, params, 8)
    expected = compiled_of(problem).full_gradient(params, problem.members(2))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_compiled_ascents_are_those_that_torch_makes() -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {}, examples=1)
    units, training = problem.members(2), Training(steps=130, learning_rate=0.01)
    start = init_ensemble(problem.student, list(range(len(units))))
    runs = (maximise(each, start, units, training, torch.Generator().manual_seed(0)) for each in (problem, alone(problem)))
    found, expected = runs
    assert (found - start).abs().mean() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_every_step_and_member_draws_its_own_examples() -> None:
    """One-hot examples under no prior: a step of SGLD moves exactly the weights of what it drew."""
    n = 200
    problem = problem_of(Linear(n, CLASSES, False), none, {}, examples=n)
    problem = replace(problem, x=torch.eye(n).expand(UNITS, n, n).contiguous(), y=torch.zeros(UNITS, n, dtype=torch.int64))
    problem = replace(problem, shared=replace(problem.shared, prior_scale=torch.full((UNITS,), math.inf)))
    assert problem.compiled
    units, params = problem.members(2), torch.zeros(2 * UNITS, problem.num_params)
    moves, seen = Moves(np.full(30, 1e-3), np.zeros(30)), []
    walker = problem.compiled.walker(params, units, 70, moves, torch.Generator().manual_seed(0))
    for step in range(30):
        before = params.clone()
        walker.advance(step, torch.zeros(1, *params.shape))
        seen.append((params != before)[:, : n * (CLASSES - 1)].unflatten(1, (n, -1)).any(-1))
    drawn = torch.stack(seen).double()
    assert len({tuple(each.tolist()) for each in drawn.flatten(0, 1)}) == 30 * len(units)
    share = 1 - (1 - 1 / n) ** 70
    assert abs(float(drawn.mean()) - share) < 5 * math.sqrt(share * (1 - share) / drawn.numel())
    assert (drawn.mean((0, 1)) - share).abs().max() < 5 * math.sqrt(share * (1 - share) / (30 * len(units)))


def budget_of(problem: Problem) -> Budget:
    """30 of 40 labels and 60 examples without, for two units with each other's constants."""
    own = {field.name: getattr(problem, field.name) for field in fields(Problem)}
    return Budget(**own, table=torch.tensor([1, 0]), labels=40, gap=torch.tensor([10, 30]), width=10, transfer=60)


def test_all_examples_of_a_budget_are_those_that_it_sees() -> None:
    budget = budget_of(problem_of(STUDENTS["mlp"], tip, {}, units=2))
    units = budget.members(3)
    params = init_ensemble(budget.student, list(range(len(units))))
    found, expected = budget.log_density(params, units), full_log_posterior(budget, params, units)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)
    found, expected = compiled_of(budget).full_gradient(params, units), budget.gradient(params, units, budget.full(units))
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * float(expected.abs().max()))


def test_strata_are_drawn_from_their_places_but_the_gap() -> None:
    budget = budget_of(problem_of(STUDENTS["mlp"], tip, {}, units=2))
    units = budget.members(1)
    drawn = budget.minibatch(units, 5_001, torch.Generator().manual_seed(0))
    assert isinstance(drawn, Rows) and drawn.labelled == 2_501 and drawn.weight is not None
    expected = budget.source(5_001).draw(units, EXAMPLES, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.weight, expected.weight)
    for unit in range(2):
        for part in slice(None, 2_501), slice(2_501, None):
            places = [set((each.row[unit, part] - unit * EXAMPLES).tolist()) for each in (drawn, expected)]
            assert places[0] == places[1] and torch.equal(drawn.unit[unit] % EXAMPLES, drawn.row[unit] % EXAMPLES)
    assert torch.equal(drawn.unit // EXAMPLES, budget.table.unsqueeze(-1).expand_as(drawn.unit))
