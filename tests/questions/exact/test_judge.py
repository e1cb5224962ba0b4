"""The verdicts on draws whose error is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtbkd.inference import Fit, dropout, map, sgld, vi
from mtbkd.inference.optimise import Training
from mtbkd.questions.exact.cases import Case, gaussian
from mtbkd.questions.exact.judge import MAX_ALLOWANCE, judge
from tests.questions.exact.examples import CONTEXT, NoSettings, fit, sampler

CASE = gaussian()
COV = np.outer(*[[0.6, 0.8, 1.0, 1.2, 1.4]] * 2) * 0.7 ** np.abs(np.subtract.outer(range(5), range(5)))


def draws(count: int, scale: float = 1.0, shift: float = 0.0, chains: int = 1) -> np.ndarray:
    """Independent draws (1, C, D, 5) of the case, stretched about its mean and shifted by so many sds."""
    rng = np.random.default_rng(4)
    noise = rng.multivariate_normal(np.zeros(5), COV, (1, chains, count))
    return CASE.mean[:5] + scale * noise + shift * CASE.sd[:5]


def verdicts(found: Fit, kind: str = "independent", case: Case = CASE, claims: bool = True) -> set[str]:
    module = sampler(lambda target: found, kind, claims=claims)
    return {row["verdict"] for row in judge(case, module, NoSettings(), CONTEXT)}


def test_exact_draws_recover_the_case() -> None:
    assert verdicts(fit(draws(4000))) == {"recovers"}
    assert verdicts(fit(draws(1000, chains=4), density=False), "chains") == {"recovers"}


@pytest.mark.parametrize(("scale", "shift"), [(1.3, 0.0), (0.75, 0.0), (1.0, 0.3)])
def test_draws_that_are_too_wide_too_narrow_or_shifted_fail(scale: float, shift: float) -> None:
    assert verdicts(fit(draws(4000, scale, shift))) == {"fails"}


def test_a_bias_inside_the_tolerance_is_allowed() -> None:
    assert verdicts(fit(draws(4000, 1.04))) == {"recovers"}


def test_few_draws_cannot_tell() -> None:
    assert verdicts(fit(draws(150))) == {"draws too few"}
    assert verdicts(fit(draws(3))) == {"draws too few"}


def test_chains_that_do_not_move_are_no_evidence() -> None:
    stuck = np.repeat(draws(4)[:, 0, :, None], 500, 2)
    assert "recovers" not in verdicts(fit(stuck, density=False), "chains")


def test_allowances_shrink_with_the_draws_and_bound_the_error() -> None:
    few, many = (judge(CASE, sampler(lambda t, n=n: fit(draws(n))), NoSettings(), CONTEXT) for n in (500, 5000))
    for a, b in zip(few, many, strict=True):
        assert b["mean_allowance"] < 0.5 * a["mean_allowance"] and abs(b["mean_error"]) < b["mean_allowance"] < MAX_ALLOWANCE
    assert [row["quantity"] for row in many] == list(CASE.quantities)


def test_lost_chains_are_left_out_and_named() -> None:
    one = draws(2000, chains=2)
    one[0, 1, 7] = np.nan
    rows = judge(CASE, sampler(lambda target: fit(one, density=False), "chains"), NoSettings(), CONTEXT)
    assert {row["verdict"] for row in rows} == {"recovers"}
    assert {row["note"] for row in rows} == {"1 of 2 chains left the finite numbers"}
    assert verdicts(fit(np.full((1, 2, 50, 5), np.nan), density=False), "chains") == {"fails"}


def test_the_spread_is_judged_of_all_that_claim_a_posterior_with_a_density_or_without() -> None:
    narrow = fit(draws(4000, scale=1e-3), density=False)
    assert verdicts(narrow) == verdicts(narrow, "chains") == {"fails"}
    assert verdicts(fit(draws(4000), density=False)) == {"recovers"}
    assert verdicts(narrow, claims=False) == {"not claimed"}


def test_a_mode_claims_nothing_and_is_near_the_mean_of_a_gaussian() -> None:
    rows = judge(CASE, map, map.Settings(), replace(CONTEXT, training=Training(steps=800, restarts=1)))
    assert {row["verdict"] for row in rows} == {"not claimed"}
    assert max(abs(row["mean_error"]) for row in rows) < 0.3 and {row["sd"] for row in rows} == {0.0}


def test_an_algorithm_that_needs_a_hidden_layer_is_skipped_with_the_reason() -> None:
    (row,) = judge(CASE, dropout, dropout.Settings(), CONTEXT)
    assert row["verdict"] == "not run" and "hidden layer" in row["note"]


@pytest.mark.parametrize("step_size", [0.15, 50.0])
def test_sgld_with_a_huge_step_fails(step_size: float) -> None:
    """A step of .15 widens the narrowest direction (precision 17) beyond stability or nearly so; 50 leaves the numbers."""
    settings = sgld.Settings(step_size=step_size, steps=1200, burn_in=200, thin=1, chains=8)
    assert "fails" in {row["verdict"] for row in judge(CASE, sgld, settings, CONTEXT)}


def test_mean_field_is_shown_failing_where_parameters_are_correlated() -> None:
    """Its sds are 1 / sqrt(precision_ii), known too small; its means are right."""
    rows = judge(CASE, vi, vi.Settings(steps=1500, draws=4000), CONTEXT)
    known = 1 / np.sqrt(np.linalg.inv(COV).diagonal()) / CASE.sd[:5]
    assert {row["verdict"] for row in rows} == {"fails"}
    np.testing.assert_allclose([row["sd_ratio"] for row in rows[:5]], known, rtol=0.08)
    assert torch.isfinite(torch.tensor([row["khat"] for row in rows])).all()
