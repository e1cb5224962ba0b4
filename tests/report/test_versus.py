"""Published beside ours: when numbers may be compared, and what is said of them."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.data.published import tables as published
from mtbkd.report.versus import COLUMNS, Replicates, ceilings, half_width, judge, long_rows, side_by_side


def test_every_table_has_a_source_and_every_source_a_table() -> None:
    for name in published.names():
        assert published.source(name).table == name
    assert {"mtbkd_table1_sim1", "mtbkd_table2_sim2", "bkd_table4_s1"} <= set(published.names())


def test_the_papers_first_table_is_read_as_printed() -> None:
    found = {(n.quantity, n.column): n.value for n in published.numbers("mtbkd_table1_sim1")}
    assert found["acc_overall", "tip_entropy"] == 0.83
    assert found["mse_p", "kd_equal"] == 0.08


@pytest.mark.parametrize(
    ("printed", "mean", "sd", "ceiling", "verdict"),
    [
        (0.87, 0.849, 0.004, 0.855, "above the ceiling"),
        (0.83, 0.825, 0.004, 0.850, "compatible"),
        (0.83, 0.813, 0.0052, 0.850, "compatible"),  # outside the interval of our mean, inside that of one run
        (0.83, 0.800, 0.004, 0.850, "differs (ours worse)"),
        (0.83, 0.849, 0.004, 0.850, "differs (ours better)"),
        (0.83, 0.825, 0.02, 0.850, "too noisy to tell"),
        (0.83, 0.500, 0.02, 0.850, "differs (ours worse)"),  # noisy, and yet beyond doubt
    ],
)
def test_verdicts_are_by_the_prediction_interval_of_one_run(
    printed: float, mean: float, sd: float, ceiling: float, verdict: str
) -> None:
    number, ours = published.Number("acc_overall", "tip_entropy", printed, 0.005), Replicates(mean, sd, 8, 20_000)
    assert judge(number, ours, "accuracy", ceiling=ceiling)[0] == verdict
    error = published.Number("mse_p", "tip_entropy", printed, 0.005)
    swapped = {"differs (ours worse)": "differs (ours better)", "differs (ours better)": "differs (ours worse)"}
    if verdict in swapped:
        assert judge(error, ours, "mse_prob")[0] == swapped[verdict]


def test_what_says_nothing_is_not_judged() -> None:
    number = published.Number("acc_overall", "T1", 0.83, 0.005)
    assert judge(number, Replicates.of([]), "accuracy")[0] == "not computed"
    assert judge(number, Replicates.of([0.8, 0.9]), "accuracy")[0] == "too noisy to tell"
    assert judge(number, Replicates(0.5, 0.01, 8, 100), "accuracy", fitted=True)[0] == "fitted"


def test_the_prediction_interval_by_hand_and_as_often_as_it_says() -> None:
    """t_7 = 2.3646; s = .004 over 8 runs of 20,000 examples, one run of 3,636 with q = .83."""
    number = published.Number("acc_overall", "tip_entropy", 0.83, 0.005)
    variance = 0.004**2 * 9 / 8 + 0.83 * 0.17 * (1 / 3636 - 1 / 20_000)
    assert half_width(Replicates(0.82, 0.004, 8, 20_000), number, "accuracy", 3636) == pytest.approx(
        2.3646 * math.sqrt(variance) + 0.005, abs=1e-5
    )
    rng, held = np.random.default_rng(0), []
    for _ in range(2000):
        runs, one = 0.8 + 0.004 * rng.normal(size=8), 0.8 + 0.004 * rng.normal()
        one = rng.binomial(3636, one) / 3636
        runs = rng.binomial(20_000, runs) / 20_000
        exact = published.Number("acc_overall", "tip_entropy", one, 0.0)
        held.append(abs(runs.mean() - one) <= half_width(Replicates.of(runs, 20_000), exact, "accuracy", 3636))
    assert 0.94 < np.mean(held) < 0.98  # t for a variance that is partly known: no shorter than it says


def test_the_ceiling_is_that_of_a_test_set_of_the_papers_size() -> None:
    """BKD's .862 exceeds .849 by 5.1 standard errors on 20,000 examples and by 2.2 on 3,636, less half a unit."""
    one = {"kind": "ceiling", "metric": "accuracy", "split": "test", "domain": "all", "value": 0.849, "n": 20_000}
    ceiling = pd.DataFrame([one] * 3)
    own, papers = ceilings(ceiling)["all"], ceilings(ceiling, sizes={"all": 3636})["all"]
    assert own == pytest.approx(0.849 + 1.96 * math.sqrt(0.849 * 0.151 / 20_000), abs=2e-4)
    assert papers == pytest.approx(0.849 + 1.96 * math.sqrt(0.849 * 0.151 / 3636), abs=5e-4)


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
        ("acc_overall", "T1"): ("wide", "accuracy", "compatible"),
        ("acc_overall", "kd"): ("kd_map", "accuracy", "compatible"),
        ("acc_overall", "bkd"): ("", "accuracy", "not computed"),
        ("mae_p", "T1"): ("wide", "mae_prob", "differs (ours better)"),
        ("mae_p", "kd"): ("kd_map", "mae_prob", "compatible"),
        ("mae_p", "bkd"): ("", "mae_prob", "not computed"),
    }


