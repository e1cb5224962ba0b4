"""Gates: what passes, what fails, and where no verdict is given."""

import json

import numpy as np
import pytest

from mtbkd.inference.convergence import GATES, KINDS, Claim, gate_table, judge, not_applicable

R, C, D, Q = 1, 4, 400, 3


def chains(seed=0, draws=D, classes=2, count=C):
    """Independent draws: log-posterior (R, C, D) and probe probabilities (R, C, D, Q, K)."""
    rng = np.random.default_rng(seed)
    prob = rng.dirichlet(np.full(classes, 3.0), (R, count, draws, Q)).astype(np.float32)
    return rng.normal(size=(R, count, draws)), prob


def verdicts(kind, log_posterior, prob, stats=None, diverged=None, supplies=(), claimed=None):
    diverged = np.zeros(log_posterior.shape[:2], bool) if diverged is None else diverged
    claim = Claim(kind, kind != "point" if claimed is None else claimed, frozenset(supplies))
    rows = judge(claim, log_posterior, prob, stats or {}, diverged)
    json.dumps(rows, allow_nan=False)
    return {row["gate"]: row for row in rows}


@pytest.mark.parametrize("classes", [2, 4])
def test_independent_chains_pass(classes):
    found = verdicts("chains", *chains(classes=classes))
    assert found["rhat"]["verdict"] and 1 <= found["rhat"]["value"] < 1.01
    assert found["ess_bulk"]["verdict"] and found["ess_tail"]["verdict"]
    assert found["diverged"]["verdict"]


def test_one_shifted_chain_fails_rhat_and_ess():
    log_posterior, prob = chains()
    log_posterior[0, 0] += 2
    found = verdicts("chains", log_posterior, prob)
    assert found["rhat"]["verdict"] is False and found["rhat"]["value"] > 1.1
    assert found["ess_bulk"]["verdict"] is False
    assert found["rhat"]["note"] == GATES["rhat"].advice


def test_the_worst_probe_decides():
    log_posterior, prob = chains()
    prob[0, 0, :, 2, 0] = 0.5 * prob[0, 0, :, 2, 0] + 0.5
    prob[..., 1] = 1 - prob[..., 0]
    assert verdicts("chains", log_posterior, prob)["rhat"]["verdict"] is False


def test_a_slow_chain_fails_the_effective_sample_size():
    _, prob = chains()
    walk = np.random.default_rng(1).normal(size=(R, C, D))
    for t in range(1, D):
        walk[..., t] += 0.95 * walk[..., t - 1]
    found = verdicts("chains", walk, prob)
    assert found["ess_bulk"]["verdict"] is False and found["ess_bulk"]["value"] < 150


def test_constant_quantities_are_skipped():
    log_posterior, prob = chains()
    prob[..., 1, :] = [1.0, 0.0]
    assert verdicts("chains", log_posterior, prob)["rhat"]["verdict"] is True


def test_chains_that_do_not_move_fail():
    log_posterior, prob = chains()
    frozen = np.ones_like(prob) * prob[:, :1, :1]
    row = verdicts("chains", np.zeros_like(log_posterior), frozen)["rhat"]
    assert (row["verdict"], row["value"]) == (False, None)
    apart = verdicts("chains", np.ones_like(log_posterior) * log_posterior[..., :1], frozen)
    assert apart["rhat"]["verdict"] is False and apart["ess_bulk"]["verdict"] is False


@pytest.mark.parametrize(
    ("draws", "count", "lacking"), [(99, 4, "99 draws per chain, needs at least 100"), (400, 1, "1 chain, needs at least 2")]
)
def test_too_few_draws_or_chains_fail_without_a_number(draws, count, lacking):
    row = verdicts("chains", *chains(draws=draws, count=count))["rhat"]
    assert (row["value"], row["verdict"], row["note"]) == (None, False, f"too few draws to tell: {lacking}")


def test_a_diverged_chain_is_left_out_and_counted():
    log_posterior, prob = chains()
    log_posterior[0, 1], prob[0, 1] = np.nan, np.nan
    diverged = np.array([[False, True, False, False]])
    found = verdicts("chains", log_posterior, prob, diverged=diverged)
    assert found["diverged"]["verdict"] is False and found["diverged"]["value"] == 0.25
    assert found["rhat"]["verdict"] is True
    lost = verdicts("chains", log_posterior, prob, {"energy": log_posterior}, np.ones((1, 4), bool))
    assert lost["rhat"]["verdict"] is False and lost["ebfmi"]["note"] == "every chain diverged"
    assert lost["diverged"]["value"] == 1


