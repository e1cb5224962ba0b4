"""Calibration errors against definitions by hand. N examples."""

import numpy as np
import pytest

from mtbkd.evaluation.calibration_error import EQUAL_MASS, EQUAL_WIDTH, SMOOTH, calibration_errors, false_alarms
from mtbkd.evaluation.metrics import ece, ood_auroc, placements

N = 400
RNG = np.random.default_rng(0)
PROB = RNG.dirichlet(np.full(4, 0.4), N)
Y = np.where(RNG.random(N) < 0.7, PROB.argmax(-1), RNG.integers(0, 4, N))
CONFIDENCE, CORRECT = PROB.max(-1), PROB.argmax(-1) == Y
GROUP = RNG.permutation(N) % 5


def smoothed(confidence: np.ndarray, correct: np.ndarray, bandwidth: float) -> float:
    """The definition: the integral over t of |mean of (correct - confidence) K(t, confidence)|, reflected Gaussian K."""
    t = (np.arange(4_000) + 0.5) / 4_000
    images = np.concatenate([sign * confidence + 2 * shift for shift in range(-4, 5) for sign in (1, -1)])
    residual = np.tile(correct - confidence, 18) / len(confidence)
    kernel = np.exp(-(((t[:, None] - images) / bandwidth) ** 2) / 2) / bandwidth / np.sqrt(2 * np.pi)
    return float(np.abs(kernel @ residual).mean())


def width_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    inside = [(confidence > b / 15) & (confidence <= (b + 1) / 15) for b in range(15)]
    return sum(abs((correct[i] - confidence[i]).sum()) for i in inside) / len(confidence)


def test_the_three_errors_are_their_definitions() -> None:
    found = calibration_errors(CONFIDENCE, CORRECT, GROUP)
    assert found[EQUAL_MASS].whole == pytest.approx(ece(PROB, Y).value)
    assert found[EQUAL_WIDTH].whole == pytest.approx(width_error(CONFIDENCE, CORRECT))
    smooth = found[SMOOTH].whole
    assert smoothed(CONFIDENCE, CORRECT, smooth) == pytest.approx(smooth, rel=0.01)


def test_an_error_without_a_group_is_that_of_the_others() -> None:
    found = calibration_errors(CONFIDENCE, CORRECT, GROUP)
    for g in range(5):
        kept = g != GROUP
        again = calibration_errors(CONFIDENCE[kept], CORRECT[kept], GROUP[kept] % 4)
        for name in (EQUAL_WIDTH, SMOOTH):
            assert found[name].left_out[g] == pytest.approx(again[name].whole)


def test_the_calibrated_have_a_small_smooth_error_and_the_overconfident_their_excess() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.3, 1, 20_000)
    right, over = (rng.random(20_000) < confidence - less for less in (0, 0.1))
    small, large = (calibration_errors(confidence, each, np.arange(20_000) % 5)[SMOOTH].whole for each in (right, over))
    assert small < 0.015 and large == pytest.approx(0.1, abs=0.015)


def test_false_alarms_are_the_foreign_examples_below_the_limit_of_the_own() -> None:
    own, foreign = np.arange(1, 101) / 100, np.array([0.5, 0.9, 0.96, 0.99])
    assert false_alarms(own, foreign) == 0.75  # the 95 % quantile of the own is .96


def test_both_placements_have_the_mean_of_the_auroc() -> None:
    own, foreign = np.array([1.0, 2.0, 3.0, 3.0]), np.array([2.0, 3.0, 4.0])
    for placed in placements(own, foreign):
        assert placed.mean() == pytest.approx(ood_auroc(own, foreign).value)
