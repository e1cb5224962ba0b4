"""Tables for people: what a spreadsheet would take for a formula is text."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from mtbkd.base.frames import write_csv


def test_no_cell_of_foreign_text_begins_like_a_formula(tmp_path: Path):
    names = ["=1+1", "+a", "-a", "@a", "\tx", "plain", "a=b"]
    numbers = np.array([-1.5, 2, 3, 4, 5, np.nan, 7])
    frame = pd.DataFrame({"class": names, "value": numbers, "count": -np.arange(7), "ok": pd.array([True, None] * 3 + [False])})
    write_csv(frame.astype({"ok": "boolean"}), tmp_path / "t.csv")
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["class"] for row in rows] == ["'=1+1", "'+a", "'-a", "'@a", "'\tx", "plain", "a=b"]
    assert [row["value"] for row in rows][:2] == ["-1.5", "2.0"] and [row["count"] for row in rows][:2] == ["0", "-1"]
    assert [row["ok"] for row in rows] == ["True", "", "True", "", "True", "", "False"]
