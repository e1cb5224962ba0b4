"""Operators by hand, their limits where probabilities are zero, and what is refused."""

import numpy as np
import pytest
import torch

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.pooling import operators
from mtbkd.pooling.operators import minimax, pool

PROB = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.3, 0.4]])
WEIGHTS = np.array([0.5, 0.3, 0.2])
HALF = np.array([0.5, 0.5])


def normalised(values: np.ndarray) -> np.ndarray:
    return values / values.sum(-1, keepdims=True)


def test_the_linear_pool_is_the_weighted_mean() -> None:
    np.testing.assert_allclose(pool("linear", PROB, WEIGHTS), WEIGHTS @ PROB)


def test_the_logarithmic_pool_is_the_normalised_geometric_mean() -> None:
    np.testing.assert_allclose(pool("logarithmic", PROB, WEIGHTS), normalised(np.exp(WEIGHTS @ np.log(PROB))))


@pytest.mark.parametrize("r", [-3.0, -1.0, -0.005, 0.004, 0.5, 2.0, 10.0])
def test_the_power_mean_is_that_of_its_order(r: float) -> None:
    expected = normalised((WEIGHTS @ PROB**r) ** (1 / r))
    np.testing.assert_allclose(pool("power_mean", PROB, WEIGHTS, {"r": r}), expected, rtol=1e-9)


@pytest.mark.parametrize(("r", "expected"), [(1, WEIGHTS @ PROB), (0, normalised(np.exp(WEIGHTS @ np.log(PROB))))])
def test_the_power_mean_holds_linear_and_logarithmic_pool(r: float, expected: np.ndarray) -> None:
    np.testing.assert_allclose(pool("power_mean", PROB, WEIGHTS, {"r": r}), expected)
    np.testing.assert_allclose(pool("power_mean", PROB, WEIGHTS, {"r": r + 1e-9}), expected, rtol=1e-7)


def test_infinite_orders_are_the_largest_and_the_smallest_of_those_who_speak() -> None:
    some = np.array([0.5, 0.5, 0.0])
    np.testing.assert_allclose(pool("power_mean", PROB, some, {"r": np.inf}), normalised(PROB[:2].max(0)))
    np.testing.assert_allclose(pool("power_mean", PROB, some, {"r": -np.inf}), normalised(PROB[:2].min(0)))


def test_with_equal_weights_the_median_is_numpys() -> None:
    for teachers in (PROB, PROB[:2], np.vstack([PROB, [[0.8, 0.1, 0.1]]])):
        np.testing.assert_allclose(pool("median", teachers), normalised(np.median(teachers, 0)))


def test_a_weighted_median_is_where_half_of_the_weight_is_reached() -> None:
    np.testing.assert_allclose(pool("median", PROB, np.array([0.2, 0.6, 0.2])), PROB[1] / PROB[1].sum(), atol=1e-12)


def test_the_trimmed_mean_cuts_whole_teachers_and_parts_of_them() -> None:
    rng = np.random.default_rng(0)
    teachers = rng.dirichlet(np.ones(4), 5)
    inner = np.sort(teachers, 0)[1:-1].mean(0)
    np.testing.assert_allclose(pool("trimmed_mean", teachers, None, {"trim": 0.2}), normalised(inner))
    low, middle, high = np.sort(PROB, 0)
    part = (1 / 3 - 0.25) / 0.5
    by_hand = part * low + (1 / 3) / 0.5 * middle + part * high
    np.testing.assert_allclose(pool("trimmed_mean", PROB, None, {"trim": 0.25}), normalised(by_hand))
    np.testing.assert_allclose(pool("trimmed_mean", PROB, WEIGHTS, {"trim": 0}), WEIGHTS @ PROB)


def test_the_best_single_teacher_is_the_heaviest_the_first_among_equals() -> None:
    np.testing.assert_allclose(pool("best_single", PROB, np.array([0.2, 0.4, 0.4])), PROB[1])


def test_minimax_of_two_mirrored_teachers_is_halfway() -> None:
    np.testing.assert_allclose(pool("minimax", np.array([[0.9, 0.1], [0.1, 0.9]])), [0.5, 0.5], atol=1e-6)


def test_minimax_is_as_near_to_the_farthest_as_theory_allows() -> None:
    """Redundancy and capacity meet: max_g KL(p_g || q) equals the mutual information that the shares reach."""
    prob = torch.as_tensor(np.random.default_rng(1).dirichlet(np.full(4, 0.4), (40, 4)))
    log_q = minimax.log_pool(prob.log(), torch.full((40, 4), 0.25, dtype=torch.float64), minimax.Settings())
    divergence = (torch.special.xlogy(prob, prob) - prob * log_q.unsqueeze(-2)).sum(-1)
    share, _ = minimax._solve(prob.log(), minimax.Settings())
    torch.testing.assert_close(divergence.amax(-1), (share * divergence).sum(-1), atol=1e-9, rtol=0)


