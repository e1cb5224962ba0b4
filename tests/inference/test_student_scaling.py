"""One temperature for a student, and students without a fold of the labels, through ``fit`` on a small table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from mtbkd.base.errors import ContractError
from mtbkd.data.datasets import scikit
from mtbkd.inference.cross_fitting import without
from mtbkd.inference.fitting import Spec, fit, fit_with_folds
from mtbkd.inference.student_scaling import _temperature


@pytest.fixture(scope="module")
def wine():
    return scikit.prepare("wine", scikit.Settings(table="wine", labels=40), seed=0, replicates=range(2), raw=Path())


def spec(**more) -> Spec:
    return Spec.model_validate({
        "method": "m", "dataset": "wine", "student": {"architecture": "mlp", "settings": {"hidden": [4]}}, "weights": None,
        "signal": {"name": "none"}, "inference": {"name": "map"}, "training": {"steps": 150}, "seed": 3, "device": "cpu",
        "posterior": {"lambda": [1.0], "beta": [1.0], "prior_scale": [3.0], "teacher_temperature": [1.0],
                      "student_temperature": [1.0], "temperature": [1.0]},
        "output": {"keep_params": True}, **more,
    })  # fmt: skip


@pytest.fixture(scope="module")
def fits(wine):
    return fit(spec(), wine, [], range(2)), fit(spec(student_scaling=True), wine, [], range(2))


def test_the_temperature_is_that_of_a_search_written_from_the_equation(wine, fits):
    """Logits of the MAP fit divided by T minimise the NLL of the validation labels; one draw is convex in 1/T."""
    plain, scaled = fits
    val = wine.rows("val")
    for r, t in enumerate(scaled.attrs["scaled_by"]):
        log_p = np.log(plain.validation.prob[r].astype(np.float64))

        def nll(beta: float, log_p: np.ndarray = log_p, y: np.ndarray = wine.y[r, val]) -> float:
            q = np.exp(beta * log_p)
            return -np.log(q[np.arange(len(y)), y] / q.sum(1)).mean()

        best = optimize.minimize_scalar(nll, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-6}).x
        assert t == pytest.approx(1 / best, rel=5e-3) and abs(t - 1) > 0.02
        tempered = plain.prob[r, 0, 0].astype(np.float64) ** (1 / t)
        np.testing.assert_allclose(scaled.prob[r, 0, 0], tempered / tempered.sum(1, keepdims=True), atol=1e-5)
        mine = scaled.validation.prob[r].astype(np.float64)
        assert -np.log(mine[np.arange(len(val)), wine.y[r, val]]).mean() <= nll(1) + 1e-9
    assert (plain.prob.argmax(-1) == scaled.prob.argmax(-1)).all()
    np.testing.assert_array_equal(plain.log_posterior, scaled.log_posterior)  # gates judge the draws as they were


def test_of_several_draws_the_mean_prediction_is_scaled():
    rng = np.random.default_rng(0)
    logits, y = 3 * rng.normal(size=(5, 40, 3)), rng.integers(3, size=40)
    grid = np.exp(np.linspace(-3, 3, 2001))
    prob = np.exp(logits[None] / grid[:, None, None, None])
    prob = (prob / prob.sum(-1, keepdims=True)).mean(1)
    expected = grid[(-np.log(prob[:, np.arange(40), y])).mean(1).argmin()]
    assert _temperature(logits, y) == pytest.approx(expected, rel=0.01)


def test_a_last_layer_is_scaled_like_the_whole_network(wine):
    laplace = {"inference": {"name": "laplace", "settings": {"draws": 30}}, "layers": "last"}
    plain, scaled = fit(spec(**laplace), wine, [], range(1)), fit(spec(student_scaling=True, **laplace), wine, [], range(1))
    t = scaled.attrs["scaled_by"][0]
    tempered = plain.prob[0, 0].astype(np.float64) ** (1 / t)
    np.testing.assert_allclose(scaled.prob[0, 0], tempered / tempered.sum(-1, keepdims=True), atol=1e-4)


def test_without_validation_labels_there_is_no_temperature(wine):
    bare = replace(wine, split=np.where(wine.split == "val", "ood:rest", wine.split))
    assert fit(spec(), bare, [], range(2)).validation is None
    with pytest.raises(ContractError, match=r"validation examples: found none.*student_scaling: false"):
        fit(spec(student_scaling=True), bare, [], range(2))


def test_students_of_folds_do_not_see_their_fold(wine, fits):
    """Each fold's predictions are those of a fit to the data without it, and other labels there change nothing in them."""
    draws = fit_with_folds(spec(conformal_folds=2), wine, [], range(2))
    held = draws.folds
    labelled = np.flatnonzero((wine.split == "train") & (wine.y >= 0).any(0))
    assert (held.row == labelled).all() and abs(np.bincount(held.fold)[0] - len(labelled) / 2) <= 0.5
    own = fit(spec(), without(wine, held.row[held.fold == 1]), [], range(2))
    at = np.isin(own.example_index, held.row[held.fold == 1])
    np.testing.assert_array_equal(held.prob[:, held.fold == 1], own.prob[:, 0, 0, at])
    np.testing.assert_array_equal(held.test_prob[:, 1], own.prob[:, 0, 0, ~at])
    y = wine.y.copy()
    y[:, held.row[held.fold == 1]] = (y[:, held.row[held.fold == 1]] + 1) % 3
    other = fit_with_folds(spec(conformal_folds=2), replace(wine, y=y), [], range(2)).folds
    np.testing.assert_array_equal(held.prob[:, held.fold == 1], other.prob[:, held.fold == 1])
    assert not np.allclose(held.prob[:, held.fold == 0], other.prob[:, held.fold == 0])
    np.testing.assert_array_equal(draws.prob, fits[0].prob)
    with pytest.raises(ContractError, match="at least 100, one a fold"):
        fit_with_folds(spec(conformal_folds=100), wine, [], range(2))
