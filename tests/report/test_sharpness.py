"""How far mixtures choose between teachers: on the page, and pairs of tip and kd that are one function."""

from dataclasses import replace

import pandas as pd

from mtbkd.inference.sharpness import COLUMN
from mtbkd.report import findings as page
from mtbkd.report import sharpness
from mtbkd.report.contrasts import Case
from mtbkd.report.experiment import tuning_table
from tests.report.test_findings import asked
from tests.report.test_grids import told

QUESTION = "Linear pool (tip) or log pool (kd)?"


def tuned(**found: float | None) -> pd.DataFrame:
    """Two replicates of methods with one candidate each."""
    rows = [
        {"method": method, "replicate": r, "lambda": 0.05, COLUMN: value, "val_nll": 0.5, "val_accuracy": 0.8, "chosen": True}
        for method, value in found.items() for r in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def given(**found: float | None) -> Case:
    whole = told()
    return replace(whole, evidence=replace(whole.evidence, tuning=tuned(**found)))


def test_the_page_has_the_sharpness_of_every_mixture_also_where_nothing_was_tuned() -> None:
    rows = tuned(labels_map=None, kd_entropy_map=None, tip_entropy_map=0.004, tip_entropy_sgld=0.2)
    table = tuning_table(told().evidence, rows)
    assert table is not None
    cells = {row.cells[0].text: row.cells[1] for row in table.rows}
    assert cells["tip_entropy_map"].mark == "warn" and cells["tip_entropy_map"].sub == "same as kd"
    assert cells["tip_entropy_sgld"].mark == "" and cells["tip_entropy_sgld"].text == "0.200"
    assert cells["kd_entropy_map"].text == "not a mixture"
    assert tuning_table(told().evidence, tuned(kd_entropy_map=None)) is None


def test_a_mixture_that_is_kd_is_not_counted_against_it() -> None:
    both = given(tip_entropy_map=0.3, tip_entropy_sgld=0.2)
    (fair,) = [each for each in asked(page.findings(both), QUESTION) if each.startswith("Accuracy")]
    assert "2 pairs" in fair and "both are kd" not in fair
    one = given(tip_entropy_map=0.004, tip_entropy_sgld=0.2)
    (flagged,) = [each for each in asked(page.findings(one), QUESTION) if each.startswith("Accuracy")]
    assert "1 pair." in flagged
    assert "Not counted because both are kd: tip_entropy_map vs kd_entropy_map (its responsibilities stay at" in flagged
    assert "mean |r - w| 0.004" in flagged


def test_a_curve_shows_it_at_every_number_of_labels() -> None:
    rows = pd.concat([
        tuned(tip=value).assign(teachers="good", transfer=True, labels=labels) for labels, value in ((30, 0.1), (300, 0.01))
    ])  # fmt: skip
    table = sharpness.curve_table("c", rows, [30, 300])
    assert table is not None
    (row,) = table.rows
    assert [each.text for each in row.cells[3:]] == ["0.100", "0.010"]
    assert [each.mark for each in row.cells[3:]] == ["", "warn"]
    assert sharpness.curve_table("c", rows.assign(**{COLUMN: None}), [30]) is None
