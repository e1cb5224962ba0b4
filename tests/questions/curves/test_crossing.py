"""Crossings of curves whose crossing is known, and what is paired with what."""

import math

import numpy as np
import pandas as pd
import pytest

from mtbkd.evaluation.compare import holm, paired
from mtbkd.evaluation.verdict import judge, verdict
from mtbkd.questions.curves.crossing import Crossing, advantages, crossing, crossings, differences

COUNTS = [10, 100, 1000, 10000]


def replicates(mean, spread=0.0, n=8):
    return np.asarray(mean) + spread * np.random.default_rng(3).normal(size=(n, len(mean)))


def crossed(advantage: np.ndarray) -> Crossing:
    """The crossing of one student, its verdicts corrected over the label counts."""
    found = [paired(column[np.isfinite(column)]) for column in advantage.T]
    told = zip(found, holm(np.array([each.p_value for each in found])), strict=True)
    return crossing(COUNTS, advantage, [verdict(judge(f.difference, f.low, f.high, p), True) for f, p in told])


def test_the_crossing_lies_where_a_straight_line_on_log_n_meets_zero() -> None:
    found = crossed(replicates([0.3, 0.1, -0.1, -0.3]))
    assert found.state == "crosses"
    assert found.labels == pytest.approx(10**2.5)
    assert (found.low, found.high) == pytest.approx((10**2.5, 10**2.5))


def test_the_interval_holds_a_known_crossing_and_is_not_a_point() -> None:
    found = crossed(replicates([0.3, 0.1, -0.1, -0.3], spread=0.05))
    assert 100 < found.low < found.labels < found.high < 1000
    assert found.low < 10**2.5 < found.high


@pytest.mark.parametrize(
    ("mean", "state", "labels"),
    [
        ([0.4, 0.3, 0.2, 0.1], "always better", math.inf),
        ([-0.1, -0.2, 0.0, -0.1], "never better", 0.0),
        ([-0.1, 0.2, 0.1, -0.1], "better later", 0.0),
    ],
)
def test_what_does_not_cross_is_said_to_lie_outside_the_range(mean, state, labels) -> None:
    found = crossed(replicates(mean))
    assert (found.state, found.labels, found.low, found.high) == (state, labels, labels, labels)


def test_an_advantage_that_may_outlast_the_range_has_no_upper_end() -> None:
    table = replicates([0.5, 0.4, 0.3, -0.001])
    table[:, 3] += 0.1 * (-1.0) ** np.arange(8)
    found = crossed(table)
    assert 1000 < found.low < 10000
    assert found.high == math.inf


def test_a_lost_replicate_is_left_out() -> None:
    table = replicates([0.3, 0.1, -0.1, -0.3])
    table[0, 2] = np.nan
    assert crossed(table).n == len(table) - 1
    assert math.isnan(crossed(np.full((2, 4), np.nan)).labels)


def test_without_any_effect_a_crossing_is_hardly_ever_stated() -> None:
    """A crossing wherever the mean falls from above zero to below it would be stated in 45 % of these."""
    rng = np.random.default_rng(0)
    tables = rng.normal(size=(200, 10, 4))
    means = tables.mean(1)
    assert ((means[:, 0] > 0) & (means <= 0).any(1)).mean() > 0.35
    states = [crossed(table).state for table in tables]
    assert np.mean([state in ("crosses", "always better") for state in states]) < 0.05
    assert math.isnan(crossed(tables[states.index("undecided")]).labels)


def test_the_interval_of_a_crossing_holds_it_as_often_as_it_says() -> None:
    rng, mean = np.random.default_rng(1), [0.3, 0.05, -0.01, -0.02]
    truth = 100 * 10 ** (0.05 / 0.06)
    held = []
    for _ in range(200):
        found = crossed(np.array(mean) + 0.1 * rng.normal(size=(8, 1)) + 0.1 * rng.normal(size=(8, 4)))
        held.append(found.low <= truth <= found.high)
    assert 0.92 <= np.mean(held) <= 0.99  # 200 trials have a standard error of .015


def scores() -> pd.DataFrame:
    """A student 0.1 better than labels alone at 10 labels and 0.1 worse at 1000, in accuracy and in loss."""
    rows = []
    for replicate in range(10):
        for n, gain in ((10, 0.1), (1000, -0.1)):
            for metric, sign in (("accuracy_true_prob", 1), ("nll", -1)):
                base = 0.5 + 0.01 * replicate
                common = {"curve": "c", "replicate": replicate, "labels": n, "transfer": True, "metric": metric}
                alone = {"teachers": "none", "method": "labels", "kind": "student", "value": base}
                helped = {"teachers": "poor", "method": "tip", "kind": "student", "value": base + sign * gain}
                bayes = {"teachers": "", "method": "bayes", "kind": "ceiling", "value": 0.9}
                rows += [{**common, **alone}, {**common, **helped}, {**common, **bayes}]
    return pd.DataFrame(rows)


def test_a_smaller_loss_is_an_advantage() -> None:
    found = advantages(scores())
    assert set(found["method"]) == {"tip"}
    np.testing.assert_allclose(found.groupby("labels")["advantage"].mean(), [0.1, -0.1])
    table = crossings(scores(), differences(scores()))
    np.testing.assert_allclose(table["labels"], 100)
    assert list(table["metric"]) == ["accuracy_true_prob", "nll"]


def test_differences_are_corrected_over_the_counts_of_a_set() -> None:
    found = differences(scores())
    # Ten differences of one sign: p = 2 / 2^10, times the two counts.
    np.testing.assert_allclose(found["p_value"], 2 / 2**10)
    np.testing.assert_allclose(found["p_holm"], 4 / 2**10)
