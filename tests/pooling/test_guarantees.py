"""Guarantees: never broken where they are theorems, broken somewhere where they are not. N examples, G teachers, K classes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mtbkd.pooling.chosen import DEFAULT, settings_of
from mtbkd.pooling.guarantees import GUARANTEES, Opinions, at_random, correlated_errors, measure, proven, variance_law

OPINIONS = at_random(3_000, 3, 4, np.random.default_rng(0))
BREAKABLE = [
    ("power 2", "log loss"), ("harmonic", "log loss"), ("median", "log loss"), ("best single", "log loss"),
    ("logarithmic", "unsafe mass"), ("median", "unsafe mass"), ("harmonic", "unsafe mass"),
    ("logarithmic", "perturbation"), ("median", "perturbation"), ("linear", "safest teacher"),
]  # fmt: skip


def pool_of(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    module, own = settings_of(DEFAULT[name].operator, DEFAULT[name].settings)
    return lambda prob, weights: module.log_pool(torch.as_tensor(prob).log(), torch.as_tensor(weights), own).exp().numpy()


def measured(name: str, opinions: Opinions = OPINIONS) -> dict[str, dict[str, float]]:
    rows = [found.row() for found in measure(opinions, pool_of(name), np.random.default_rng(1))]
    return {row["guarantee"]: row for row in rows}


@pytest.mark.parametrize("name", [name for name in DEFAULT if name != "minimax"])
def test_theorems_are_never_broken(name: str) -> None:
    rows, r = measured(name), DEFAULT[name].settings.get("r")
    assert set(rows) == set(GUARANTEES)
    for guarantee, row in rows.items():
        if proven(guarantee, DEFAULT[name].operator, r):
            assert row["broken"] == 0 and row["worst"] >= -1e-9, guarantee


@pytest.mark.parametrize(("name", "guarantee"), BREAKABLE)
def test_what_is_no_theorem_can_be_broken(name: str, guarantee: str) -> None:
    assert not proven(guarantee, DEFAULT[name].operator, DEFAULT[name].settings.get("r"))
    assert measured(name)[guarantee]["broken"] > 0


def test_only_orders_from_0_to_1_promise_a_gain() -> None:
    assert [r for r in (-1.0, -0.01, 0.0, 0.5, 1.0, 1.01, 2.0) if proven("log loss", "power_mean", r)] == [0.0, 0.5, 1.0]


def test_the_log_pool_amplifies_an_unsafe_class_that_no_teacher_gives_more_than_half() -> None:
    prob = np.array([[[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]]]).clip(1e-12)
    prob /= prob.sum(-1, keepdims=True)
    opinions = Opinions(prob, np.array([0]), np.eye(3)[[0]], np.array([True, False, False]))
    row = measured("logarithmic", opinions)["unsafe mass"]
    assert row["bound"] == pytest.approx(0.5) and row["measured"] > 0.99
    assert measured("linear", opinions)["unsafe mass"]["measured"] == pytest.approx(0.5)


def test_the_log_loss_by_hand() -> None:
    prob = np.array([[[0.5, 0.5], [0.2, 0.8]]])
    row = measured("linear", Opinions(prob, np.array([0]), np.eye(2)[[0]], np.array([False, True])))["log loss"]
    assert row["measured"] == pytest.approx(-np.log(0.35))
    assert row["bound"] == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2)


@pytest.mark.parametrize("rho", [0.0, 0.5, 1.0])
def test_correlated_errors_have_the_variance_of_the_law(rho: float) -> None:
    errors = correlated_errors(40_000, 4, rho, np.random.default_rng(2))
    law = rho + (1 - rho) / 4
    assert errors.mean(1).var() == pytest.approx(law, rel=0.04)
    assert variance_law(errors[:, :, None]) == pytest.approx(errors.mean(1).var(), rel=1e-9)


def test_the_law_of_one_teacher_is_his_variance() -> None:
    errors = np.random.default_rng(3).normal(size=(50, 1, 2))
    assert variance_law(errors) == pytest.approx(errors.var(0).mean())
