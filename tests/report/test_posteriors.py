"""The tables on whether posteriors are right: what a reader sees of known rows."""

import pandas as pd

from mtbkd.evaluation.tables import COLUMNS
from mtbkd.report.posteriors import agreement_table, check_table, loo_table
from mtbkd.report.table import Table


def frame(table: str, rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS[table])


def cells(table: Table | None) -> dict[str, list[str]]:
    assert table is not None
    assert all(len(row.cells) == len(table.columns) for row in table.rows)
    return {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}


def test_agreement_counts_replicates_and_shows_the_worst() -> None:
    gaps = {
        "mean_mean": 0.01,
        "sd_ratio": 0.5,
        "w1_mean": 0.02,
        "coverage_diff": -0.04,
        "nll_diff": 0.002,
        "ess": 400,
        "ess_per_s": 100,
    }
    other = {"method": "vi", "inference": "vi", "reference": "nuts", **gaps}
    rows = [
        {
            "method": "nuts",
            "inference": "nuts",
            "replicate": r,
            "reference": "nuts",
            "verdict": "reference",
            "note": "",
            "ess_per_s": 7,
        }
        for r in (0, 1)
    ]
    rows += [{**other, "replicate": 0, "mean_max": 0.01, "verdict": "agrees", "note": ""}]
    rows += [{**other, "replicate": 1, "mean_max": 0.07, "verdict": "differs", "note": "off"}]
    table = agreement_table("sim", frame("agreement", rows))
    found, notes = cells(table), table.rows[1].cells[1].sub if table else ""
    assert found["nuts"][0].endswith("reference (2 of 2)") and found["nuts"][-1] == "7.000"
    assert found["vi"][0].endswith("differs (1 of 2); ✓ agrees (1 of 2)")
    assert notes == "spread 0.50 times the reference's (too narrow), NLL 0.002 higher (worse)"
    assert found["vi"][1:] == ["nuts", "0.070", "0.010", "0.500", "0.020", "\N{MINUS SIGN}0.040", "+0.002", "100.0"]
    assert agreement_table("sim", frame("agreement", [])) is None


def test_leave_one_out_is_sorted_and_marks_what_cannot_be_trusted() -> None:
    common = {"replicate": 0, "se": 1.0, "p_loo": 2.0, "n": 200, "stacking_weight": 0.5, "note": ""}
    rows = [
        {"method": "none", "replicate": 0, "note": "claims no posterior"},
        {"method": "bad", "elpd_loo": -90.0, "khat_max": 1.2, "khat_bad": 0.2, **common},
        {"method": "good", "elpd_loo": -80.0, "khat_max": 0.3, "khat_bad": 0.0, **common},
    ]
    table = loo_table("sim", frame("loo", rows))
    assert list(cells(table)) == ["good", "bad", "none"] and cells(table)["none"][-1] == "claims no posterior"
    assert table is not None and [row.cells[4].mark for row in table.rows] == ["", "bad", ""]
    assert "200 training labels" in table.caption


def test_predictive_checks_stand_beside_what_was_observed() -> None:
    rows = [
        {"method": "tip", "replicate": 0, "class": 0, "observed": 0.4, "expected": 0.41, "p_value": 0.6},
        {"method": "tip", "replicate": 0, "class": 1, "observed": 0.6, "expected": 0.59, "p_value": 0.001},
    ]
    table = check_table("sim", frame("predictive_checks", rows), ["no", "yes"])
    assert cells(table) == {"observed": ["0.400", "0.600"], "tip": ["0.410", "0.590"]}
    assert table is not None and [cell.mark for cell in table.rows[1].cells[1:]] == ["", "bad"]