ZEROS = {
    # The logarithmic pool: a class that anybody rules out is out; where all are, the least ruled out share the mass.
    ("logarithmic", ((0.5, 0.5, 0), (0.5, 0, 0.5))): (1, 0, 0),
    ("logarithmic", ((1, 0, 0), (0, 1, 0))): (0.5, 0.5, 0),
    ("median", ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))): (1 / 3, 1 / 3, 1 / 3, 0),
    ("linear", ((1, 0, 0), (0, 1, 0))): (0.5, 0.5, 0),
    ("best_single", ((1, 0), (0, 1))): (1, 0),
    ("minimax", ((1, 0, 0), (0, 1, 0))): (0.5, 0.5, 0),
}


@pytest.mark.parametrize(("name", "prob"), ZEROS, ids=[name for name, _ in ZEROS])
def test_zeros_have_the_stated_limit(name: str, prob: tuple[tuple[float, ...], ...]) -> None:
    np.testing.assert_allclose(pool(name, np.array(prob, float)), ZEROS[name, prob], atol=1e-6)


def test_harmonic_means_of_disjoint_teachers_share_what_somebody_allows() -> None:
    prob = np.array([[1.0, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(pool("power_mean", prob, np.array([0.75, 0.25]), {"r": -1}), [0.75, 0.25, 0])


def test_the_logarithmic_limit_is_that_of_zeros_replaced_by_one_small_number() -> None:
    prob = np.array([[0.5, 0.5, 0], [0, 0, 1.0], [0.25, 0, 0.75]])
    small = normalised(np.maximum(prob, 1e-280))
    np.testing.assert_allclose(pool("logarithmic", prob, WEIGHTS), pool("logarithmic", small, WEIGHTS), atol=1e-12)


def test_certain_teachers_neither_underflow_nor_divide_by_zero() -> None:
    """Log-probabilities of -2,000 and less: probabilities would all be 0 but one."""
    log_prob = torch.log_softmax(torch.tensor([[0.0, -2000, -3000], [-2000, 0, -3000]], dtype=torch.float64), -1)
    weights = torch.tensor([0.5, 0.5], dtype=torch.float64)
    module = operators.load("logarithmic")
    found = module.log_pool(log_prob, weights, module.Settings())
    torch.testing.assert_close(found, torch.log_softmax(torch.tensor([-1000.0, -1000, -3000], dtype=torch.float64), -1))


def test_torch_comes_back_as_torch_on_any_leading_shape() -> None:
    prob = torch.softmax(torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)), -1)
    assert pool("linear", prob, torch.full((4,), 0.25)).shape == (2, 3, 5)


BAD = {
    "NaN": (np.array([[np.nan, 1.0], [0.5, 0.5]]), HALF, "prob: found NaN"),
    "logits": (np.array([[2.0, -1.0], [0.5, 0.5]]), HALF, "are these logits"),
    "sum": (np.array([[0.5, 0.4], [0.5, 0.5]]), HALF, "prob: found a teacher whose classes sum to 1 within 0.1 only"),
    "one class": (np.ones((2, 1)), HALF, "at least two classes"),
    "no axis of teachers": (HALF, None, r"prob: found shape \(2,\)"),
    "whole numbers": (np.array([[1, 0], [0, 1]]), HALF, "floating-point"),
    "no weight": (np.array([[0.5, 0.5]] * 2), np.zeros(2), "weights: found zero for every teacher"),
    "negative weight": (np.array([[0.5, 0.5]] * 2), np.array([1.5, -0.5]), "weights: found -0.5"),
    "weights that sum to 2": (np.array([[0.5, 0.5]] * 2), np.ones(2), "divide by the sum over teachers"),
    "weights of NaN": (np.array([[0.5, 0.5]] * 2), np.array([np.nan, 1]), "weights: found NaN"),
    "three weights": (np.array([[0.5, 0.5]] * 2), np.ones(3) / 3, r"weights: found shape \(3,\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_error(case: str) -> None:
    prob, weights, message = BAD[case]
    with pytest.raises(ContractError, match=message):
        pool("linear", prob, weights)


def test_an_unknown_operator_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"operator: found 'liner'.*did you mean 'linear'"):
        pool("liner", PROB)