def test_unmarked_nan_fails():
    log_posterior, prob = chains()
    log_posterior[0, 1, 3] = np.nan
    assert verdicts("chains", log_posterior, prob)["rhat"]["verdict"] is False


def test_energy_and_divergences_are_judged_where_the_sampler_has_them():
    log_posterior, prob = chains()
    rng = np.random.default_rng(0)
    good = {"energy": rng.normal(size=(R, C, D)), "diverging": np.zeros((R, C, D), bool)}
    found = verdicts("chains", log_posterior, prob, good)
    assert found["ebfmi"]["verdict"] is True and found["ebfmi"]["value"] == pytest.approx(2, abs=0.3)
    assert found["divergences"]["verdict"] is True
    bad = {"energy": good["energy"].cumsum(-1), "diverging": good["diverging"].copy()}
    bad["diverging"][0, 2, 7] = True
    found = verdicts("chains", log_posterior, prob, bad)
    assert found["ebfmi"]["verdict"] is False and found["ebfmi"]["value"] < 0.3
    assert found["divergences"]["verdict"] is False and found["divergences"]["value"] == 1
    sgld = verdicts("chains", log_posterior, prob)
    assert sgld["ebfmi"]["verdict"] is None and "not Hamiltonian" in sgld["ebfmi"]["note"]


@pytest.mark.parametrize(("tail", "passes"), [(0.3, True), (1.0, False)])
def test_psis_recovers_the_tail_of_the_importance_ratios(tail, passes):
    log_posterior, prob = chains(count=1, draws=4000)
    uniform = np.random.default_rng(0).random((R, 1, 4000))
    row = verdicts("independent", log_posterior, prob, {"log_ratio": -tail * np.log(uniform)})["psis_khat"]
    assert row["verdict"] is passes
    assert row["value"] == pytest.approx(tail, abs=0.15)


def test_independent_draws_are_exempt_from_mixing_and_points_from_all_but_divergence():
    log_posterior, prob = chains(count=1)
    dropout = verdicts("independent", log_posterior, prob, claimed=False)
    assert {name for name, row in dropout.items() if row["verdict"] is not None} == {"diverged"}
    assert "claims no posterior" in dropout["psis_khat"]["note"] and "no mixing" in dropout["rhat"]["note"]
    point = verdicts("point", log_posterior[:, :, :1], prob[:, :, :1])
    assert {name for name, row in point.items() if row["verdict"] is not None} == {"diverged"}
    assert all(row["note"] for row in point.values() if row["verdict"] is None)
    assert not_applicable("calibration", "point", 3)["verdict"] is None


def test_a_claim_without_its_statistic_is_not_judged_and_never_passes():
    """Neither independent draws without a density, nor draws whose promised statistic is missing, are excused."""
    log_posterior, prob = chains(count=1)
    silent = verdicts("independent", log_posterior, prob)["psis_khat"]
    assert (silent["verdict"], silent["judged"], silent["value"]) == (None, False, None) and "log_ratio" in silent["note"]
    several = chains()
    assert verdicts("chains", *several)["ebfmi"]["judged"]
    broken = verdicts("chains", *several, supplies=("energy", "diverging"))
    assert not broken["ebfmi"]["judged"] and not broken["divergences"]["judged"] and broken["rhat"]["judged"]


def test_rows_carry_the_replicates_numbers():
    log_posterior, prob = (np.concatenate([each, each]) for each in chains())
    rows = judge(Claim("chains", True), log_posterior, prob, {}, np.zeros((2, C), bool), np.array([8, 9]))
    assert [row["replicate"] for row in rows if row["gate"] == "rhat"] == [8, 9]


def test_the_table_says_for_every_kind_whether_and_why():
    table = gate_table()
    assert [row["name"] for row in table] == list(GATES)
    for row in table:
        assert row["advice"] and row["stage"] in ("fit", "evaluation")
        assert all(row[kind] for kind in KINDS)
    assert {row["name"] for row in table if row["stage"] == "evaluation"} == {"calibration"}
