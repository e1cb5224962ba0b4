"""Published beside ours: when numbers may be compared, and what is said of them."""

import math
from typing import Any

import pandas as pd
import pytest

from mtbkd.published import tables as published
from mtbkd.report.numbers import Estimate
from mtbkd.report.versus import COLUMNS, judge, long_rows, side_by_side


def test_every_table_has_a_source_and_every_source_a_table() -> None:
    for name in published.names():
        assert published.source(name).table == name
    assert {"mtbkd_table1_sim1", "mtbkd_table2_sim2", "bkd_table4_s1"} <= set(published.names())


def test_the_papers_first_table_is_read_as_printed() -> None:
    found = {(n.quantity, n.column): n.value for n in published.numbers("mtbkd_table1_sim1")}
    assert found["acc_overall", "tip_entropy"] == 0.83
    assert found["mse_p", "kd_equal"] == 0.08


@pytest.mark.parametrize(
    ("printed", "ours", "ceiling", "verdict"),
    [
        (0.87, (0.849, 0.845, 0.853), 0.855, "published above the Bayes ceiling"),
        (0.83, (0.825, 0.820, 0.830), 0.850, "agrees"),
        (0.83, (0.821, 0.816, 0.8255), 0.850, "agrees"),  # printed to two decimals: .825 rounds to it
        (0.83, (0.810, 0.805, 0.815), 0.850, "differs"),
        (0.83, (float("nan"),) * 3, 0.850, "cannot be compared: not computed"),
    ],
)
def test_verdicts_allow_for_interval_and_rounding(
    printed: float, ours: tuple[float, float, float], ceiling: float, verdict: str
) -> None:
    number = published.Number("acc_overall", "tip_entropy", printed, 0.005)
    assert judge(number, Estimate(*ours, 8, "replicates"), ceiling)[0] == verdict


def experiment(**changes: Any) -> dict[str, Any]:
    """What a plan says of an experiment on BKD's first design, with the student that the paper prints."""
    method = {"student": {"architecture": "mlp", "settings": {"hidden": [5]}}}
    settings = {"design": "S1", "label_share": 1.0, "n_train": 6364, "n_val": 2727, "n_test": 909, "n_fresh": 20_000}
    plain = {
        "data": {"kind": "bkd", "settings": settings | changes}, "methods": {"kd_map": method}, "published": "bkd_table4_s1",
        "teachers": [{"name": "wide"}], "columns": {"kd_map": ("kd",)},
    }  # fmt: skip
    return plain


def scores() -> pd.DataFrame:
    """Three replicates of the teacher and of one method, and the ceiling."""
    rows = [
        (method, kind, metric, replicate, value + 0.001 + 0.002 * (replicate - 1), 0.001, 909)
        for method, kind, metric, value in (
            ("wide", "teacher", "accuracy", 0.915), ("wide", "teacher", "mae_prob", 0.050),
            ("kd_map", "student", "accuracy", 0.917), ("kd_map", "student", "mae_prob", 0.026),
            ("bayes", "ceiling", "accuracy", 0.930),
        )
        for replicate in (0, 1, 2)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["method", "kind", "metric", "replicate", "value", "se", "n"])
    return frame.assign(split="test", domain="all")


def test_every_number_of_bkds_table_gets_our_number_and_a_verdict() -> None:
    found = {(v.printed.quantity, v.printed.column): v for v in side_by_side(experiment(), scores(), ())}
    assert {key: (v.method, v.metric, v.verdict) for key, v in found.items()} == {
        ("acc_overall", "T1"): ("wide", "accuracy", "agrees"),
        ("acc_overall", "kd"): ("kd_map", "accuracy", "agrees"),
        ("acc_overall", "bkd"): ("", "accuracy", "cannot be compared: not computed"),
        ("mae_p", "T1"): ("wide", "mae_prob", "differs"),
        ("mae_p", "kd"): ("kd_map", "mae_prob", "agrees"),
        ("mae_p", "bkd"): ("", "mae_prob", "cannot be compared: not computed"),
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"n_train": 1000}, "4,636 examples here, 10,000 there"), ({"design": "S2"}, "design is S2 here, S1 there")],
)
def test_other_settings_than_the_papers_are_not_compared_and_the_reason_is_kept(changes: dict[str, Any], why: str) -> None:
    found = side_by_side(experiment(**changes), scores(), ())
    assert {(v.verdict, v.why) for v in found} == {("cannot be compared: not stated", why)}
    assert any(v.ours.known for v in found)  # ours are shown all the same


def test_fresh_test_examples_are_no_obstacle() -> None:
    assert side_by_side(experiment(n_fresh=0), scores(), ())[0].verdict == side_by_side(experiment(), scores(), ())[0].verdict


def test_the_written_table_has_one_row_a_printed_number() -> None:
    rows = long_rows("bkd_s1", "bkd_table4_s1", side_by_side(experiment(), scores(), ()))
    assert len(rows) == 6 and all(tuple(row) == COLUMNS for row in rows)
    first = {(row["row"], row["column"]): row for row in rows}["acc_overall", "kd"]
    assert (first["experiment"], first["table"], first["published"], first["half_unit"]) == (
        "bkd_s1",
        "bkd_table4_s1",
        0.918,
        5e-4,
    )
    assert first["difference"] == pytest.approx(0) and first["low"] < 0.918 < first["high"]
    assert math.isnan({(row["row"], row["column"]): row for row in rows}["mae_p", "bkd"]["ours"])


def test_bkds_table_is_split_as_printed() -> None:
    printed = {
        "s1": [0.921, 0.918, 0.920, 0.069, 0.027, 0.023], "s2": [0.897, 0.896, 0.901, 0.090, 0.088, 0.028],
        "s3": [0.868, 0.858, 0.868, 0.112, 0.122, 0.089], "s4": [0.838, 0.862, 0.870, 0.076, 0.044, 0.037],
    }  # fmt: skip
    for name, values in printed.items():
        found = published.numbers(f"bkd_table4_{name}")
        assert [(n.quantity, n.column) for n in found] == [
            (quantity, column) for quantity in ("acc_overall", "mae_p") for column in ("T1", "kd", "bkd")
        ]
        assert [n.value for n in found] == values and [n.half_unit for n in found] == [pytest.approx(5e-4)] * 6
