"""The gate ``calibration``: exact posteriors pass, misplaced ones fail, and a found gap is said with its size."""

import numpy as np
import pytest

from mtbkd.evaluation.calibration import corrected_threshold, judge_calibration
from mtbkd.evaluation.coverage import coverage


def cells(rng, narrow=1.0, train=300, count=10, test=2000, draws=100):
    """Exact Beta posteriors of the class probability in 10 cells (narrowed on demand), and test labels from the truth."""
    truth = rng.beta(2, 2, count)
    ones = rng.binomial(train // count, truth)
    p = rng.beta((2 + ones) * narrow, (2 + train // count - ones) * narrow, (draws, count))
    cell = rng.integers(0, count, test)
    y = (rng.random(test) > truth[cell]).astype(int)
    return np.stack([p, 1 - p], -1)[:, cell], y


def test_exact_posteriors_are_calibrated_once_the_shared_error_is_counted():
    rng = np.random.default_rng(0)
    failed, failed_without = 0, 0
    for _ in range(100):
        prob, y = cells(rng)
        found = coverage(prob, y, [0.9])
        gap = found.empirical - found.expected
        parts = gap.mean(0), gap.std(0, ddof=1) / np.sqrt(len(y))
        failed += not judge_calibration(*parts, found.shared_sd, 0)["verdict"]
        failed_without += not judge_calibration(*parts, 0 * found.shared_sd, 0)["verdict"]
    # 4.6 expected of 100, standard deviation 2.1; the labels' error alone condemns exact posteriors.
    assert failed <= 11
    assert failed_without > 25


def test_misplaced_posteriors_fail_calibration():
    prob, y = cells(np.random.default_rng(0))
    found = coverage(np.clip(prob**8 / (prob**8).sum(-1, keepdims=True), 1e-6, 1), y, [0.9, 0.95])
    gap = found.empirical - found.expected
    row = judge_calibration(gap.mean(0), gap.std(0, ddof=1) / np.sqrt(len(y)), found.shared_sd, 0)
    assert row["verdict"] is False and row["value"] > 5


def test_the_size_of_a_gap_stands_beside_the_test_that_finds_it():
    """So many labels that a gap of .004 is found beyond doubt: it is found, and small."""
    found = judge_calibration(np.array([0.003, -0.005]), np.full(2, 0.0005), np.zeros(2), 0)
    assert found["verdict"] is False and "mean |gap| 0.0040 (small)" in found["note"]
    assert "mean |gap| 0.0200;" in judge_calibration(np.array([0.01, -0.03]), np.ones(2), np.zeros(2), 0)["note"]


def test_calibration_threshold_rises_with_the_number_of_looks():
    assert corrected_threshold(2.0, 1) == pytest.approx(2)
    assert corrected_threshold(2.0, 24) == pytest.approx(3.1, abs=0.05)
    nan = np.array([np.nan])
    assert judge_calibration(nan, nan, nan, 0)["verdict"] is False
