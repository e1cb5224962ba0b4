"""The report's section on the teacher search: it says how near the printed teachers were reached, and by which settings."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.errors import ContractError
from mtbkd.frames import write_table
from mtbkd.report import search
from mtbkd.search.run import COLUMNS


def table(folder: Path, configured: int) -> dict[str, str]:
    """Seven candidates at distances .1 to .7 of two printed numbers, written as the rule does."""
    rows = []
    for candidate in range(7):
        distance = 0.1 * (candidate + 1)
        for quantity, sign in (("acc_overall", 1), ("acc_b1", -1)):
            numbers = {"published": 0.5, "ours": 0.5 + sign * distance, "se": 0.01, "difference": sign * distance}
            named = {"search": "sim1", "candidate": candidate, "configured": candidate == configured}
            named |= {"settings": json.dumps({"domain_axis": "x2", "steps": 100 * candidate}), "column": "T1", "teacher": "b1"}
            rows.append(named | {"quantity": quantity} | numbers | {"distance": distance})
    path = folder / "sim1.parquet"
    write_table(pd.DataFrame(rows, columns=list(COLUMNS)).sample(frac=1, random_state=0), path)
    return {"sim1": str(path)}


def test_the_configured_teachers_are_said_to_be_the_nearest_where_they_are(tmp_path: Path) -> None:
    (part,) = search.section(table(tmp_path, 0), {"sim1": "mtbkd_table1_sim1"})
    assert "The nearest has domain axis x2 and steps 0" in part.summary and "is 0.100" in part.summary
    assert "7 candidates against the teacher rows of MT-BKD: arXiv 2605.27967, Table 1" in part.summary
    assert part.summary.endswith("The configured teachers are this candidate.")
    assert [row.cells[0].text for row in part.best.rows] == ["1", "2", "3", "4", "5"]
    assert [row.cells[3].text for row in part.best.rows] == ["0.100", "0.200", "0.300", "0.400", "0.500"]
    assert len(part.numbers.columns) == 6


def test_a_configured_choice_that_is_farther_is_shown_with_its_rank(tmp_path: Path) -> None:
    (part,) = search.section(table(tmp_path, 6), {"sim1": "mtbkd_table1_sim1"})
    assert "are not the nearest: they have domain axis x2 and steps 600, rank 7 of 7, distance 0.700" in part.summary
    assert part.summary.endswith("clearly farther.") and "within two of these, no other is as near" in part.summary
    assert [row.cells[0].text for row in part.best.rows] == ["1", "2", "3", "4", "5", "7"]
    assert [row.cells[-1].text.split()[-1] for row in part.best.rows] == ["no"] * 5 + ["yes"]
    first = {row.cells[2].sub: [cell.text for cell in row.cells[3:]] for row in part.numbers.rows}
    assert [row.cells[2].text for row in part.numbers.rows] == ["accuracy on domain 1", "accuracy"]
    assert first["acc_overall"] == ["0.500", "0.600", "+0.100", "1.200", "+0.700"]


def test_the_standard_error_of_a_distance_is_that_of_repeated_draws() -> None:
    rng = np.random.default_rng(0)
    difference, se = np.array([0.05, -0.1, 0.02]), np.array([0.01, 0.02, 0.005])
    drawn = difference + se * rng.standard_normal((100_000, 3))
    rows = pd.DataFrame({"difference": difference, "se": se, "distance": np.sqrt(np.mean(difference**2))})
    assert search.distance_se(rows) == pytest.approx(np.sqrt(np.mean(drawn**2, 1)).std(), rel=0.03)


def test_all_candidates_are_in_the_table_that_is_written(tmp_path: Path) -> None:
    assert len(search.all_candidates(table(tmp_path, 0))) == 14


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="run the rule teacher_search"):
        search.section({"sim1": str(tmp_path / "none.parquet")}, {"sim1": "mtbkd_table1_sim1"})
