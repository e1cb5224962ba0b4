"""The promise of a risk level: bounds with known values, and how often the promise breaks."""

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.serving.promised_sets import FEWEST, set_point, set_points
from mtbkd.serving.risk import CONFIDENCE, POINTS, point_of, risk_points, upper_bound


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the predicted class that are true, and whether it is wrong."""
    rng = np.random.default_rng(seed)
    sure = rng.uniform(0.4, 1, n)
    return sure, rng.random(n) > sure


def test_no_error_among_n_bounds_the_rate_as_the_closed_form_says():
    assert upper_bound(0, 100) == pytest.approx(1 - ((1 - CONFIDENCE) / POINTS) ** (1 / 100))
    assert upper_bound(7, 7) == 1


def test_the_largest_share_that_is_safe_is_answered():
    sure = np.linspace(1, 0, 400)
    wrong = np.arange(400) >= 196  # the surer half is right but for four, the other one wrong
    points = risk_points(sure, wrong, sure, wrong)
    assert [point.n for point in points] == list(range(20, 401, 20))
    chosen = point_of(points, 0.1)
    assert chosen.errors == 4 and chosen.bound <= 0.1 < points[points.index(chosen) + 1].bound
    assert chosen.test_risk == chosen.errors / chosen.n and chosen.test_coverage == chosen.coverage
    assert point_of(points, 1).coverage == 1


def test_equal_probabilities_are_answered_together():
    points = risk_points(np.array([0.9] * 30 + [0.5] * 10), np.zeros(40, bool), np.array([0.95]), np.array([False]))
    assert [point.n for point in points] == [30, 40]


def test_the_promise_breaks_no_more_often_than_it_says():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.4, 1, 200_000)
    broken = 0
    for seed in range(200):
        points = risk_points(*simulated(800, seed), *simulated(50, 999))
        chosen = point_of(points, 0.25)
        broken += (1 - sure[sure >= chosen.threshold]).mean() > 0.25
    assert broken <= 200 * (1 - CONFIDENCE)


@pytest.mark.parametrize(("level", "told"), [(0, "a share above 0"), (1.5, "a share above 0"), (0.001, "at least 0.")])
def test_a_level_that_cannot_be_promised_is_refused(level: float, told: str):
    points = risk_points(*simulated(300, 1), *simulated(50, 2))
    with pytest.raises(ContractError, match=told):
        point_of(points, level)


def test_too_few_calibrating_examples_are_named_where_a_card_has_no_sets() -> None:
    y = np.zeros(FEWEST, np.int64)
    prob = np.full((FEWEST, 2), 0.5)
    assert set_points(prob, y) and not set_points(prob[1:], y[1:])
    with pytest.raises(ContractError, match=f"with {FEWEST} or more examples that chose no setting"):
        set_point((), "aps", 0.9)
