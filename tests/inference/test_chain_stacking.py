"""Chains in different modes: weighted by what they predict of left-out labels, drawn in proportion, and never in silence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.contracts.draws import Draws, open_draws
from mtbkd.data.datasets import sim1
from mtbkd.evaluation.agreement import Summary
from mtbkd.inference import Fit, chain_stacking, fitting, sgld
from mtbkd.inference.chain_stacking import chosen, leave_one_out, weights_of
from mtbkd.inference.fitting import Spec

SEED = 5
ALL = np.zeros(4, bool)


def bernoulli(prob: list[float], y: np.ndarray, spread: float = 0.02, seed: int = 0) -> np.ndarray:
    """Log-likelihood (C, D, L) of labels ``y`` under chains that say 1 with about these probabilities."""
    rng = np.random.default_rng(seed)
    p = stats.beta(200, 200).rvs((len(prob), 400), random_state=rng) - 0.5
    p = np.array(prob)[:, None] + spread * p / p.std()
    return np.log(np.where(y == 1, p[..., None], 1 - p[..., None])).astype(np.float32)


def test_weights_of_two_modes_are_those_of_the_mixture_that_predicts_best() -> None:
    """Modes that say .9 and .2 of labels that are 1 in 60 % are best mixed by (.6 - .2) / (.9 - .2)."""
    y = np.arange(1000) % 10 < 6
    for prob, best in (([0.9, 0.2], [4 / 7, 3 / 7]), ([0.9, 0.9, 0.2], [2 / 7, 2 / 7, 3 / 7])):
        found = weights_of(*leave_one_out(bernoulli(prob, y)), np.zeros(len(prob), bool))
        np.testing.assert_allclose(found.weight, best, atol=0.02)
        assert not found.why_not


def test_a_mode_that_predicts_badly_is_left_out() -> None:
    y = np.arange(1000) % 10 < 9
    found = weights_of(*leave_one_out(bernoulli([0.9, 0.9, 0.9, 0.2], y)), ALL)
    np.testing.assert_allclose(found.weight, [1 / 3, 1 / 3, 1 / 3, 0], atol=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_chains_of_one_mode_keep_nearly_equal_weights(seed: int) -> None:
    """Without its prior the criterion is flat there, and the best weights are wherever Monte Carlo error puts them."""
    y = np.random.default_rng(seed).random(1000) < 0.6
    found = weights_of(*leave_one_out(bernoulli([0.6] * 4, y, seed=seed)), ALL)
    assert found.weight == pytest.approx(np.full(4, 0.25), abs=0.02)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_left_out_densities_are_the_closed_form_of_a_gaussian_mean(temperature: float) -> None:
    """Of y ~ N(m, 1) with a flat prior, the posterior to the power 1/T without y_i is N(mean, T / (n - 1))."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    mean = y.mean() + np.sqrt(temperature / 40) * rng.normal(size=(2, 20_000, 1))
    found, khat = leave_one_out(stats.norm.logpdf(y, mean), temperature)
    others = (y.sum() - y) / 39
    exact = stats.norm.logpdf(y, others, np.sqrt(1 + temperature / 39))
    np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), atol=0.01)
    assert (khat < chain_stacking.KHAT).all()


def test_a_chain_of_untrusted_khats_has_no_weight_and_where_all_are_it_is_said() -> None:
    elpd, khat = np.full((3, 100), -0.5), np.full((3, 100), 0.3)
    khat[1, :11] = 0.8
    lost = np.array([False, False, True])
    found = weights_of(elpd, khat, lost)
    np.testing.assert_array_equal(found.weight, [1, 0, 0])
    khat[:, :11] = 0.8
    found = weights_of(elpd, khat, lost)
    np.testing.assert_allclose(found.weight, [0.5, 0.5, 0])
    assert found.why_not == chain_stacking.UNTRUSTED and found.rows(7)[0]["why_not"] and found.rows(7)[2]["elpd"] is None
    found = weights_of(elpd, khat, np.ones(3, bool))
    assert found.why_not == chain_stacking.LOST and not found.weight.any()


