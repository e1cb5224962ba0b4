"""Conditions on weights: each can hold and fail. N examples, G teachers."""

import numpy as np
import pytest

from mtbkd.pooling import conditions, entropies, entropy, equal, margin

HALF = np.array([[0.5, 0.5], [0.9, 0.1]])


def test_weights_off_the_simplex_are_found() -> None:
    assert conditions.normalised(HALF).holds and conditions.positive(HALF).holds
    found = conditions.normalised(np.array([[0.6, 0.5]]))
    assert not found.holds and found.worst == pytest.approx(0.1) and found.broken == 1
    for silent in ([[1.0, 0.0]], [[1.1, -0.1]]):
        found = conditions.positive(np.array(silent))
        assert not found.holds and found.worst == silent[0][1] and found.condition == "positive"


def test_the_smallest_weight_is_held_against_the_floor() -> None:
    assert conditions.bounded(HALF, 0.1).holds and conditions.bounded(HALF, 0.1).worst == pytest.approx(0.1)
    found = conditions.bounded(HALF, 0.2)
    assert not found.holds and found.broken == 0.5


def test_a_less_safe_teacher_who_weighs_more_is_found() -> None:
    unsafe = np.array([[0.3, 0.1], [0.1, 0.3]])
    assert conditions.ordinal(np.array([[0.5, 0.5], [0.9, 0.1]]), unsafe).holds
    found = conditions.ordinal(np.array([[0.8, 0.2], [0.9, 0.1]]), unsafe)
    assert not found.holds and found.worst == pytest.approx(0.6) and found.broken == 0.5


@pytest.mark.parametrize(("name", "holds"), [("equal", True), ("margin", True), ("entropy", False)])
def test_entropy_weights_are_not_lipschitz_where_all_teachers_are_nearly_certain(name: str, holds: bool) -> None:
    module = {"equal": equal, "margin": margin, "entropy": entropy}[name]
    rng = np.random.default_rng(0)
    prob = conditions.corner_cases(2, 3, 400, rng)
    assert conditions.lipschitz(module.weights, prob, rng).holds == holds


def test_hard_cases_are_probabilities_certain_and_undecided_ones_among_them() -> None:
    prob = conditions.corner_cases(3, 4, 200, np.random.default_rng(0))
    np.testing.assert_allclose(prob.sum(-1), 1)
    spread = entropies(prob)
    assert (spread < 1e-9).any() and np.isclose(spread, np.log(4)).any()
