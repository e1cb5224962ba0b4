"""Simulation-based calibration of samplers that are exact, wrong in a known way, or blind."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mtbkd.inference import dropout, map, nuts, sgld
from mtbkd.questions.exact import sbc
from tests.questions.exact.examples import CONTEXT, NoSettings, fit, logistic_posterior, sampler

DATASETS, DRAWS = 200, 99


@cache
def posterior() -> np.ndarray:
    """Draws (U, S, P) of the posteriors of the data sets that ``calibrate`` simulates from CONTEXT's seed."""
    return logistic_posterior(sbc.simulate(DATASETS, CONTEXT.seed).problem, DRAWS)


def stretched(scale: float = 1.0, shift: float = 0.0) -> ModuleType:
    """Posterior draws, stretched about their mean and shifted by so many of their sds."""

    def draw(target: Any) -> Any:
        theta = posterior()
        mean, sd = theta.mean(1, keepdims=True), theta.std(1, keepdims=True)
        return fit((mean + scale * (theta - mean) + shift * sd)[:, None])

    return sampler(draw)


def judged(module: ModuleType) -> tuple[set[str], dict[str, dict[str, Any]]]:
    rows, _ = sbc.calibrate(DATASETS, module, NoSettings(), CONTEXT)
    return {row["verdict"] for row in rows}, {row["quantity"]: row for row in rows}


def smallest(row: dict[str, Any]) -> float:
    return min(row["p_uniform"], row["p_shift"], row["p_spread"])


def test_exact_posteriors_are_calibrated() -> None:
    said, rows = judged(stretched())
    assert said == {"calibrated"} and list(rows) == list(sbc.QUANTITIES)
    assert {(row["datasets"], row["draws"]) for row in rows.values()} == {(DATASETS, DRAWS)}
    assert all(0.85 < row["spread"] < 1.15 and abs(row["shift"]) < 0.22 for row in rows.values())  # 3 errors of 200


@pytest.mark.parametrize(("scale", "side"), [(1.4, -1), (0.75, 1)])
def test_posteriors_too_wide_or_too_narrow_are_found_and_told_apart(scale: float, side: int) -> None:
    said, rows = judged(stretched(scale))
    assert said == {"not calibrated"}
    for quantity in sbc.QUANTITIES[:3]:
        assert rows[quantity]["p_spread"] < 1e-3 and side * (rows[quantity]["spread"] - 1) > 0


def test_the_power_that_the_page_states_is_that_of_the_test_of_spread() -> None:
    """The share of 4,000 sets of z values, 1.3 times too spread, that the test finds out at the corrected level."""
    rng, level = np.random.default_rng(0), sbc.LEVEL / (3 * len(sbc.QUANTITIES))
    for datasets, near in ((40, 0.26), (200, 0.98)):
        lower = stats.chi2.cdf(((1.3 * rng.normal(size=(4000, datasets))) ** 2).sum(1), datasets)
        found = float((2 * np.minimum(lower, 1 - lower) < level).mean())
        assert sbc.power(datasets) == pytest.approx(found, abs=0.02) and found == pytest.approx(near, abs=0.02)
    assert sbc.power(200, factor=1.0) == pytest.approx(level)


def test_shifted_posteriors_are_found() -> None:
    """Estimates that are .5 sd too high leave the truth too low: z has a negative mean."""
    said, rows = judged(stretched(shift=0.5))
    assert said == {"not calibrated"}
    assert all(rows[q]["p_shift"] < 1e-3 and rows[q]["shift"] < 0 for q in sbc.QUANTITIES[:3])


def test_draws_of_the_prior_are_found_by_the_likelihood_alone() -> None:
    """The parameters' ranks are uniform although the data were ignored: the known blind spot."""

    def draw(target: Any) -> Any:
        rng = np.random.default_rng(9)
        return fit(sbc.PRIOR_SCALE * rng.standard_normal((target.num_units, 1, DRAWS, target.num_params)))

    said, rows = judged(sampler(draw))
    assert said == {"not calibrated"} and smallest(rows["log-likelihood"]) < 1e-6
    assert all(smallest(rows[q]) > sbc.LEVEL / 12 for q in sbc.QUANTITIES[:3])


def test_ranks_of_correlated_chains_are_thinned_until_they_are_independent() -> None:
    """AR(1) chains about the posterior with an autocorrelation time of 19 draws: L is half of what 1,000 draws are worth."""
    model = sbc.simulate(60, 1)
    rng, chain = np.random.default_rng(0), [np.zeros((60, 3))]
    for noise in rng.standard_normal((3000, 60, 3)):
        chain.append(0.9 * chain[-1] + np.sqrt(1 - 0.81) * noise)
    params = np.stack(chain[1:], 1)[:, None]
    found = sbc.ranks(model, params, True)
    assert 20 < found.draws < 0.5 * 3000 / 10 and (found.draws + 1) % sbc.num_bins(60) == 0
    assert found.rank.max() <= found.draws
    assert sbc.ranks(model, params[:, :, :40], True).draws == 0


def test_a_lost_data_set_is_left_out() -> None:
    model = sbc.simulate(40, 1)
    params = np.random.default_rng(0).normal(size=(40, 1, 50, 3))
    params[3, 0, 7] = np.nan
    found = sbc.ranks(model, params, False)
    assert found.lost == 1 and found.rank.shape == (39, 4)


def test_ranks_count_the_draws_below_the_truth() -> None:
    model = sbc.simulate(40, 1)
    below, above = (model.theta[:, None, None] + np.full((40, 1, 15, 3), d) for d in (-1.0, 1.0))
    assert (sbc.ranks(model, below, False).rank[:, :3] == sbc.ranks(model, below, False).draws).all()
    assert (sbc.ranks(model, above, False).rank[:, :3] == 0).all()


def test_data_follow_the_prior_and_the_model() -> None:
    model = sbc.simulate(2000, 3)
    assert np.abs(model.theta.std(0) / sbc.PRIOR_SCALE - 1).max() < 0.08  # 5 errors
    prob = 1 / (1 + np.exp(-(np.einsum("ud,und->un", model.theta[:, :2], model.x) + model.theta[:, 2:])))
    assert abs((model.y - prob).mean()) < 5 * 0.5 / model.y.size**0.5
    units = model.problem.members(1)
    ours = model.problem.log_density(model.problem.x.new_tensor(model.theta), units).numpy()
    prior = (-0.5 * (model.theta**2 + np.log(2 * np.pi))).sum(1)
    np.testing.assert_allclose(sbc.measure(model, model.theta[:, None])[:, 0, -1], ours - prior, atol=1e-3)


def test_who_claims_nothing_is_not_tested() -> None:
    for module, said in ((map, "not claimed"), (dropout, "not run")):
        (row,), ranks = sbc.calibrate(40, module, module.Settings(), CONTEXT)
        assert row["verdict"] == said and row["note"] and ranks == []


def test_one_chain_a_data_set_is_enough() -> None:
    assert sbc.one_chain(nuts.Settings(chains=4)) == nuts.Settings(chains=1)
    assert sbc.one_chain(NoSettings()) == NoSettings()


def test_sgld_is_calibrated_with_a_small_step() -> None:
    settings = sgld.Settings(step_size=0.02, steps=2500, burn_in=500, thin=10, chains=4, batch_size=50)
    rows, table = sbc.calibrate(60, sgld, settings, CONTEXT)
    assert {row["verdict"] for row in rows} == {"calibrated"}
    assert len(table) == 60 * len(sbc.QUANTITIES) and {row["dataset"] for row in table} == set(range(60))
