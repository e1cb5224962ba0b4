"""What may be claimed of a paired difference."""

import math

import pytest

from mtbkd.evaluation.verdict import beyond, judge, verdict, why_open

NAN = math.nan


@pytest.mark.parametrize(
    ("low", "high", "p", "se_examples", "way", "why"),
    [
        (-0.2, -0.1, 0.01, NAN, "lower", ""),
        (0.1, 0.2, 0.01, NAN, "higher", ""),
        (0.1, 0.2, 0.01, 0.05, "higher", ""),
        (0.1, 0.2, 0.01, 0.1, "open", "the interval over test examples holds 0"),
        (-0.1, 0.2, 0.01, NAN, "open", "the interval holds 0"),
        (0.0, 0.2, 0.01, NAN, "open", "the interval holds 0"),
        (0.1, 0.2, 0.06, NAN, "open", "p is not below 0.05"),
        (0.1, 0.2, NAN, NAN, "open", "too few replicates for a test"),
        (NAN, NAN, NAN, NAN, "open", "too few replicates for an interval"),
    ],
)
def test_a_claim_needs_every_interval_and_the_corrected_test(low, high, p, se_examples, way, why):
    mean = (low + high) / 2
    assert judge(mean, low, high, p, se_examples) == way
    assert why_open(mean, low, high, p, se_examples) == why


def test_intervals_alone_claim_only_what_all_known_ones_agree_on():
    assert [beyond(ends) for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1), (NAN, NAN))] == ["higher", "lower", "open", "open"]
    assert beyond((0.1, 0.2), (NAN, NAN)) == "higher" and beyond((0.1, 0.2), (-0.1, 0.3)) == "open"
    assert beyond((NAN, NAN), (0.1, 0.2)) == "open" and beyond((0.0, 0.2)) == "open"


def test_lower_is_better_only_of_a_loss():
    assert [verdict(way, False) for way in ("lower", "higher", "open")] == ["better", "worse", "open"]
    assert [verdict(way, True) for way in ("lower", "higher", "open")] == ["worse", "better", "open"]
