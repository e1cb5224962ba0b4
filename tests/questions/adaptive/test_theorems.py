"""Theorems on adaptive weights (2601.17910): what holds, what does not, and the paper's example with corrected numbers."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.pooling.counterexamples import lattice
from mtbkd.questions.adaptive import composition, constrained, convergence, stability
from mtbkd.questions.adaptive.result import Result
from mtbkd.questions.adaptive.student import task


@cache
def results_of_composition() -> dict[tuple[str, str], Result]:
    return {(each.theorem, each.claim): each for each in composition.results(np.random.default_rng(0), 500)}


def test_three_layers_with_floor_one_fifth_leave_one_in_65() -> None:
    assert composition.composed_floor(0.2, 2) == pytest.approx(1 / 65) == pytest.approx(0.0154, abs=5e-5)
    assert not results_of_composition()["IV.2, limit", "Composed weights keep the layers' bounds."].holds


@pytest.mark.parametrize("teachers", [2, 3, 4])
def test_no_composition_of_floored_layers_falls_below_the_law(teachers: int) -> None:
    floor = 0.1
    layer = floor + (1 - teachers * floor) * lattice(teachers, 2, positive=False)
    grid = composition.composed(layer[:, None, None], layer[None, :, None], layer[None, None])
    assert grid.min() == pytest.approx(composition.composed_floor(floor, teachers))


def test_composition_loses_ordinal_safety() -> None:
    np.testing.assert_allclose(composition.composed(np.array([0.6, 0.4]), np.array([0.2, 0.8])), [3 / 11, 8 / 11])
    token, between, context = composition.order_lost()
    assert token[0] >= token[1] and context[0] >= context[1]
    np.testing.assert_allclose(composition.composed(token, between, context), [1 / 3, 2 / 3])
    assert results_of_composition()["IX-A", "The same, where every layer keeps the order."].holds


def test_the_example_of_appendix_a() -> None:
    corrected = [row["corrected"] for row in composition.example()]
    np.testing.assert_allclose(corrected, [0.613, 1.081, 0.638, 0.655, 0.222, 0.122, 0.092], atol=5e-4)
    printed = np.array([1 / 0.68, 1 / 1.52]) / (1 / 0.68 + 1 / 1.52)
    assert round(printed[0], 2) == 0.69 and round((printed @ composition.TOY)[0], 2) == 0.68


@cache
def descended() -> dict[tuple[str, str], Result]:
    return {(each.theorem, each.setting): each for each in convergence.results(convergence.curves(1_500, 24, 1))}


def test_kl_vanishes_for_a_student_that_can_fit_the_pool_and_not_otherwise() -> None:
    found = descended()
    assert found["VI.2 (i)", "realisable"].holds and found["VI.2 (ii)", "realisable"].measured < 1e-3
    for setting in ("not realisable", "realisable, ridge", "weights differ by context"):
        assert found["VI.2 (ii)", setting].measured > 0.005 and not found["VI.2 (ii)", setting].holds


def test_the_rate_is_one_over_t_if_the_first_step_is_large_enough() -> None:
    fast, slow = (descended()["VI.2 (iii)", f"realisable, ridge{small}"].measured for small in ("", ", small step"))
    assert fast == pytest.approx(-1, abs=0.2) and slow == pytest.approx(-0.2, abs=0.15)


def test_a_student_blind_to_contexts_keeps_the_information_about_them() -> None:
    """q = (.74, .26) or (.26, .74): the best student is uniform and loses log 2 - H(.26)."""
    entropy = -(0.26 * np.log(0.26) + 0.74 * np.log(0.74))
    assert convergence.context_gap(convergence.CONTEXTS, convergence.EXTREMES) == pytest.approx(np.log(2) - entropy)
    assert np.log(2) - entropy == pytest.approx(0.1201, abs=5e-5)


def test_the_optimum_and_its_gradient_agree() -> None:
    own = task("safety first", False, 0.1, np.random.default_rng(0))
    best, step = own.optimum(), 1e-6 * np.random.default_rng(1).normal(size=(2, 2))
    assert np.abs(own.gradient(best)).max() < 1e-8
    other = best + 0.3
    assert own.loss(other + step) - own.loss(other - step) == pytest.approx(2 * (own.gradient(other) * step).sum(), rel=1e-4)
    assert own.loss(best + step) > own.loss(best) and own.curvature(best) > 0.1


def test_small_steps_contract_only_if_the_feedback_enters_through_them_alone() -> None:
    mixed, unique, damped, several = stability.contraction()
    assert mixed.holds and mixed.measured == pytest.approx(0.8, abs=1e-3) and unique.holds
    assert not damped.holds and damped.measured > 1 and several.measured == 3
    assert stability.lipschitz(stability.feedback) == pytest.approx(2.56, abs=1e-3)


def test_optima_move_in_proportion_to_the_weights() -> None:
    bound, cost, limit = stability.perturbation(np.random.default_rng(0))
    assert bound.holds and limit.measured > 100 * limit.stated
    assert cost.measured == pytest.approx(2, abs=0.05)


def test_gradient_variance_exceeds_the_papers_bound_and_keeps_the_repaired_one() -> None:
    exact, share, repaired = stability.gradient_variance(np.random.default_rng(0), 200)
    assert exact.stated == 0 and exact.measured == pytest.approx(0.18) and not exact.holds
    assert share.measured > 0.1 and repaired.holds and repaired.measured > 0.9


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_the_repaired_bound_holds_for_any_teachers_and_weights(seed: int, teachers: int) -> None:
    rng = np.random.default_rng(seed)
    prob, weights = rng.dirichlet(np.ones(3), (teachers, 5)), rng.dirichlet(np.ones(teachers))
    alone = [stability.spread(stability.gradients(prob, one)) for one in np.eye(teachers)]
    found = stability.spread(stability.gradients(prob, weights))
    assert found <= (weights @ np.sqrt(alone)) ** 2 + 1e-12 <= max(alone) + 1e-9


def test_the_multiplier_is_the_slope_of_the_loss_and_zero_where_the_limit_is_slack() -> None:
    rows = constrained.frontier()
    free = constrained.solve(0.7)
    assert free.multiplier == 0 and free.loss == pytest.approx(0) and free.safety == pytest.approx(1 - 0.3 * 0.877)
    for row in rows:
        assert row["slope"] == pytest.approx(row["multiplier"], abs=1e-4) and row["residual"] < 1e-9
    assert [row["multiplier"] for row in rows] == sorted(row["multiplier"] for row in rows)
    bound = constrained.solve(0.9)
    assert bound.safety == pytest.approx(0.9) and bound.prob.sum() == pytest.approx(1)
    assert bound.prob[2] == pytest.approx(1 - 0.1 / 0.3)


def test_kkt_needs_a_constraint_qualification_and_safety_preservation_realisability() -> None:
    holds = [each.holds for each in constrained.results(constrained.frontier())]
    assert holds == [True, True, False, False]
