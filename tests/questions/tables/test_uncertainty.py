"""Posteriors beside their MAP, and with and without teachers, over the splits whose draws passed all gates."""

from typing import Any

import numpy as np
import pytest

from mtbkd.base.frames import Frame
from mtbkd.questions.tables.uncertainty import COLUMNS, uncertainty
from tests.evaluation.table_scores import table_posteriors

OVERLAP = {"Vehicle": 0.3, "wine": 0.3}


def row(found: Frame, **where: object) -> dict[str, Any]:
    for name, value in where.items():
        found = found[found[name] == value]
    (own,) = found.to_dict("records")
    return own


def test_a_posterior_is_compared_with_its_own_map_split_by_split() -> None:
    found = uncertainty(table_posteriors(gain=0.1), OVERLAP)
    assert list(found.columns) == COLUMNS
    own = row(found, table="wine", method="kd_mean", comparison="map", metric="nll")
    assert own["difference"] == pytest.approx(-0.1, abs=0.02) and own["verdict"] == "better"
    assert own["value"] - own["reference_value"] == pytest.approx(own["difference"])
    assert (own["fits"], own["passed"], own["n"]) == (10, 10, 10)


def test_teachers_are_judged_by_the_posterior_of_labels_alone() -> None:
    found = uncertainty(table_posteriors(gain=0.0, teachers=0.2), OVERLAP)
    own = row(found, table="Vehicle", method="kd_mean", comparison="no_teachers", metric="nll")
    assert own["difference"] == pytest.approx(-0.2, abs=0.02) and own["verdict"] == "better"
    assert "labels" not in set(found.loc[found["comparison"] == "no_teachers", "method"])


def test_draws_that_failed_a_gate_count_for_nothing() -> None:
    rows = table_posteriors(gain=0.1)
    bad = (rows["method"] == "kd_mean") & (rows["replicate"] < 2) & (rows["inference"] != "map")
    spoilt = rows.assign(value=np.where(bad, 1e6, rows["value"]), passed=~bad)
    own = row(uncertainty(spoilt, OVERLAP), table="wine", method="kd_mean", comparison="map", metric="nll")
    assert (own["fits"], own["passed"], own["n"]) == (10, 8, 8)
    assert own["difference"] == pytest.approx(-0.1, abs=0.02)
    without = rows[~((rows["method"] == "kd_mean") & (rows["replicate"] < 2))]
    assert own["difference"] == row(
        uncertainty(without, OVERLAP), table="wine", method="kd_mean", comparison="map", metric="nll"
    )["difference"]  # fmt: skip


def test_labels_that_failed_leave_a_pair_out_of_what_teachers_are_judged_by() -> None:
    rows = table_posteriors(gain=0.1)
    bad = (rows["method"] == "labels") & (rows["replicate"] == 0) & (rows["inference"] != "map")
    own = row(
        uncertainty(rows.assign(passed=~bad), OVERLAP), table="wine", method="kd_mean", comparison="no_teachers", metric="nll"
    )
    assert (own["passed"], own["n"]) == (10, 9)


def test_intervals_know_that_splits_share_rows() -> None:
    rows = table_posteriors(gain=0.1)
    wide, narrow = (
        row(uncertainty(rows, dict.fromkeys(OVERLAP, o)), table="wine", method="labels", comparison="map", metric="nll")
        for o in (0.3, 0.0)
    )
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert ratio == pytest.approx(np.sqrt((0.1 + 0.3) / 0.1))


def test_coverage_has_no_better_end() -> None:
    found = uncertainty(table_posteriors(gain=0.1), OVERLAP)
    assert set(found.loc[found["metric"] == "coverage", "verdict"]) == {""}


def test_no_posteriors_make_no_rows() -> None:
    assert uncertainty(table_posteriors().iloc[:0], OVERLAP).empty
