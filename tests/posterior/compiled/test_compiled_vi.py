"""Compiled variational inference is that of torch: one step, the way of many, where it ends; and it is used where it can be."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from mtbkd.inference import Context, vi
from mtbkd.inference.noise import Normals
from mtbkd.inference.optimise import Training
from mtbkd.posterior.compiled.moving import Fitter
from mtbkd.posterior.compiled.posterior import MOST_PARAMS
from mtbkd.posterior.problem import Problem
from mtbkd.signals import tip
from mtbkd.students import init_ensemble
from mtbkd.students.mlp import Mlp
from tests.posterior.compiled.test_compiled_posterior import CLASSES, INPUTS, SIGNALS, STUDENTS, UNITS, alone, problem_of

CONTEXT = Context(3, (0, 1, 2), Training.model_validate({"steps": 1, "restarts": 1}), "cpu")
COMPILED = ["mean_field", "full_rank"]
every_family = pytest.mark.parametrize("family", COMPILED)


def settings(**values: Any) -> vi.Settings:
    return vi.Settings.model_validate({"steps": 150, "draws": 200, **values})


def some_state(problem: Problem, family: str) -> vi.State:
    """Any q of the family; the units differ."""
    mean, generator = init_ensemble(problem.student, list(range(UNITS))), torch.Generator().manual_seed(4)
    factor = vi.FAMILIES[family](settings()).start(mean, generator)
    factor = 0.2 * torch.randn(factor.shape, generator=generator).tril(-1)
    return vi.State(mean, 0.5 * torch.randn(mean.shape, generator=generator) - 2, factor)


@every_family
@pytest.mark.parametrize("size", [5, 130])
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("student", ["deep", "linear", "wide"])
def test_a_compiled_step_has_the_derivatives_of_torch(student: str, signal: str, size: int, family: str) -> None:
    """Seen in Adam's running mean, as its first step has the same length whatever the derivative."""
    problem = problem_of(STUDENTS[student], *SIGNALS[signal], tempered=True)
    chosen, state = settings(family=family, batch_size=size, samples=3), some_state(problem, family)
    noise = Normals((UNITS, 3, problem.num_params), 7, "cpu").draw(1).clone()
    found, expected = (vi.State(*(part.clone() for part in state)) for _ in range(2))
    compiled = vi.fitter(problem, chosen, found, torch.Generator().manual_seed(0))
    by_torch = vi.StepByStep(problem, chosen, expected, torch.Generator().manual_seed(0))
    assert isinstance(compiled, Fitter)
    for each in compiled, by_torch:
        each.advance(0, np.array([0.7]), noise)
    for part, ascent in zip(compiled._gaussians, by_torch.ascents, strict=False):
        bound = 2e-5 * float(ascent.mean.abs().max())
        torch.testing.assert_close(torch.from_numpy(part.mean), ascent.mean, rtol=2e-5, atol=bound)
    assert not torch.equal(state.mean, found.mean) and not torch.equal(state.log_scale, found.log_scale)


@every_family
def test_compiled_parts_go_the_way_that_torch_moves_them(family: str) -> None:
    """From one example, which every minibatch consists of, whatever words it is drawn by."""
    problem = problem_of(STUDENTS["mlp"], tip, {}, tempered=True, examples=1)
    chosen, start = settings(family=family, anneal=0.5), some_state(problem, family)
    found, expected = (vi.optimise(each, chosen, start, CONTEXT) for each in (problem, alone(problem)))
    for part, moved, wanted in zip(start, found, expected, strict=True):
        assert part.numel() == 0 or float((moved - part).abs().max()) > 0.1
        torch.testing.assert_close(moved, wanted, rtol=2e-3, atol=2e-3)


@every_family
def test_compiled_and_torch_reach_the_same_q(family: str) -> None:
    """On minibatches of their own: what is left of their noise is small against the widths of q."""
    problem = problem_of(STUDENTS["linear"], tip, {})
    chosen = settings(family=family, steps=3_000, draws=1_000, learning_rate=0.02)
    start = vi.init(problem, chosen, CONTEXT)
    one, two = (vi.run(each, chosen, start, CONTEXT) for each in (problem, alone(problem)))
    means, widths = zip(*((fit.params[:, 0].mean(1), fit.params[:, 0].std(1)) for fit in (one, two)), strict=True)
    assert float(((means[0] - means[1]).abs() / widths[1]).max()) < 0.15
    assert float((widths[0] / widths[1] - 1).abs().max()) < 0.1
    ratios = [fit.sample_stats["log_ratio"][:, 0] for fit in (one, two)]
    elbos, errors = ([of(ratio, axis=-1) for ratio in ratios] for of in (np.mean, np.std))
    assert (np.abs(elbos[0] - elbos[1]) < 0.1 + 5 * np.hypot(*errors) / math.sqrt(1_000)).all()


@every_family
def test_the_number_of_threads_changes_no_fit(family: str) -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    start, threads, found = some_state(problem, family), torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(vi.run(problem, settings(family=family), start, CONTEXT))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*(fit.params for fit in found)) and not torch.equal(found[0].params[0], found[0].params[1])


@every_family
@pytest.mark.parametrize("tolerance", [0.0, 1e-9])
def test_a_lost_unit_spares_the_others(family: str, tolerance: float) -> None:
    problem = problem_of(STUDENTS["mlp"], tip, {})
    chosen, start = settings(family=family, tolerance=tolerance, window=30), some_state(problem, family)
    healthy = vi.run(problem, chosen, start, CONTEXT).params
    start.mean[0, 0] = torch.nan
    params = vi.run(problem, chosen, start, CONTEXT).params
    assert not bool(torch.isfinite(params[0]).all(-1).any()) and torch.equal(params[1:], healthy[1:])


def test_torch_does_what_has_no_compiled_form() -> None:
    small, large = problem_of(STUDENTS["mlp"], tip, {}), problem_of(Mlp((INPUTS, MOST_PARAMS, CLASSES)), tip, {})

    def made(problem: Problem, dtype: torch.dtype = torch.float32, **values: Any) -> type:
        mean = torch.zeros(UNITS, problem.num_params, dtype=dtype)
        state = vi.State(mean, mean, mean.new_zeros(*mean.shape, 0))
        return type(vi.fitter(problem, settings(**values), state, torch.Generator()))

    assert made(small) is Fitter
    assert {made(small, family="low_rank"), made(large), made(small, torch.float64)} == {vi.StepByStep}
