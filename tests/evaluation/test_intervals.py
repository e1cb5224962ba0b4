"""Intervals of means: how often they hold the mean, and that they stay inside what a quantity can be."""

import math

import numpy as np
import pytest

from mtbkd.evaluation.intervals import POSITIVE, REAL, SHARE, UNIT, Range, interval, over_examples
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of

TRIALS = 1500  # a standard error of .006 about .95


@pytest.mark.parametrize(("n", "percentile"), [(3, 0.77), (4, 0.79), (5, 0.84), (6, 0.85), (8, 0.88), (10, 0.90)])
def test_students_interval_holds_the_mean_in_95_percent_where_the_percentile_bootstrap_does_not(n: int, percentile: float):
    rng = np.random.default_rng(n)
    drawn = rng.normal(size=(TRIALS, n))
    held = np.mean([found.low <= 0 <= found.high for found in map(interval, drawn)])
    assert held == pytest.approx(0.95, abs=0.02)
    picks = rng.integers(0, n, (1000, n))
    low, high = np.array([np.quantile(each[picks].mean(1), [0.025, 0.975]) for each in drawn]).T
    assert np.mean((low <= 0) & (high >= 0)) == pytest.approx(percentile, abs=0.03)


@pytest.mark.parametrize(("share", "examples"), [(0.8, 50), (0.9, 100), (0.97, 300)])
@pytest.mark.parametrize("n", [3, 8])
def test_the_interval_of_a_share_holds_it_as_often_as_it_says(share: float, examples: int, n: int):
    drawn = np.random.default_rng(n).binomial(examples, share, (TRIALS, n)) / examples
    held = np.mean([found.low <= share <= found.high for found in (interval(each, SHARE) for each in drawn)])
    assert held == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("within", [SHARE, UNIT, POSITIVE, Range(0, 2)])
@pytest.mark.parametrize("values", [(0.9, 0.91, 0.99), (1.0, 1.0, 0.9), (0.0, 0.0, 0.01), (0.0, 1.0, 1.0), (0.5, 0.5, 0.5)])
def test_intervals_stay_inside_the_range(within: Range, values: tuple[float, ...]):
    found = interval(values, within)
    assert within.low <= found.low <= found.mean <= found.high <= within.high


def test_two_replicates_have_no_interval():
    """Student's of two would be accuracy [.776, 1.033] or NLL [-4.6, 8.0]."""
    found = interval([0.9, 0.92], SHARE)
    assert found.mean == pytest.approx(0.91) and math.isnan(found.low) and math.isnan(found.high)


def test_over_examples_a_share_of_one_has_wilsons_interval():
    """By hand, 0 errors in 100: [1 - z^2 / (100 + z^2), 1]."""
    assert over_examples(1.0, 0.0, 100, SHARE)[1:3] == pytest.approx((0.96300, 1.0), abs=1e-5)
    assert over_examples(0.0, 0.0, 100, SHARE)[1:3] == pytest.approx((0.0, 0.03700), abs=1e-5)
    low, high = over_examples(0.98, 0.014, 100, SHARE)[1:3]
    assert 0.9 < low < 0.98 < high < 1
    assert over_examples(2.0, 0.5, 10)[1:3] == pytest.approx((2 - 0.979982, 2 + 0.979982))


def test_every_metric_that_ranks_methods_knows_its_range():
    assert all(range_of(metric) != REAL for metric in HIGHER_IS_BETTER)
    assert range_of("coverage@0.9") == SHARE and range_of("coverage_gap@0.9").low == -1 and range_of("unheard of") == REAL
