"""The Bayesian signed-rank test, against answers that are known without it."""

import numpy as np
import pytest

from mtbkd.evaluation.equivalence import DECIDED, signed_rank

NOISE = np.array([-0.031, -0.02, -0.011, 0.011, 0.02, 0.031])


@pytest.mark.parametrize("rope", [0.0, 0.01])
def test_symmetric_differences_favour_neither_side(rope: float) -> None:
    found = signed_rank(NOISE, rope)
    assert found.lower == pytest.approx(found.higher, abs=0.02)
    assert sum(found) == pytest.approx(1)
    assert found.decision == "open"
    if not rope:
        assert found.lower == pytest.approx(0.5, abs=0.02)


def test_clear_differences_are_decided_and_change_sides_with_their_sign() -> None:
    clear = 0.1 + NOISE
    assert signed_rank(clear, 0.01).higher > DECIDED and signed_rank(clear, 0.01).decision == "higher"
    assert signed_rank(-clear, 0.01).decision == "lower"
    assert signed_rank(-clear, 0.01) == pytest.approx(signed_rank(clear, 0.01)[::-1], abs=0.01)


def test_differences_inside_the_region_are_equivalent() -> None:
    assert signed_rank(0.004 * np.ones(9), 0.01).decision == "equivalent"


def test_few_data_sets_decide_nothing() -> None:
    assert signed_rank(np.array([0.1]), 0.01).decision == "open"


def test_shares_agree_with_the_papers_code() -> None:
    """baycomp 1.0.3, SignedRankTest.probs(zeros, z, rope .01, 200,000 samples)."""
    z = np.array([0.03, 0.012, -0.005, 0.018, 0.002, 0.025, -0.011, 0.009, 0.015])
    assert signed_rank(z, 0.01) == pytest.approx((0.0001, 0.5046, 0.4953), abs=0.006)


@pytest.mark.parametrize(("values", "rope"), [([], 0.01), ([0.1, np.nan], 0.01), ([0.1], -1.0)])
def test_what_has_no_answer_is_refused(values: list[float], rope: float) -> None:
    with pytest.raises(ValueError, match="allowed: finite ones, rope >= 0"):
        signed_rank(np.array(values), rope)


def test_the_answer_is_the_same_twice() -> None:
    assert signed_rank(NOISE, 0.01) == signed_rank(NOISE, 0.01)
