"""Training curves: what the objective was, at no cost to the fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtbkd.contracts.draws import Curve
from mtbkd.inference import Context, advi, dropout, ensemble, laplace, sgld, vi
from mtbkd.inference import map as mode
from mtbkd.inference.curves import MOST, STARTS, looks, of_history
from mtbkd.inference.optimise import Training
from mtbkd.inference.tuning import map_fit
from tests.inference.gaussian import Gaussian
from tests.posterior.compiled.test_compiled_posterior import EXAMPLES, STUDENTS, UNITS, alone, problem_of, tip

STEPS, RESTARTS = 40, 3
SMALL = {"vi": {"steps": 50, "draws": 300}, "sgld": {"steps": 20, "burn_in": 10, "thin": 2, "chains": 2, "step_size": 1e-6},
         "ensemble": {"members": 4}}  # fmt: skip


@pytest.fixture(scope="module")
def problem():
    return problem_of(STUDENTS["mlp"], tip, {})


def context(batch: int = 64, curves: list[Curve] | None = None) -> Context:
    training = Training(steps=STEPS, restarts=RESTARTS, batch_size=batch)
    return Context(5, tuple(range(UNITS)), training, "cpu", curves)


def run(module, problem, within: Context):
    settings = module.Settings(**SMALL.get(module.__name__.rpartition(".")[2], {}))
    return module.run(problem, settings, module.init(problem, settings, within), within)


@pytest.mark.parametrize("steps", [1, 2, 7, 40, 1000, 100_000])
def test_looks_are_few_and_hold_both_ends(steps: int) -> None:
    found = looks(steps)
    assert (found[0], found[-1]) == (0, steps) and list(found) == sorted(set(found)) and len(found) <= MOST
    gaps = np.diff(found)
    assert gaps[-1] == gaps.max()


@pytest.mark.parametrize("compiled", [True, False])
def test_a_curve_of_all_examples_begins_at_the_start_and_ends_at_the_mode(problem, compiled: bool) -> None:
    curves: list[Curve] = []
    target, within = problem if compiled else alone(problem), context(EXAMPLES, curves)
    found = within.mode(target)
    (curve,) = curves
    assert curve.objective == "log-posterior" and curve.step.tolist() == list(looks(STEPS))
    assert curve.value.shape == (UNITS, RESTARTS, len(curve.step))
    start = within.start(target, RESTARTS)
    ends = [target.log_density(params, target.members(len(params) // UNITS)).numpy() / EXAMPLES for params in (start, found)]
    np.testing.assert_allclose(curve.value[..., 0].ravel(), ends[0], rtol=1e-4)
    np.testing.assert_allclose(curve.best[:, -1], ends[1], rtol=1e-4)
    assert (curve.best[:, -1] > curve.best[:, 0]).all()


def test_a_curve_of_few_examples_ends_at_the_value_on_all(problem) -> None:
    curves: list[Curve] = []
    found = context(16, curves).mode(problem)
    value = problem.log_density(found, problem.members(1)).numpy() / EXAMPLES
    np.testing.assert_allclose(curves[0].best[:, -1], value, rtol=1e-4)


@pytest.mark.parametrize("module", [mode, dropout, ensemble, laplace, sgld, vi], ids=lambda m: m.__name__.rpartition(".")[2])
@pytest.mark.parametrize("compiled", [True, False])
def test_looking_changes_no_draw(problem, module, compiled: bool) -> None:
    target, curves = problem if compiled else alone(problem), []
    seen, unseen = run(module, target, context(curves=curves)), run(module, target, context())
    np.testing.assert_array_equal(seen.params, unseen.params)  # NaN is equal to NaN
    assert curves and all(np.isfinite(curve.value).all() for curve in curves)


def test_the_curve_of_vi_ends_at_its_elbo(problem) -> None:
    curves: list[Curve] = []
    fit = run(vi, problem, context(curves=curves))
    assert [curve.objective for curve in curves] == ["log-posterior", "ELBO"]
    elbo = fit.sample_stats["log_ratio"].mean((1, 2)) / EXAMPLES
    np.testing.assert_allclose(curves[1].value[:, 0, -1], elbo, rtol=1e-5)
    assert (curves[1].value[:, 0, -1] > curves[1].value[:, 0, 0]).all()


def test_an_elbo_that_settles_ends_its_curve_there(problem) -> None:
    curves: list[Curve] = []
    within, settings = context(curves=curves), vi.Settings(steps=60, window=5, tolerance=10.0)
    vi.run(problem, settings, vi.init(problem, settings, within), within)
    assert curves[1].step[-1] <= 20 and curves[1].value.shape[-1] == len(curves[1].step)


@pytest.mark.slow
def test_advi_keeps_what_pymc_saw(problem) -> None:
    curves: list[Curve] = []
    settings = advi.Settings(steps=60, draws=20)
    one = replace(problem_of(STUDENTS["linear"], tip, {}, units=1))
    within = replace(context(curves=curves), replicates=(0,))
    fit = advi.run(one, settings, advi.init(one, settings, within), within)
    elbo = float(fit.sample_stats["log_ratio"].mean()) / EXAMPLES
    assert curves[1].objective == "ELBO" and curves[1].step[-1] == 60
    assert curves[1].value[0, 0, -1] == pytest.approx(elbo, abs=0.5)


def test_a_history_is_told_in_means_between_looks() -> None:
    curve = of_history("ELBO", np.arange(1.0, 1001.0)[None], 0.5)
    ends, starts = curve.step, [0, *curve.step[:-1]]
    np.testing.assert_allclose(curve.value[0, 0], [0.5 * (1 + a + b) / 2 for a, b in zip(starts, ends, strict=True)])


def test_of_many_starts_the_first_are_looked_at(problem) -> None:
    curves: list[Curve] = []
    within = context(EXAMPLES, curves)
    found = within.chain_starts(problem, 20, 1.0).view(UNITS, 20, -1)[:, :STARTS].flatten(0, 1)
    value = problem.log_density(found, problem.members(STARTS)).view(UNITS, STARTS) / EXAMPLES
    np.testing.assert_allclose(curves[0].value[..., -1], value, rtol=1e-4)


def test_tuning_and_densities_without_examples_leave_no_curve(problem) -> None:
    assert map_fit(problem, context()).shape[0] == UNITS
    curves: list[Curve] = []
    within = replace(context(curves=curves), replicates=(0,))
    within.mode(Gaussian(torch.zeros(2).double(), torch.eye(2).double(), 1))
    assert not curves


def test_a_start_that_is_lost_is_never_the_best() -> None:
    value = np.array([[[0.0, 1.0, np.nan], [0.0, 0.5, 0.6]]], np.float32)
    assert Curve("ELBO", np.arange(3), value).best.tolist() == [[0.0, 0.5, pytest.approx(0.6)]]
    assert np.isnan(Curve("ELBO", np.arange(3), value[:, :1]).late_gain)
