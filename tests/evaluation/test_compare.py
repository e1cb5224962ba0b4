"""Paired comparisons."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mtbkd.evaluation.compare import compare, holm, overlap_of, paired, rank_biserial
from tests.evaluation.examples import make_dataset


def test_six_differences_of_one_sign_have_the_exact_p_value():
    found = paired(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    assert found.p_value == pytest.approx(2 / 2**6)
    assert found.rank_biserial == 1
    assert found.cohen_d == pytest.approx(0.35 / np.std([1, 2, 3, 4, 5, 6], ddof=1) * 10)
    assert found.low < 0.35 < found.high


def test_five_differences_say_too_few_instead_of_a_p_value():
    found = paired(np.array([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert math.isnan(found.p_value)
    assert found.note == "too few replicates"
    # .3 - 2.776 * .158 / sqrt(5)
    assert found.low == pytest.approx(0.1037, abs=1e-4)


def test_lost_replicates_are_left_out_and_named():
    found = paired(np.array([0.1, np.nan, 0.3]))
    assert (found.n, found.note) == (2, "1 missing; too few replicates")
    assert math.isnan(found.low)


def test_equal_methods_do_not_differ():
    found = paired(np.zeros(8))
    assert (found.p_value, found.difference) == (1, 0)
    assert math.isnan(found.cohen_d)


def test_what_can_be_detected_is_found_with_power_eighty_percent():
    """By hand for differences of standard deviation 1 over nine replicates: (2.306 + .889) / 3."""
    nine = np.tile([-1.0, 0.0, 1.0], 3) / np.std(np.tile([-1.0, 0.0, 1.0], 3), ddof=1)
    detectable = paired(nine).detectable
    assert detectable == pytest.approx((2.3060 + 0.8889) / 3, abs=1e-3)
    drawn = detectable + np.random.default_rng(0).normal(size=(1000, 9))
    assert 0.76 < np.mean([paired(each).low > 0 for each in drawn]) < 0.84
    assert math.isnan(paired(np.array([0.1, 0.2])).detectable)


def test_rank_biserial_by_hand():
    # Ranks of 1 -2 3 (zero left out): positive 1 + 3, negative 2.
    assert rank_biserial(np.array([1.0, -2.0, 3.0, 0.0])) == pytest.approx((4 - 2) / 6)
    assert rank_biserial(np.array([1.0, -1.0])) == 0


def test_holm_by_hand():
    assert np.allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    assert np.allclose(holm(np.array([0.6, np.nan, 0.7])), [1, np.nan, 1], equal_nan=True)


def metrics_of(values):
    rows = [
        {"method": method, "replicate": r, "split": "test", "domain": "all", "metric": metric, "value": value, "kind": kind}
        for (method, metric, kind), found in values.items()
        for r, value in enumerate(found)
    ]
    return pd.DataFrame(rows)


def test_every_student_is_compared_with_the_reference_on_metrics_that_rank():
    eight = np.arange(8) / 100
    metrics = metrics_of({
        ("labels", "nll", "student"): eight, ("tip", "nll", "student"): eight - 0.1 - eight**2,
        ("kd", "nll", "student"): eight + 0.01 * (-1) ** np.arange(8), ("tip", "coverage@0.9", "student"): eight,
        ("teachers:best", "nll", "teacher"): eight,
    })  # fmt: skip
    found = compare(metrics, "labels", seeds_only=True).set_index("method")
    assert sorted(found.index) == ["kd", "tip"]
    assert not found["higher_is_better"].any()
    assert found.loc["tip", "p_value"] == pytest.approx(2 / 2**8)
    assert found.loc["tip", "p_holm"] == pytest.approx(4 / 2**8)
    assert found["note"].tolist() == ["same data, different seeds"] * 2


def test_a_comparison_carries_its_verdict_and_stays_inside_what_differences_can_be():
    one_of_each = np.array([0.0, 1.0, 1.0, 0.9])
    metrics = metrics_of({
        ("labels", "accuracy", "student"): np.zeros(4), ("tip", "accuracy", "student"): one_of_each,
        ("labels", "nll", "student"): np.arange(8) / 8, ("tip", "nll", "student"): np.arange(8) / 9 - 1,
    })  # fmt: skip
    found = compare(metrics, "labels").set_index("metric")
    assert found.loc["accuracy", "high"] == 1
    assert found["verdict"].to_dict() == {"accuracy": "open", "nll": "better"}


def test_a_family_too_large_to_reach_significance_says_so():
    values = {(f"m{i}", "nll", "student"): np.arange(6) * 1.0 + i for i in range(4)}
    found = compare(metrics_of(values), "m0")
    assert set(found["note"]) == {"p_holm cannot fall below 0.094"}
    assert found["p_holm"].min() == pytest.approx(6 / 2**6)


def test_no_reference_gives_an_empty_table_with_columns():
    found = compare(metrics_of({("tip", "nll", "student"): [1.0]}), "absent")
    assert found.empty
    assert "p_holm" in found.columns


def test_random_splits_of_one_table_are_compared_by_the_corrected_resampled_t():
    """Splits share rows: an interval of independent replicates claims differences that the table's own rows make."""
    eight, gap = np.arange(8) / 100, -0.1 - 0.065 * np.array([-1.5, -1, -0.5, 0, 0, 0.5, 1, 1.5])
    metrics = metrics_of({("labels", "nll", "student"): eight, ("tip", "nll", "student"): eight + gap})
    (row,), (naive,) = (compare(metrics, "labels", overlap=o).to_dict("records") for o in (1 / 3, 0.0))
    half = 2.3646 * gap.std(ddof=1) * math.sqrt(1 / 8 + 1 / 3)
    assert (row["low"], row["high"]) == pytest.approx((-0.1 - half, -0.1 + half), abs=1e-5)
    assert (row["verdict"], naive["verdict"]) == ("open", "better")
    assert (row["overlap"], naive["overlap"]) == (1 / 3, 0)
    assert "test sets overlap" in row["note"] and "overlap" not in naive["note"]


def test_the_overlap_is_test_over_all_other_rows_of_a_resplit_table():
    dataset = make_dataset(1, 0)
    test = int((dataset.split == "test").sum())
    resplit = replace(dataset, card={**dataset.card, "resampled": True})
    assert (overlap_of(dataset), overlap_of(resplit)) == (0, test / (len(dataset.split) - test))