def test_what_is_drawn_is_in_proportion_to_the_weights() -> None:
    """100 slots of two finite chains: 60, 30 and 10 distinct draws of the chains with weight, none of the one without."""
    weight, diverged = np.array([0.6, 0.3, 0.1, 0.0, 0.0]), np.array([False, False, False, False, True])
    slots = chosen(weight, diverged, 200, 25)
    chain = slots[~diverged] // 200
    assert np.bincount(chain.ravel(), minlength=5).tolist() == [60, 30, 10, 0, 0]
    assert len(np.unique(slots)) == slots.size
    assert (slots[diverged] // 200 == 4).all()
    equal = chosen(np.full(4, 0.25), ALL, 200, 25)
    np.testing.assert_array_equal(equal, np.linspace(0, 199, 25).round() + 200 * np.arange(4)[:, None])
    np.testing.assert_array_equal(chosen(np.zeros(2), np.ones(2, bool), 10, 5) // 10, [[0] * 5, [1] * 5])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    settings = sim1.Settings(n_train=400, n_val=150, n_test=150)
    return sim1.prepare("small", settings, SEED, range(2), tmp_path_factory.getbasetemp())


SGLD = {"steps": 5000, "burn_in": 1000, "thin": 10, "chains": 4, "step_size": 3e-4}


def spec(stack: bool = True, **settings: Any) -> Spec:
    grids = {"lambda": [1.0], "beta": [1.0], "prior_scale": [1.0]}
    grids |= {"teacher_temperature": [1.0], "student_temperature": [1.0], "temperature": [1.0]}
    return Spec.model_validate({
        "method": "labels_sgld_stacked", "dataset": "small",
        "student": {"architecture": "linear", "settings": {"features": "quadratic"}},
        "signal": {"name": "none", "settings": {}}, "weights": None,
        "inference": {"name": "sgld", "settings": SGLD | settings}, "stack_chains": stack, "posterior": grids,
        "training": {"steps": 300, "restarts": 1},
        "output": {"probes": 3, "prediction_draws": 80, "keep_params": True}, "seed": SEED, "device": "cpu",
    })  # fmt: skip


def test_of_one_mode_the_predictions_are_those_of_pooled_chains_but_for_monte_carlo_error(dataset: Dataset) -> None:
    stacked, pooled = (fitting.fit(spec(stack), dataset, [], range(2)) for stack in (True, False))
    assert stacked.chain_weight == pytest.approx(np.full((2, 4), 0.25), abs=0.1)
    difference = stacked.prob.mean((1, 2)) - pooled.prob.mean((1, 2))
    error = pooled.prob.mean(2).std(1, ddof=1) / np.sqrt(4)
    assert np.abs(difference).mean() < 2 * error.mean()
    assert pooled.chain_weight is None and not pooled.stacking
    for name in ("log_posterior", "probe_prob"):
        np.testing.assert_array_equal(getattr(stacked, name), getattr(pooled, name))


@pytest.fixture(scope="module")
def both_ways(dataset: Dataset) -> tuple[Draws, Draws]:
    """Stacked and pooled: chains 0 and 1 of a sound posterior, chain 2 in a mode that says the opposite, chain 3 lost."""
    sound = sgld.run

    def run(*arguments: Any) -> Fit:
        params = sound(*arguments).params
        params[:, 2] *= -1
        params[:, 3, 100:] = torch.nan
        return Fit(params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sgld, "run", run)
        stacked, pooled = (fitting.fit(spec(stack), dataset, [], range(2)) for stack in (True, False))
        return stacked, pooled


@pytest.fixture(scope="module")
def two_modes(both_ways: tuple[Draws, Draws]) -> Draws:
    return both_ways[0]


def test_stacked_chains_predict_test_labels_better_than_pooled_ones(both_ways: tuple[Draws, Draws], dataset: Dataset) -> None:
    y = np.broadcast_to(dataset.y[:, both_ways[0].example_index], (2, 150))
    stacked, pooled = (np.take_along_axis(d.prob[:, :3].mean((1, 2)), y[..., None], -1) for d in both_ways)
    assert (-np.log(stacked).mean(1) < -np.log(pooled).mean(1) - 0.1).all()


def test_predictions_come_from_the_chains_that_have_weight_and_none_from_a_lost_one(two_modes: Draws, dataset: Dataset) -> None:
    assert two_modes.chain_weight is not None
    np.testing.assert_array_less([[0.3, 0.3, -1, -1]] * 2, two_modes.chain_weight)
    assert not two_modes.chain_weight[:, 2:].any()
    assert two_modes.diverged.tolist() == [[False, False, False, True]] * 2
    kept = two_modes.prob[:, :3]
    assert np.isfinite(kept).all()
    right = kept.argmax(-1) == dataset.y[:, None, None, two_modes.example_index]
    assert right.mean((0, 2, 3)).min() > 0.6
    assert two_modes.params is not None and np.isfinite(two_modes.params[:, :3]).all()
    assert np.isfinite(two_modes.log_likelihood[:, :3]).all()
    assert two_modes.probe_prob[0, 2, :, :, 0].mean() != pytest.approx(two_modes.probe_prob[0, 0, :, :, 0].mean(), abs=0.05)


def test_gates_of_stacked_chains_look_within_them_and_say_so(two_modes: Draws) -> None:
    gates = {row["gate"]: row for row in two_modes.gates if row["replicate"] == 0}
    for name in ("rhat", "ess_bulk", "ess_tail", "temperature"):
        assert gates[name]["note"].startswith("within chains: stacked from 2 of 4 chains, weights 0.5")
    assert gates["rhat"]["value"] < 1.1
    assert gates["diverged"]["verdict"] is False and gates["diverged"]["value"] == 0.25
    two_together = replace(two_modes, stacking=[])
    assert Summary.of(two_together, 0).inference == "sgld" and Summary.of(two_modes, 0).inference == "sgld, stacked"


def test_the_file_tells_that_chains_are_stacked(two_modes: Draws, tmp_path: Path) -> None:
    two_modes.write(tmp_path / "draws.nc")
    again = Draws.read(tmp_path / "draws.nc")
    assert again.stacking == two_modes.stacking
    np.testing.assert_array_equal(again.prob[:, :3], two_modes.prob[:, :3])
    with open_draws(tmp_path / "draws.nc") as tree:
        assert tree.attrs["combined"] == "chains stacked, not pooled"
        np.testing.assert_array_equal(tree["chains"]["chain_weight"], two_modes.chain_weight)
    replace(two_modes, stacking=[]).write(tmp_path / "pooled.nc")
    with open_draws(tmp_path / "pooled.nc") as tree:
        assert tree.attrs["combined"] == "chains pooled" and "chain_weight" not in tree["chains"]
    with pytest.raises(ContractError, match="stacking: found 1 entries; expected 8"):
        replace(two_modes, stacking=two_modes.stacking[:1]).validate()


def test_probe_draws_are_in_proportion_to_the_weights(two_modes: Draws) -> None:
    assert two_modes.chain_weight is not None
    found, of_chain = two_modes.probe_draws(0), two_modes.probe_prob[0]
    shares = [np.isin(found[:, 0, 0], chain[:, 0, 0]).mean() for chain in of_chain[:3]]
    np.testing.assert_allclose(shares, two_modes.chain_weight[0, :3], atol=0.02)
    assert np.isfinite(found).all()
    pooled = replace(two_modes, stacking=[]).probe_draws(0)
    np.testing.assert_array_equal(pooled, of_chain[:3].reshape(-1, *of_chain.shape[2:]))


def test_figures_of_the_posterior_take_stacked_chains_by_weight_and_no_lost_ones(two_modes: Draws) -> None:
    lost = replace(two_modes, diverged=np.ones_like(two_modes.diverged), stacking=[])
    values = two_modes.probe_draws(0)[:, 0, -1]
    assert values.mean() == pytest.approx(two_modes.prob[0, :3, :, _probe(two_modes), 1].mean(), abs=0.02)
    assert len(lost.probe_draws(0)) == 0


def _probe(draws: Draws) -> int:
    return int(np.flatnonzero(draws.example_index == draws.probe_index[0])[0])


def test_without_trusted_khats_the_chains_are_judged_against_each_other(dataset: Dataset, monkeypatch: Any) -> None:
    sound = sgld.run

    def run(*arguments: Any) -> Fit:
        params = sound(*arguments).params
        params[:, 2:] *= -1
        return Fit(params)

    monkeypatch.setattr(sgld, "run", run)
    monkeypatch.setattr(chain_stacking, "KHAT", -np.inf)
    draws = fitting.fit(spec(), dataset, [], range(2))
    assert draws.chain_weight == pytest.approx(np.full((2, 4), 0.25))
    rhat = next(row for row in draws.gates if row["gate"] == "rhat")
    assert rhat["verdict"] is False and rhat["value"] > 1.5
    assert rhat["note"].startswith("not stacked: over 10% of the k-hats of every chain exceed")


def test_a_replicate_without_labels_is_refused_before_any_fit(dataset: Dataset) -> None:
    y = dataset.y.copy()
    y[1, dataset.split == "train"] = -1
    with pytest.raises(ContractError, match=r"labelled training examples: found none in some replicate.*stack_chains"):
        fitting.fit(spec(), replace(dataset, y=y), [], range(2))
