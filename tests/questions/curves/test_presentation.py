"""What report and figures make of a curve whose numbers are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd.questions.curves import figure_label_curve as label_curve
from mtbkd.questions.curves import figure_teacher_quality as teacher_quality
from mtbkd.questions.curves import section as curves
from mtbkd.questions.curves.tables import write
from mtbkd.report.figures.material import Study
from mtbkd.report.figures.style import BLACK, style

COUNTS = (10, 100, 1000)
GAINS = {"poor": (-0.1, -0.1, -0.1), "middling": (0.1, -0.1, -0.1), "good": (0.1, 0.1, 0.1)}
QUALITY = {"poor": 0.5, "middling": 0.6, "good": 0.7}
FAMILIES = {"poor": "mlp", "middling": "mlp", "good": "mlp"}
FITS = {
    "labels_map": {"signal": {"name": "none"}, "posterior": {"lambda": [1.0], "prior_scale": [1.0]}},
    "tip_map": {"signal": {"name": "tip"}, "posterior": {"lambda": [0.1, 1.0], "prior_scale": [1.0]}},
}
PARTS = {"none": ["labels_map"], **{name: ["tip_map"] for name in FAMILIES}}
PLAN = {
    "one": {
        "student": "mlp_5",
        "data": {"name": "sim"},
        "teachers": {name: [{"family": family}] for name, family in FAMILIES.items()},
        "parts": {name: {m: {"fit": FITS[m]} for m in methods} for name, methods in PARTS.items()},
    }
}


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
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("curves")
    parts = {"none": rows("none", "labels_map", "student", "none", (0.6, 0.7, 0.8))}
    for name, gains in GAINS.items():
        values = tuple(a + b for a, b in zip((0.6, 0.7, 0.8), gains, strict=True))
        parts[name] = rows(name, "tip_map", "student", "tip", values)
    parts["references"] = rows("", "bayes", "ceiling", "", (0.9,) * 3)
    for name, quality in QUALITY.items():
        for method in ("t1", "teachers:mean", "teachers:best"):
            parts["references"] += rows(name, method, "teacher", "", (quality,) * 3)
    for name, own in parts.items():
        write("scores", own, folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in parts}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Good teachers get the highest lambda at every number of labels, the poor ones the lowest in three of four cases."""
    path = tmp_path_factory.mktemp("tuned") / "tuning.parquet"
    chosen = {"good": [1.0] * 4, "poor": [0.01, 0.01, 0.01, 0.1]}
    found = [
        {"curve": "one", "teachers": name, "method": "tip_map", "replicate": r, "labels": 10, "all_labels": False,
         "transfer": True, "lambda": value, "prior_scale": 1.0, "steps": 60, "val_nll": 0.5, "val_accuracy": 0.8,
         "chosen": value == best}
        for name, own in chosen.items() for r, best in enumerate(own) for value in (0.01, 0.1, 1.0)
    ]  # fmt: skip
    write("tuning", found, path)
    return {"one": [str(path)]}


def test_choices_at_the_ends_of_the_grids_of_a_curve_are_counted(
    files: dict[str, list[str]], tuned: dict[str, list[str]]
) -> None:
    section = curves.section(PLAN, {"one": files}, tuned)
    assert section is not None and section.parts[0].ends is not None
    rows = {row.cells[0].text: row.cells[2].text for row in section.parts[0].ends.rows}
    assert rows == {"good": "highest, 1, in 4 of 4", "poor": "lowest, 0.01, in 3 of 4"}
    assert [column.name for column in section.parts[0].ends.columns] == ["Teachers", "Method", "lambda"]


def test_each_set_of_teachers_gets_the_sentence_that_its_numbers_say(
    files: dict[str, list[str]], tuned: dict[str, list[str]]
) -> None:
    section = curves.section(PLAN, {"one": files}, tuned)
    assert section is not None
    told = section.parts[0].sentences
    assert section.parts[0].headline.endswith(
        "with these teachers: poor at no number of labels; middling at 10 labels (labels alone catch up at about 32); "
        "good at 10, 100 and 1,000 labels (labels alone do not catch up within 1,000)"
    )
    assert list(told) == list(GAINS)
    assert (
        "are ahead at 10 labels and never decidedly behind (95 % interval below 10; distilled decidedly better at no number of "
        "labels)" in told["poor"]
    )
    assert "catch up at about 32 labels" in told["middling"] and "decidedly better at 10 labels)" in told["middling"]
    assert "do not catch up within 1,000 labels" in told["good"] and "decidedly better at 10, 100 and 1,000" in told["good"]
    assert "The teachers score 0.605 in accuracy" in told["middling"]


