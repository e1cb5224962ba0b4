"""The gain of every method against teacher quality: which experiments it sets side by side, and what it takes the gain of."""

from pathlib import Path

import pandas as pd
import pytest

from mtbkd.base.frames import write_table
from mtbkd.report.figures import quality_methods
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import style


def rows(teachers: float, gain: float) -> pd.DataFrame:
    shared = {"split": "test", "domain": "all", "weights": "", "inference": "map"}
    told = [
        {
            "kind": "student",
            "method": method,
            "signal": signal,
            "weights": "",
            "inference": "map",
            "replicate": r,
            "metric": metric,
            "value": value,
            **shared,
        }
        for r in range(3)
        for method, signal, accuracy, nll in (("labels", "none", 0.7 + r, 0.6), ("kd", "kd", 0.7 + r + gain, 0.6 - gain))
        for metric, value in (("accuracy", accuracy), ("nll", nll))
    ]
    of = {
        "kind": "teacher",
        "method": "t",
        "signal": "",
        "weights": "",
        "inference": "",
        "replicate": 0,
        "metric": "accuracy",
        "value": teachers,
    }
    return pd.DataFrame([*told, {**of, **shared}])


@pytest.fixture
def study(tmp_path: Path) -> Study:
    known = {}
    for name, teachers, accuracy, gain in (("poor", "p", 0.5, -0.1), ("good", "g", 0.8, 0.2), ("again", "g", 0.8, 0.0)):
        (tmp_path / name).mkdir()
        write_table(rows(accuracy, gain), tmp_path / name / "metrics.parquet")
        known[name] = {"dataset": "d", "student": "s", "teachers": [teachers], "methods": ["labels", "kd"],
                       "evaluation": str(tmp_path / name)}  # fmt: skip
    other = {**known["poor"], "dataset": "e"}
    return Study(experiments={**known, "other": other})


def test_only_experiments_with_other_teachers_are_set_side_by_side(study: Study) -> None:
    assert [list(group) for group in quality_methods.groups(study)] == [["poor", "good"]]
    alone = Study(experiments={"poor": study.experiments["poor"], "other": study.experiments["other"]})
    assert not quality_methods.applies(alone) and not quality_methods.applies(Study())


def test_a_gain_is_paired_by_replicate_and_up_is_better(study: Study) -> None:
    table = rows(0.8, 0.2)
    assert quality_methods.gains(table, "accuracy").to_numpy() == pytest.approx(0.2)
    assert quality_methods.gains(table, "nll").to_numpy() == pytest.approx(0.2)
    assert quality_methods.gains(table, "nll").index.tolist() == ["kd"]


def test_the_lines_stand_at_the_teachers_accuracy(study: Study) -> None:
    with style():
        figure = quality_methods.draw(study)
        left = figure.axes[0]
        line = next(each for each in left.lines if len(each.get_xdata()) == 2 and each.get_marker() == "o")
        assert list(line.get_xdata()) == pytest.approx([0.5, 0.8]) and list(line.get_ydata()) == pytest.approx([-0.1, 0.2])
