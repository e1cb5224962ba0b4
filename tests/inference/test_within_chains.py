"""Gates of stacked chains: each chain by itself, in proportion to its weight, at the thresholds of pooled chains."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.inference.chain_stacking import LOST, UNTRUSTED, Weights
from mtbkd.inference.convergence import Claim, judge
from mtbkd.inference.within_chains import WITHIN, rhat_within, told
from mtbkd.inference.within_chains import judge as judge_within
from tests.evaluation.examples import MAP, TIP, make_dataset, make_draws, run

C, D, Q = 4, 1000, 3
CHAINS = Claim("chains", True)


def weights(*weight: float, why_not: str = "") -> Weights:
    return Weights(np.array(weight), np.full(len(weight), -5.0), np.zeros(len(weight)), why_not)


def draws(seed: int = 0, correlation: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Log-posterior (1, C, D) and probe probabilities (1, C, D, Q, 2) of chains with this correlation of successive draws."""
    noise = np.random.default_rng(seed).normal(size=(1, C, D, Q + 1))
    for t in range(1, D):
        noise[:, :, t] = correlation * noise[:, :, t - 1] + np.sqrt(1 - correlation**2) * noise[:, :, t]
    prob = 1 / (1 + np.exp(-noise[..., 1:]))
    return noise[..., 0], np.stack([prob, 1 - prob], -1)


def judged(log_posterior: np.ndarray, prob: np.ndarray, own: Weights, **stats: np.ndarray) -> dict[str, Any]:
    diverged = np.zeros((1, C), bool)
    rows = judge_within(CHAINS, log_posterior, prob, stats, diverged, np.array([7]), [own])
    json.dumps(rows, allow_nan=False)
    assert {row["replicate"] for row in rows} == {7}
    return {row["gate"]: row for row in rows}


def pooled(log_posterior: np.ndarray, prob: np.ndarray, **stats: np.ndarray) -> dict[str, Any]:
    return {row["gate"]: row for row in judge(CHAINS, log_posterior, prob, stats, np.zeros((1, C), bool))}


EQUAL = weights(*[0.25] * 4)


def test_chains_in_different_modes_fail_pooled_and_pass_within() -> None:
    log_posterior, prob = draws()
    log_posterior += 10 * np.arange(C)[:, None]
    assert pooled(log_posterior, prob)["rhat"]["verdict"] is False
    found = judged(log_posterior, prob, EQUAL)
    for gate in ("rhat", "ess_bulk", "ess_tail"):
        assert found[gate]["verdict"] is True
        assert found[gate]["note"] == f"{WITHIN}: stacked from 4 of 4 chains, weights 0.25, 0.25, 0.25, 0.25"
    assert found["diverged"]["note"] == "" and found["psis_khat"]["verdict"] is None


def test_a_chain_that_drifts_fails_unless_it_has_no_weight() -> None:
    log_posterior, prob = draws()
    log_posterior[0, 1] += np.linspace(0, 5, D)
    found = judged(log_posterior, prob, EQUAL)
    assert found["rhat"]["verdict"] is False and found["ess_bulk"]["verdict"] is False
    assert found["rhat"]["note"].startswith(WITHIN) and "longer chains" in found["rhat"]["note"]
    assert judged(log_posterior, prob, weights(0.4, 0.0, 0.3, 0.3))["rhat"]["verdict"] is True


def test_a_chain_that_stands_still_fails_and_a_saturated_probability_does_not() -> None:
    log_posterior, prob = draws()
    prob[0, 2, :, 0] = [1.0, 0.0]
    assert judged(log_posterior, prob, EQUAL)["rhat"]["verdict"] is True
    log_posterior[0, 2], prob[0, 2] = -3.0, 0.5
    found = judged(log_posterior, prob, EQUAL)
    assert found["rhat"]["verdict"] is False and "do the chains move?" in found["rhat"]["note"]
    assert found["ess_bulk"]["verdict"] is False