def test_a_printed_squared_error_stands_beside_that_of_the_draws_mode() -> None:
    """Methods with draws have both; a point estimate has the one error."""
    plan = experiment() | {"published": "mtbkd_table1_sim1", "columns": {"kd_map": ("kd_equal",), "tip": ("tip_equal",)}}
    plan["data"] = {"kind": "sim1", "settings": {"label_share": 1.0, "n_train": 15_000, "n_val": 1000, "n_test": 4000}}
    known = {("kd_map", "mse_prob"): 0.08, ("tip", "mse_prob"): 0.05, ("tip", "mse_prob_kde_mode"): 0.02}
    rows = [
        (method, "student", metric, r, value + 0.001 * (r - 1), 0.001, 4000)
        for (method, metric), value in known.items()
        for r in (0, 1, 2)
    ]
    frame = pd.DataFrame(rows, columns=["method", "kind", "metric", "replicate", "value", "se", "n"])
    found = side_by_side(plan, pd.concat([scores(), frame.assign(split="test", domain="all")]), ())
    errors = {v.method: v for v in found if v.printed.quantity == "mse_p" and v.method in ("kd_map", "tip")}
    assert (errors["kd_map"].metric, errors["tip"].metric) == ("mse_prob", "mse_prob_kde_mode")
    assert errors["tip"].verdict == "compatible" and errors["tip"].ours.mean == pytest.approx(0.02)
    assert errors["tip"].why.endswith("the posterior mean gives 0.050") and "mean has" not in errors["kd_map"].why


def test_a_printed_number_above_the_ceiling_is_called_so_although_nobody_ran_its_method() -> None:
    """BKD prints .918 for students of its first design, impossible if the ceiling were .88: whoever ran what."""
    low = scores()
    low.loc[low["kind"] == "ceiling", "value"] = 0.88
    verdicts = {v.printed.column: (v.method, v.verdict) for v in side_by_side(experiment(), low, ()) if v.metric == "accuracy"}
    assert verdicts["bkd"] == ("", "above the ceiling") and verdicts["kd"] == ("kd_map", "above the ceiling")


def test_a_column_that_a_search_was_fitted_to_is_called_so() -> None:
    found = side_by_side(experiment(), scores(), (), {"T1"})
    assert {v.verdict for v in found if v.printed.column == "T1"} == {"fitted"}
    assert {v.test_size for v in found if v.metric == "accuracy"} == {909}


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"n_train": 1000}, "4,636 examples here, 10,000 there"), ({"design": "S2"}, "design is S2 here, S1 there")],
)
def test_other_settings_than_the_papers_are_not_compared_and_the_reason_is_kept(changes: dict[str, Any], why: str) -> None:
    found = side_by_side(experiment(**changes), scores(), ())
    assert {(v.verdict, v.why) for v in found} == {("not stated", why)}
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
