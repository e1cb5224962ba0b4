"""What the figures of the question ``tables`` show is read off the drawn artists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtbkd.base.frames import Frame, write_table
from mtbkd.base.registry import view
from mtbkd.questions.tables import figure_critical_difference as critical_difference
from mtbkd.questions.tables import figure_gain_by_labels as gain_by_labels
from mtbkd.questions.tables import figure_table_gains as table_gains
from mtbkd.questions.tables.verdicts import title
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import save, style
from tests.evaluation.table_scores import EFFECT, GROUPS, table_scores, table_tables
from tests.questions.drawn import checked

FIGURES = (table_gains, critical_difference, gain_by_labels)
TABLES = ("comparisons", "overall", "ranks")


def question(folder: Path, tables: dict[str, Frame]) -> Question:
    for name in TABLES:
        write_table(tables[name], folder / f"{name}.parquet")
    files = {name: str(folder / f"{name}.parquet") for name in TABLES}
    settings = {
        "groups": {name: list(own) for name, own in GROUPS.items()},
        "methods": list(tables["scores"]["method"].unique()),
    }
    return Question("real", "tables", settings, files)


@pytest.fixture(scope="module")
def tables() -> dict[str, Frame]:
    scores = table_scores(regimes=("clusters", "generalists"), levels=("60", "all"))
    return table_tables(scores[~((scores["table"] == "DNA") & scores["all_labels"])])


@pytest.fixture(scope="module")
def real(tables: dict[str, Frame], tmp_path_factory: pytest.TempPathFactory) -> Question:
    return question(tmp_path_factory.mktemp("real"), tables)


@pytest.fixture(autouse=True)
def house_style() -> Iterator[None]:
    with style():
        yield


def dots(ax: Any) -> dict[tuple[float, float], bool]:
    """(x, y) of every single dot -> hollow."""
    lines = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    return {(float(*line.get_xdata()), float(*line.get_ydata())): line.get_markerfacecolor() == "white" for line in lines}


def test_every_table_has_a_dot_a_regime_and_open_ones_are_hollow(real: Question, tables: dict[str, Frame]) -> None:
    figure = table_gains.draw(real)
    few, every = figure.axes
    assert (few.get_title("left"), every.get_title("left")) == ("60 labels", "all labels")
    own = tables["comparisons"].query("metric == 'nll' and reference == 'labels' and method == 'tip_equal_sharp'")
    for ax, level in ((few, "60"), (every, "all")):
        rows = own[own["level"] == level]
        expected = sorted(zip(-rows["difference"], rows["verdict"] == "open", strict=True))
        shown = sorted((x, hollow) for (x, _), hollow in dots(ax).items())
        np.testing.assert_allclose(shown, expected)
    assert len(dots(few)) == 2 * 12 and len(dots(every)) == 2 * 11, "one table lacks all labels"


def test_reported_tables_come_first_and_are_named_with_their_group(real: Question) -> None:
    names = [label.get_text() for label in table_gains.draw(real).axes[0].get_yticklabels()]
    assert [name[-3:] for name in names] == ["(B)"] * 9 + ["(A)"] * 3
    assert {name[:-4] for name in names} == {table for own in GROUPS.values() for table in own}


def test_the_diagram_joins_what_the_critical_difference_does_not_part(real: Question, tables: dict[str, Frame]) -> None:
    figure = critical_difference.draw(real)
    assert len(figure.axes) == 2
    own = tables["ranks"].query("group == 'B' and level == '60' and metric == 'nll' and regime == 'clusters'")
    told = " ".join(text.get_text() for text in figure.axes[0].texts)
    for method, rank in zip(own["method"], own["rank"], strict=True):
        assert title(method) in told and f"({rank:.1f})" in told
    heading = figure.axes[0].get_title("left")
    assert heading.startswith("specialists by cluster, 60 labels, 9 tables B")
    assert f"critical difference {own['critical_difference'].iloc[0]:.1f}" in heading
    bars = [line.get_xdata() for line in figure.axes[0].lines if line.get_linewidth() == 2]
    widest = max(float(np.ptp(np.asarray(bar, float))) for bar in bars)
    assert 0 < widest < own["critical_difference"].iloc[0] < float(np.ptp(own["rank"]))


def test_lines_are_medians_over_the_reported_tables(real: Question, tables: dict[str, Frame]) -> None:
    figure = gain_by_labels.draw(real)
    nll, accuracy = figure.axes[:2]
    for ax, metric, sign in ((nll, "nll", -1), (accuracy, "accuracy", 1)):
        lines = {line.get_label(): line for line in ax.lines if line.get_marker() == "o"}
        assert list(lines) == [title(m) for m in ("tip_equal_sharp", "kd_mean", "kd_equal", "self_training")]
        own = tables["comparisons"].query(
            "group == 'B' and regime == 'clusters' and reference == 'labels' and method == 'kd_mean'"
        )
        expected = sign * own[own["metric"] == metric].groupby("level")["difference"].median()
        np.testing.assert_allclose(np.asarray(lines[title("kd_mean")].get_ydata(), float), expected[["60", "all"]])
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["60\n(9)", "all\n(8)"]


def test_figures_and_views_are_legible_and_hold_the_same_numbers(real: Question, tables: dict[str, Frame]) -> None:
    drawn = checked(real)
    rows = {name: spec["datasets"]["data"] for name, (_, spec) in drawn.items()}
    gains = tables["comparisons"].query("metric == 'nll' and reference == 'labels' and method == 'tip_equal_sharp'")
    assert sorted(row["mean"] for row in rows["table_gains"]) == pytest.approx(sorted(-gains["difference"]), rel=1e-3)
    assert sum(not row["passed"] for row in rows["table_gains"]) == (gains["verdict"] == "open").sum()
    ranks = tables["ranks"].query("group == 'B' and level == '60' and metric == 'nll'")
    assert sorted(row["mean"] for row in rows["critical_difference"]) == pytest.approx(sorted(ranks["rank"]), rel=1e-3)
    kin = drawn["gain_by_labels"][1]["usermeta"]
    assert kin["methods"]["self_training"]["signal"] == "" and kin["methods"]["kd_mean"]["signal"] == "kd_mean"
    assert {each["metric"] for each in kin["belongs"].values()} == {"nll", "accuracy"}


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": {"B": GROUPS["B"][:3]}, "regimes": ("features",), "levels": ("all",)},
        {"effect": {name: EFFECT[name] for name in ("labels", "kd_equal")}},
    ],
    ids=["few tables, one regime, all labels", "two students and no tip"],
)
def test_what_is_missing_leaves_no_figure_undrawn(changes: dict[str, Any], tmp_path: Path) -> None:
    scores = table_scores(**{"regimes": ("clusters",), "levels": ("60",), **changes})
    found = question(tmp_path, table_tables(scores, changes.get("groups", GROUPS)))
    for part in (part for part in FIGURES if part.applies(found)):
        assert not save(part.draw(found), tmp_path / "one.svg", tmp_path / "one.png")
        seen = view(part.__name__.rpartition(".figure_")[2])
        assert seen and seen.interactive(found)["datasets"]


def test_the_gains_of_tip_are_no_figure_of_a_study_without_it(real: Question) -> None:
    without = Question("real", "tables", {**real.settings, "methods": ["labels", "kd_equal"]}, real.tables)
    assert [part.applies(without) for part in FIGURES] == [False, True, True]
    assert all(part.applies(real) for part in FIGURES)