def test_teachers_pay_only_by_what_they_gain_over_a_control_that_knows_nothing(
    files: dict[str, list[str]], tuned: dict[str, list[str]]
) -> None:
    """With the set that gains .1 at 10 labels as the control, one that gains as much there pays only where it gains more."""
    plan = {"one": {**PLAN["one"], "teachers": {**PLAN["one"]["teachers"], "middling": [{"family": "uniform"}]}}}
    section = curves.section(plan, {"one": files}, tuned)
    assert section is not None
    (part,) = section.parts
    assert "decidedly more accurate than labels alone and than with the control middling with these teachers" in part.headline
    assert part.headline.endswith(
        "middling (a control that knows nothing) at 10 labels (labels alone catch up at about 32); good at 100 and 1,000 "
        "labels (undecided at 10, so no crossing is stated)"
    )
    assert "leave it open who is ahead at 10 labels" in part.sentences["good"]
    beyond = part.differences[-2]
    assert beyond.caption.startswith("one: advantage over the same method with middling in accuracy")
    assert {row.cells[0].text for row in beyond.rows} == {"poor", "good"}
    good = next(row for row in beyond.rows if row.cells[0].text == "good")
    assert [(cell.text, cell.mark) for cell in good.cells[3:]] == [("0.000", ""), ("+0.200", "good"), ("+0.200", "good")]
    told = section.frames["curves"].query("teachers == 'good' and metric == 'nll' and labels == 10 and kind == 'student'")
    assert set(told["verdict"]) == {"better"} and set(told["pays"]) == {"open"}


def test_the_tables_hold_every_method_and_number_of_labels(
    files: dict[str, list[str]], tuned: dict[str, list[str]], tmp_path: Path
) -> None:
    section = curves.section(PLAN, {"one": files}, tuned)
    assert section is not None
    crossed = section.frames["crossings"]
    own = crossed[(crossed["method"] == "tip_map") & (crossed["metric"] == "nll")]
    assert own.groupby("teachers")["labels"].first().to_dict() == pytest.approx(
        {"good": np.inf, "middling": 10**1.5, "poor": 0.0}
    )
    summary = section.frames["curves"]
    means = summary[(summary["method"] == "labels_map") & (summary["metric"] == "accuracy_true_prob") & summary["transfer"]]
    np.testing.assert_allclose(means["mean"], np.array([0.6, 0.7, 0.8]) + 0.0045)
    assert len(section.parts[0].crossings.rows) == 3 * (2 + 2)  # transfer or not, mean and best teacher
    cell = section.parts[0].differences[0].rows[0].cells[3]
    assert (cell.text, cell.mark) == ("\N{MINUS SIGN}0.100", "bad")


def test_a_study_without_curves_has_no_section() -> None:
    assert curves.section({}, {}, {}) is None
    assert not label_curve.applies(Study()) and not teacher_quality.applies(Study())


def test_gain_against_quality_needs_several_sets_of_teachers(files: dict[str, list[str]]) -> None:
    one = {name: files[name] for name in ("none", "poor", "references")}
    assert teacher_quality.applies(Study(curves={"one": files})) and not teacher_quality.applies(Study(curves={"one": one}))


def test_every_panel_shows_labels_alone_in_black_at_their_means(files: dict[str, list[str]]) -> None:
    with style():
        figure = label_curve.draw(Study(curves={"one": files}))
        assert len(figure.axes) == 2 * len(GAINS)
        for ax in figure.axes:
            (line,) = [line for line in ax.lines if str(line.get_label()).startswith("labels_map")]
            assert line.get_color() == BLACK
            good = [0.6045, 0.7045, 0.8045] if "accuracy" in ax.get_ylabel() else [0.4045, 0.3045, 0.2045]
            np.testing.assert_allclose(np.asarray(line.get_ydata(), float), good)


def test_gains_stand_at_the_accuracy_of_their_teachers(files: dict[str, list[str]]) -> None:
    with style():
        figure = teacher_quality.draw(Study(curves={"one": files}))
        assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["10 labels", "100 labels"]
        for ax, gains in zip(figure.axes[:2], zip(*GAINS.values(), strict=True), strict=False):
            line = next(line for line in ax.lines if str(line.get_label()) == "tip_map, others kept")
            np.testing.assert_allclose(np.asarray(line.get_ydata(), float), gains)
            np.testing.assert_allclose(
                np.asarray(line.get_xdata(), float), np.array(list(QUALITY.values())) + 0.0045, atol=0.01
            )


def test_a_lost_file_is_named(files: dict[str, list[str]]) -> None:
    with pytest.raises(Exception, match="run the rule curve"):
        curves.section(PLAN, {"one": {**files, "poor": ["gone.parquet"]}}, {})
    assert pd.read_parquet(files["none"][0])["value"].notna().all()
