"""Leave-one-out against refitting, and predictive checks against simulated labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.criticism import criticise, leave_one_out, loo_row, predictive_check, stacking_weights
from mtbkd.evaluation.parts import Parts
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.tables import Tables
from mtbkd.evaluation.together import compare_methods

Y = np.array([1] * 12 + [0] * 18)
CHAINS, DRAWS = 4, 500


def law_of(a: float, b: float, y: np.ndarray, temperature: float) -> tuple[float, float]:
    """The Beta law proportional to (prior times likelihood)^(1/T)."""
    return (a - 1 + y.sum()) / temperature + 1, (b - 1 + (1 - y).sum()) / temperature + 1


def draws(
    a: float, b: float, log_ratio: bool = False, seed: int = 0, temperature: float = 1.0, inference: str = "nuts"
) -> Draws:
    """A coin whose heads are Beta(a, b) a priori: exact posterior draws; with ``log_ratio``, of a wider law to be corrected."""
    rng = np.random.default_rng(seed)
    law = law_of(a, b, Y, temperature)
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
        tuning=[{"temperature": temperature, "replicate": 0, "chosen": True}], attrs={"inference": inference},
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


def exact_tempered(a: float, b: float, temperature: float) -> float:
    """The same where what is refitted is the tempered posterior: the untempered density, averaged over its law."""
    laws = [law_of(a, b, np.delete(Y, i), temperature) for i in range(len(Y))]
    return sum(np.log((heads if y else tails) / (heads + tails)) for y, (heads, tails) in zip(Y, laws, strict=True))


@pytest.mark.parametrize("log_ratio", [False, True])
@pytest.mark.parametrize("temperature", [0.1, 3.0])
def test_leave_one_out_of_a_tempered_posterior_is_what_refitting_it_gives(temperature: float, log_ratio: bool) -> None:
    """T = .1 counts every toss tenfold: ratios 1/p in place of p^-10 would keep nine tenths of the one left out."""
    cold = draws(2, 2, log_ratio, temperature=temperature)
    found = leave_one_out(cold, 0, temperature)
    assert found.elpd == pytest.approx(exact_tempered(2, 2, temperature), abs=0.03)
    assert abs(leave_one_out(cold, 0).elpd - found.elpd) > 0.3, "as if T were 1"
    assert found.p == pytest.approx(leave_one_out(draws(2, 2, temperature=temperature), 0, temperature).p, abs=0.05)


def loo_table_of(each: dict[str, Draws]) -> pd.DataFrame:
    """The table loo of methods that were fitted to the same tosses."""
    names = {"study": "s", "experiment": "e", "dataset": "d"}
    examples, parts = Examples(np.array([0]), np.array(["e0"]), np.array(["test"]), np.array([1]), None, None), []
    for method, own in each.items():
        tables = Tables(names)
        criticise(tables, {"method": method, "signal": "", "weights": "", "inference": ""}, 0, own, 0, examples)
        parts.append(tables.part())
    found = compare_methods(names, Parts(parts), Parts(parts), {}, [0.9])
    return found["loo"].to_pandas().set_index("method")


def test_only_what_claims_a_posterior_is_left_one_out_and_stacked_and_the_reason_is_told() -> None:
    fits = {"nuts": draws(4, 6), "vi": draws(4, 6, log_ratio=True, inference="vi")}
    none = {"dropout": draws(4, 6, inference="dropout"), "ensemble": draws(4, 6, inference="ensemble")}
    table = loo_table_of({**none, **fits})
    assert set(table.index) == {*fits, *none}
    assert table.loc[list(none), "elpd_loo"].isna().all() and table.loc[list(none), "stacking_weight"].isna().all()
    assert table.loc[list(none), "note"].str.contains("claims no posterior").all()
    assert table.loc[list(fits), "stacking_weight"].sum() == pytest.approx(1) and (table.loc[list(fits), "note"] == "").all()


def test_draws_whose_predictions_were_scaled_have_no_leave_one_out() -> None:
    """Ratios of scaled likelihoods do not take a label out of draws of the posterior as it was."""
    own = draws(4, 6)
    table = loo_table_of({"plain": own, "scaled": replace(own, attrs={**own.attrs, "scaled_by": [0.5]})})
    assert np.isnan(table.loc["scaled", "elpd_loo"]) and "one temperature" in table.loc["scaled", "note"]
    assert table.loc["plain", "note"] == ""


def test_the_table_knows_the_temperature_of_the_posterior() -> None:
    cold = loo_table_of({"cold": draws(2, 2, temperature=0.1)})
    assert cold.loc["cold", "elpd_loo"] == pytest.approx(exact_tempered(2, 2, 0.1), abs=0.03)


def test_no_stacking_weight_where_many_k_hats_are_bad() -> None:
    """Ratios 1/p whose tail is a Pareto law of index 1.5 have no mean."""
    heavy = -1.5 * np.random.default_rng(0).exponential(size=(1, CHAINS, DRAWS, len(Y))).astype(np.float32)
    table = loo_table_of({"bad": replace(draws(4, 6), log_likelihood=heavy), "good": draws(4, 6), "other": draws(300, 10)})
    assert table.loc["bad", "khat_bad"] > 0.1 and np.isnan(table.loc["bad", "stacking_weight"])
    assert table.loc["bad", "note"].startswith("no stacking weight: more than 10% of the k-hats exceed 0.7")
    assert table.loc[["good", "other"], "stacking_weight"].sum() == pytest.approx(1)


def test_the_correction_matters() -> None:
    """Draws of the wider law taken as they are overstate the variance, and with it the effective number of parameters."""
    right = draws(2, 2, log_ratio=True)
    wrong = Draws(**{**vars(right), "sample_stats": {}})
    assert loo_row(leave_one_out(wrong, 0))["p_loo"] > 1.5 * loo_row(leave_one_out(right, 0))["p_loo"]


def elpd_of(own: Draws) -> np.ndarray:
    return np.asarray(leave_one_out(own, 0).elpd_i)


def test_the_stack_prefers_the_prior_that_fits() -> None:
    weights = stacking_weights({"fits": elpd_of(draws(4, 6)), "misfits": elpd_of(draws(300, 10))})
    assert weights["fits"] > 0.95 and sum(weights.values()) == pytest.approx(1)
    assert stacking_weights({"alone": elpd_of(draws(1, 1))}) == {}


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
