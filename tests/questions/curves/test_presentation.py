"""What report and figures make of a curve whose numbers are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mtbkd.base.frames import Frame, write_table
from mtbkd.questions.curves import figure_label_curve as label_curve
from mtbkd.questions.curves import figure_teacher_quality as teacher_quality
from mtbkd.questions.curves import question
from mtbkd.questions.curves import section as curves
from mtbkd.questions.curves.spec import Joined
from mtbkd.questions.curves.tables import frame
from mtbkd.questions.inputs import Inputs
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, style
from mtbkd.report.questions import Section
from tests.questions.drawn import checked

COUNTS = (10, 100, 1000)
GAINS = {"poor": (-0.1, -0.1, -0.1), "middling": (0.1, -0.1, -0.1), "good": (0.1, 0.1, 0.1)}
QUALITY = {"poor": 0.5, "middling": 0.6, "good": 0.7}
FITS = {
    "labels_map": {"signal": {"name": "none"}, "posterior": {"lambda": [1.0], "prior_scale": [1.0]}},
    "tip_map": {"signal": {"name": "tip"}, "posterior": {"lambda": [0.1, 1.0], "prior_scale": [1.0]}},
}


def joined(*controls: str) -> Joined:
    return Joined.model_validate({"sets": list(GAINS), "controls": controls, "candidates": FITS})


def rows(teachers: str, method: str, kind: str, signal: str, values: tuple[float, ...]) -> list[dict[str, object]]:
    """Ten replicates with the same accuracies by label count; the loss is one minus the accuracy."""
    found = []
    for replicate in range(10):
        for transfer in (True, False):
            for n, value in zip(COUNTS, values, strict=True):
                place = {"curve": "one", "teachers": teachers, "method": method, "kind": kind, "signal": signal, "labels": n}
                for metric, score in (("accuracy_true_prob", value), ("nll", 1 - value)):
                    told = {"replicate": replicate, "transfer": transfer, "metric": metric}
                    found.append({**place, **told, "value": score + 0.001 * replicate})
    return found


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    """The parts. Good teachers get the highest lambda at every number of labels, the poor ones the lowest in three of four."""
    parts = [rows("none", "labels_map", "student", "none", (0.6, 0.7, 0.8))]
    for name, gains in GAINS.items():
        values = tuple(a + b for a, b in zip((0.6, 0.7, 0.8), gains, strict=True))
        parts.append(rows(name, "tip_map", "student", "tip", values))
    beside = rows("", "bayes", "ceiling", "", (0.9,) * 3)
    for name, quality in QUALITY.items():
        for method in ("t1", "teachers:mean", "teachers:best"):
            beside += rows(name, method, "teacher", "", (quality,) * 3)
    chosen = {"good": [1.0] * 4, "poor": [0.01, 0.01, 0.01, 0.1]}
    tuned = [
        {"curve": "one", "teachers": name, "method": "tip_map", "replicate": r, "labels": 10, "all_labels": False,
         "transfer": True, "lambda": value, "prior_scale": 1.0, "steps": 60, "val_nll": 0.5, "val_accuracy": 0.8,
         "chosen": value == best}
        for name, own in chosen.items() for r, best in enumerate(own) for value in (0.01, 0.1, 1.0)
    ]  # fmt: skip
    fits = {"scores": [frame("scores", own) for own in parts], "tuning": [frame("tuning", tuned)]}
    return Inputs("one", 1, parts={"fits": fits, "references": {"scores": [frame("scores", beside)]}})


@pytest.fixture(scope="module")
def tables(inputs: Inputs) -> dict[str, Frame]:
    return question.run(inputs, joined())


@pytest.fixture(scope="module")
def shown(tables: dict[str, Frame]) -> Section:
    return curves.section("one", tables, joined().model_dump())


@pytest.fixture(scope="module")
def drawn(tables: dict[str, Frame], tmp_path_factory: pytest.TempPathFactory) -> Question:
    path = tmp_path_factory.mktemp("curves") / "scores.parquet"
    write_table(tables["scores"], path)
    return Question("one", "curves", joined().model_dump(), {"scores": str(path)})


def test_choices_at_the_ends_of_the_grids_of_a_curve_are_counted(shown: Section) -> None:
    ends = shown.details[-1]
    rows = {row.cells[0].text: row.cells[2].text for row in ends.rows}
    assert rows == {"good": "highest, 1, in 4 of 4", "poor": "lowest, 0.01, in 3 of 4"}
    assert [column.name for column in ends.columns] == ["Teachers", "Method", "lambda"]


def test_each_set_of_teachers_gets_the_sentence_that_its_numbers_say(shown: Section) -> None:
    told = {name: line for name in GAINS for line in shown.told if line.startswith(f"Teachers {name}: ")}
    ((asked, (headline,)),) = shown.answers
    assert asked == "When does distillation help?" and headline.startswith("On one, distilled students are significantly")
    assert headline.endswith(
        "with these teachers: poor at no number of labels; middling at 10 labels (labels alone catch up at about 32); "
        "good at 10, 100 and 1,000 labels (labels alone do not catch up within 1,000)."
    )
    assert list(told.values()) == list(shown.told)
    assert (
        "are ahead at 10 labels and never significantly behind (95 % interval below 10; distilled significantly better at no "
        "number of labels)" in told["poor"]
    )
    assert "catch up at about 32 labels" in told["middling"] and "significantly better at 10 labels)" in told["middling"]
    assert "do not catch up within 1,000 labels" in told["good"] and "significantly better at 10, 100 and 1,000" in told["good"]
    assert "The teachers score 0.605 in accuracy" in told["middling"]


def test_teachers_pay_only_by_what_they_gain_over_a_control_that_knows_nothing(inputs: Inputs) -> None:
    """With the set that gains .1 at 10 labels as the control, one that gains as much there pays only where it gains more."""
    tables = question.run(inputs, joined("middling"))
    shown = curves.section("one", tables, joined("middling").model_dump())
    headline = shown.answers[0][1][0]
    assert "significantly more accurate than labels alone and than with the control middling with these teachers" in headline
    assert headline.endswith(
        "middling (an uninformative control) at 10 labels (labels alone catch up at about 32); good at 100 and 1,000 "
        "labels (inconclusive at 10, so no crossing is stated)."
    )
    assert "are not significantly ahead or behind at 10 labels" in shown.told[-1]
    beyond = shown.details[2]
    assert beyond.caption.startswith("one: advantage over the same method with middling in accuracy")
    assert {row.cells[0].text for row in beyond.rows} == {"poor", "good"}
    good = next(row for row in beyond.rows if row.cells[0].text == "good")
    assert [(cell.text, cell.mark) for cell in good.cells[3:]] == [("0.000", ""), ("+0.200", "good"), ("+0.200", "good")]
    told = tables["summary"].query("teachers == 'good' and metric == 'nll' and labels == 10 and kind == 'student'")
    assert set(told["verdict"]) == {"better"} and set(told["pays"]) == {"open"}


def test_the_tables_hold_every_method_and_number_of_labels(tables: dict[str, Frame], shown: Section) -> None:
    crossed = tables["crossings"]
    own = crossed[(crossed["method"] == "tip_map") & (crossed["metric"] == "nll")]
    assert own.groupby("teachers")["labels"].first().to_dict() == pytest.approx(
        {"good": np.inf, "middling": 10**1.5, "poor": 0.0}
    )
    summary = tables["summary"]
    means = summary[(summary["method"] == "labels_map") & (summary["metric"] == "accuracy_true_prob") & summary["transfer"]]
    np.testing.assert_allclose(means["mean"], np.array([0.6, 0.7, 0.8]) + 0.0045)
    assert len(shown.tables[0].rows) == 3 * (2 + 2)  # transfer or not, mean and best teacher
    cell = shown.details[0].rows[0].cells[3]
    assert (cell.text, cell.mark) == ("\N{MINUS SIGN}0.100", "bad")


def test_gain_against_quality_needs_several_sets_of_teachers(drawn: Question) -> None:
    assert teacher_quality.applies(drawn)
    assert not teacher_quality.applies(replace(drawn, settings={**drawn.settings, "sets": ["poor"]}))


def test_every_panel_shows_labels_alone_in_black_at_their_means(drawn: Question) -> None:
    with style():
        figure = label_curve.draw(drawn)
        assert len(figure.axes) == 2 * len(GAINS)
        for ax in figure.axes:
            (line,) = [line for line in ax.lines if line.get_label() == "Labels alone (map)"]
            assert line.get_color() == BLACK
            good = [0.6045, 0.7045, 0.8045] if "accuracy" in ax.get_ylabel() else [0.4045, 0.3045, 0.2045]
            np.testing.assert_allclose(np.asarray(line.get_ydata(), float), good)


def test_gains_stand_at_the_accuracy_of_their_teachers(drawn: Question) -> None:
    with style():
        figure = teacher_quality.draw(drawn)
        assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["10 labels", "100 labels"]
        for ax, gains in zip(figure.axes[:2], zip(*GAINS.values(), strict=True), strict=False):
            line = next(line for line in ax.lines if str(line.get_label()) == "MT-BKD (map), others kept")
            np.testing.assert_allclose(np.asarray(line.get_ydata(), float), gains)
            assert np.round(np.asarray(line.get_xdata(), float)).tolist() == [0, 1, 2]
        told = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert told == [f"{name}\n{score + 0.0045:.2f}" for name, score in QUALITY.items()]


def test_figures_and_views_are_legible_and_show_the_gains(drawn: Question) -> None:
    _, spec = checked(drawn)["teacher_quality"]
    rows = [row for row in spec["datasets"]["data"] if row["panel"] == 0 and row["group"] == "MT-BKD (map), others kept"]
    assert [row["mean"] for row in rows] == pytest.approx([own[0] for own in GAINS.values()], rel=1e-3)


def test_sets_of_equally_good_teachers_are_drawn_side_by_side(drawn: Question, tmp_path: Path) -> None:
    rows = drawn.table("scores")
    teachers = rows["kind"] == "teacher"
    write_table(rows.assign(value=rows["value"].mask(teachers, 0.6)), tmp_path / "scores.parquet")
    with style():
        figure = teacher_quality.draw(replace(drawn, tables={"scores": str(tmp_path / "scores.parquet")}))
    line = next(line for line in figure.axes[0].lines if str(line.get_label()) == "MT-BKD (map), others kept")
    assert len(np.asarray(line.get_xdata())) == len(GAINS)


def test_a_curve_of_labels_alone_has_one_panel_for_each_score(drawn: Question, tmp_path: Path) -> None:
    rows = drawn.table("scores")
    write_table(rows[(rows["kind"] == "student") & (rows["method"] == "labels_map")], tmp_path / "scores.parquet")
    alone = replace(drawn, settings={**drawn.settings, "sets": []}, tables={"scores": str(tmp_path / "scores.parquet")})
    figure, view = checked(alone)["label_curve"]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["without teachers"] * 2
    assert {row["method"] for row in view["datasets"]["data"]} == {"labels_map"}
