"""Leave-one-out against refitting, and predictive checks against simulated labels."""

import numpy as np
import pytest

from mtbkd.draws import Draws
from mtbkd.evaluation.criticism import leave_one_out, loo_row, predictive_check, stacking_weights

Y = np.array([1] * 12 + [0] * 18)
CHAINS, DRAWS = 4, 500


def draws(a: float, b: float, log_ratio: bool = False, seed: int = 0) -> Draws:
    """A coin whose heads are Beta(a, b) a priori: exact posterior draws; with ``log_ratio``, of a wider law to be corrected."""
    rng = np.random.default_rng(seed)
    law = a + Y.sum(), b + (1 - Y).sum()
    shape = (1, CHAINS, DRAWS)
    stats = {}
    if log_ratio:
        wide = law[0] / 2, law[1] / 2
        p = rng.beta(*wide, size=shape)
        stats["log_ratio"] = (law[0] - wide[0]) * np.log(p) + (law[1] - wide[1]) * np.log1p(-p)
    else:
        p = rng.beta(*law, size=shape)
    log_likelihood = np.where(Y == 1, np.log(p)[..., None], np.log1p(-p)[..., None]).astype(np.float32)
    prob = np.stack([1 - p, p], -1)[..., None, :].astype(np.float32)
    return Draws(
        np.array([0]), np.zeros(shape), prob, np.array([0]), log_likelihood, Y[None], prob, np.array([0]),
        np.zeros((1, CHAINS), bool), sample_stats=stats,
    )  # fmt: skip


def exact(a: float, b: float) -> float:
    """The log predictive density of each toss given the others, in closed form."""
    heads = Y.sum()
    total = a + b + len(Y) - 1
    return heads * np.log((a + heads - 1) / total) + (len(Y) - heads) * np.log((b + len(Y) - heads - 1) / total)


@pytest.mark.parametrize("log_ratio", [False, True])
def test_leave_one_out_is_what_refitting_gives(log_ratio: bool) -> None:
    row = loo_row(leave_one_out(draws(2, 2, log_ratio), 0))
    assert row["elpd_loo"] == pytest.approx(exact(2, 2), abs=0.05)
    assert row["n"] == 30 and row["khat_bad"] == 0 and 0 < row["p_loo"] < 2


def test_the_correction_matters() -> None:
    """Draws of the wider law taken as they are overstate the variance, and with it the effective number of parameters."""
    right = draws(2, 2, log_ratio=True)
    wrong = Draws(**{**vars(right), "sample_stats": {}})
    assert loo_row(leave_one_out(wrong, 0))["p_loo"] > 1.5 * loo_row(leave_one_out(right, 0))["p_loo"]


def test_the_stack_prefers_the_prior_that_fits() -> None:
    weights = stacking_weights({"fits": leave_one_out(draws(4, 6), 0), "misfits": leave_one_out(draws(300, 10), 0)})
    assert weights["fits"] > 0.95 and sum(weights.values()) == pytest.approx(1)
    assert stacking_weights({"alone": leave_one_out(draws(1, 1), 0)}) == {}


@pytest.mark.parametrize("count", [1, 20, 24, 25])
def test_leave_one_out_needs_five_draws_in_the_tail(count: int) -> None:
    """A point estimate has none, an ensemble of twenty members too few."""
    one = draws(1, 1)
    kept = {name: getattr(one, name)[:, :1, :count] for name in ("log_likelihood", "prob")}
    few = Draws(**{**vars(one), **kept, "diverged": one.diverged[:, :1]})
    assert (leave_one_out(few, 0) is None) == (count < 25)


def test_predictive_p_values_are_those_of_simulated_labels() -> None:
    rng = np.random.default_rng(1)
    prob = rng.dirichlet([4, 3, 2], size=(50, 120))
    y = rng.integers(0, 3, 120)
    found = predictive_check(prob, np.append(y, -1)[:-1])
    chosen = prob[rng.integers(50, size=4000)]
    labels = (rng.random((4000, 120, 1)) > chosen.cumsum(-1)[..., :-1]).sum(-1)
    for row in found:
        k = row["class"]
        counts, seen = (labels == k).sum(1), (y == k).sum()
        below = (counts < seen).mean() + 0.5 * (counts == seen).mean()
        assert row["observed"] == seen / 120 and row["expected"] == pytest.approx(counts.mean() / 120, abs=0.005)
        assert row["p_value"] == pytest.approx(2 * min(below, 1 - below), abs=0.04)


def test_labels_that_the_draws_cannot_produce_have_a_small_p_value() -> None:
    prob = np.broadcast_to([0.9, 0.1], (20, 200, 2))
    found = predictive_check(prob, np.repeat([0, 1, -1], [100, 90, 10]))
    assert all(row["p_value"] < 1e-6 for row in found)
