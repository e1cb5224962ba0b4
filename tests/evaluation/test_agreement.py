"""Who agrees with the gold standard, and when there is none. S draws of T probabilities."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from mtbkd.evaluation.agreement import GOLD_ESS, Summary, agreement_rows, differences
from tests.evaluation.examples import TIP, make_dataset, make_draws

T = 6


def summary(inference="nuts", mean=0.5, sd=0.05, draws=4000, seed=0, **changes) -> Summary:
    rng = np.random.default_rng(seed)
    values = np.sort(mean + sd * rng.normal(size=(draws, T)), axis=0)
    told = {"target": "same", "inference": inference, "draws": values, "gates_passed": True, "ess": 2000.0, "seconds": 4.0}
    return Summary(**{**told, **changes})


def rows(**methods: Summary):
    scores = {"coverage": {("gold", 0): 0.9, ("other", 0): 0.87}, "nll": {("gold", 0): 0.4, ("other", 0): 0.5}}
    found = agreement_rows({name: {0: each} for name, each in methods.items()}, scores)
    return {row["method"]: row for row in found}


def test_differences_are_those_of_means_deviations_and_marginals() -> None:
    own, gold = summary(mean=0.53, sd=0.10, draws=30_000).draws, summary(seed=1, draws=20_000).draws
    found = differences(own, gold)
    assert found["mean_max"] == pytest.approx(0.03, abs=0.004) and found["mean_mean"] <= found["mean_max"]
    assert found["sd_mean"] == pytest.approx(0.05, abs=0.002) and found["sd_ratio"] == pytest.approx(2, abs=0.05)
    exact = [wasserstein_distance(own[:, t], gold[:, t]) for t in range(T)]
    assert (found["w1_max"], found["w1_mean"]) == pytest.approx((max(exact), np.mean(exact)), rel=0.02)
    assert differences(gold, gold) == pytest.approx(dict.fromkeys(found, 0.0) | {"sd_ratio": 1.0})


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "agrees", ""),
        ({"mean": 0.53}, "differs", "error of a mean probability 0.03"),
        ({"sd": 0.03}, "differs", "times the reference's"),
        ({"draws": 1}, "not claimed", "a point estimate"),
    ],
)
def test_a_method_is_judged_against_the_exact_sampler(changes, verdict, words) -> None:
    found = rows(gold=summary(), other=summary("sgld", seed=2, **changes))
    assert found["gold"]["verdict"] == "reference" and found["gold"]["ess_per_s"] == 500
    assert (found["other"]["verdict"], found["other"]["reference"]) == (verdict, "gold")
    assert words in found["other"]["note"]
    assert (found["other"]["coverage_diff"], found["other"]["nll_diff"]) == pytest.approx((-0.03, 0.1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"gates_passed": False}, "gold failed a gate"), ({"ess": GOLD_ESS - 1}, "gold has a bulk ESS of 999, below 1000")],
)
def test_a_sampler_that_is_not_sure_of_itself_is_no_reference(changes, words) -> None:
    found = rows(gold=summary(**changes), other=summary("sgld"))
    assert {row["verdict"] for row in found.values()} == {"no reference"}
    assert words in found["other"]["note"]
    second = rows(gold=summary(**changes), other=summary("sgld"), particles=summary("smc", seed=3))
    assert (second["particles"]["verdict"], second["other"]["reference"], second["gold"]["verdict"]) == (
        "reference", "particles", "agrees",
    )  # fmt: skip


def test_the_last_layer_of_a_network_is_another_posterior_than_the_whole_network() -> None:
    data = make_dataset(1, 0)
    whole, last, again = (Summary.of(make_draws(data, [0], 0.3, {**TIP, "layers": each}), 0) for each in ("all", "last", "all"))
    assert whole.target == again.target != last.target


def test_draws_are_counted_only_where_they_are_independent() -> None:
    data = make_dataset(1, 0)
    few, many, independent = (
        Summary.of(make_draws(data, [0], 0.3, {**TIP, "inference_s": 2.0}, shape=shape), 0)
        for shape in ((2, 30), (4, 200), (1, 120))
    )
    assert np.isnan(few.ess) and few.seconds == 2  # too few draws to tell
    assert 400 < many.ess < 1600
    assert independent.ess == 120 and not independent.gates_passed


def test_only_methods_with_the_same_posterior_are_compared() -> None:
    assert rows(gold=summary(), other=summary("sgld", target="another")) == {}
    assert rows(one=summary("sgld"), other=summary("vi")) == {}  # no exact sampler