@pytest.mark.parametrize("seed", range(3))
def test_of_one_mode_the_effective_size_is_about_that_of_pooled_chains(seed: int) -> None:
    chains = draws(seed, correlation=0.5)
    for gate in ("ess_bulk", "ess_tail"):
        ratio = judged(*chains, EQUAL)[gate]["value"] / pooled(*chains)[gate]["value"]
        assert 0.75 < ratio < 1.25


def test_the_effective_size_of_a_mixture_is_that_of_its_weighted_mean() -> None:
    """Of independent draws, D / sum w^2: variances w_k^2 / D add up."""
    weight = np.array([0.7, 0.2, 0.1, 0.0])
    found = judged(*draws(), weights(*weight))["ess_bulk"]["value"]
    assert found == pytest.approx(D / np.square(weight).sum(), rel=0.25)


def test_r_hat_within_is_one_for_still_quantities_and_sees_location_and_spread() -> None:
    values = np.random.default_rng(0).normal(size=(3, 2, D))
    values[0, 0, : D // 2] += 1
    values[1, 1, : D // 2] *= 3
    values[2, 0] = 4.0
    found = rhat_within(values)
    assert found[0, 0] > 1.1 and found[1, 1] > 1.1 and found[2, 0] == 1
    np.testing.assert_allclose([found[0, 1], found[1, 0], found[2, 1]], 1, atol=0.01)


def test_the_temperature_is_the_weighted_one() -> None:
    heat = 1 + 0.1 * np.random.default_rng(0).normal(size=(1, C, 100))
    heat[0, 3] += 2
    assert judged(*draws(), EQUAL, temperature=heat)["temperature"]["value"] == pytest.approx(1.5, abs=0.05)
    found = judged(*draws(), weights(0.5, 0.25, 0.25, 0.0), temperature=heat)["temperature"]
    assert found["value"] == pytest.approx(1, abs=0.03) and found["verdict"] is True and "error" in found["note"]


@pytest.mark.parametrize("why_not", [UNTRUSTED, LOST])
def test_chains_without_weights_to_trust_are_judged_as_pooled_ones(why_not: str) -> None:
    log_posterior, prob = draws()
    log_posterior += 10 * np.arange(C)[:, None]
    found = judged(log_posterior, prob, weights(*[0.25] * 4, why_not=why_not))
    assert found["rhat"]["verdict"] is False and found["rhat"]["value"] == pooled(log_posterior, prob)["rhat"]["value"]
    assert found["rhat"]["note"].startswith(why_not)


def test_words_give_weights_in_falling_order_and_their_means() -> None:
    assert told(np.array([0.2, 0.0, 0.8])) == "stacked from 2 of 3 chains, weights 0.80, 0.20"
    both = np.array([[0.2, 0.0, 0.8], [0.4, 0.3, 0.3]])
    assert told(both) == "stacked from 2 to 3 of 3 chains, mean weights 0.60, 0.25, 0.15"


def test_the_evaluation_tables_hold_the_weights_and_no_leave_one_out_of_a_mixture(tmp_path) -> None:
    dataset = make_dataset(2, 0)
    dataset.write(tmp_path / "data")
    plain = make_draws(dataset, [0, 1], 0.3, TIP)
    rows = [row for r in range(2) for row in weights(0.5, 0.5, 0.0, 0.0).rows(r)]
    methods = {
        "labels_map": {"r0-1": make_draws(dataset, [0, 1], 1.0, MAP, shape=(1, 1))},
        "tip_sgld": {"r0-1": plain},
        "tip_stacked": {"r0-1": replace(plain, stacking=rows)},
    }
    tables: dict[str, pd.DataFrame] = run(tmp_path, methods, {"r0-1": tmp_path / "data"}, {})
    found = tables["chain_weights"]
    assert set(found["method"]) == {"tip_stacked"} and len(found) == 8
    assert found[found["replicate"] == 1]["weight"].tolist() == [0.5, 0.5, 0.0, 0.0]
    loo = tables["loo"]
    assert set(loo.loc[loo["elpd_loo"].notna(), "method"]) == {"tip_sgld"}
    assert set(loo.loc[loo["note"].str.contains("stacked"), "method"]) == {"tip_stacked"}
    assert set(tables["predictive_checks"]["method"]) == {"tip_sgld", "tip_stacked"}
