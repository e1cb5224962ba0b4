"""What the report says of hard classes, of errors that uncertainty finds, and of other data."""

from collections.abc import Mapping
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.questions.abstention.figure_abstention import MEASURES, shown
from mtbkd.report.numbers import UNKNOWN, Estimate, count, estimate, listed, show, show_estimate
from mtbkd.report.questions import Section
from mtbkd.report.table import Column, Row, Table, score, text

TITLE = "Which classes are hard, and does uncertainty detect errors?"
EXPLAINED = """\
Scores by class; the error rate that remains if the least certain examples are not answered (area under the risk-coverage
curve, lower is better); whether uncertainty separates out-of-distribution from test examples (AUROC: 0.5 is guessing, 1
perfect); and accuracy and confidence on out-of-distribution examples with labels.
"""
CLASS_METRICS = {
    "recall": "share of the class's examples that are classified correctly (recall)",
    "mcc": "Matthews' correlation, class vs rest",
}


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """Sentences on one method; the four tables; recall by class folded away."""
    classes, scores = tables["classes"], tables["scores"]
    main = shown(scores, settings)
    shown_tables = [
        _class_table(name, classes, "mcc"),
        _error_table(name, scores),
        *_apart_table(name, scores),
        *_shift_table(name, scores),
    ]
    return Section(_told(classes, scores, main), shown_tables, [_class_table(name, classes, "recall")])


def _estimates(rows: Frame, keys: list[str]) -> dict[Any, Estimate]:
    return {key: estimate(own) for key, own in rows.groupby(keys, sort=False)}


def _told(classes: Frame, scores: Frame, main: str) -> list[str]:
    own = scores[scores["method"] == main]
    recall = classes[(classes["method"] == main) & (classes["metric"] == "recall")].groupby("class", sort=False)["value"].mean()
    told = [
        f"{main} classifies {recall.idxmax()} best ({100 * recall.max():.0f} % of its examples) and {recall.idxmin()} worst "
        f"({100 * recall.min():.0f} %)."
    ]
    return [*told, _measure_told(scores), *_apart_told(own, main), *_shift_told(own, main)]


def _measure_told(scores: Frame) -> str:
    """Which measure of uncertainty orders the errors best, over students with several draws, on the test split."""
    areas = scores[(scores["metric"] == "aurc") & (scores["split"] == "test") & (scores["kind"] == "student")]
    table = areas.groupby(["method", "measure"], sort=False)["value"].mean().unstack()
    several = table.dropna() if "entropy_epistemic" in table else table.iloc[:0]
    if not len(several):
        return "No student has several draws, so measures of disagreement between draws are not available."
    wins = several.idxmin(axis=1).value_counts()
    parts = [f"{MEASURES[str(measure)][0]} ({n})" for measure, n in wins.items()]
    means = [f"{MEASURES[str(measure)][0]} {show(value)}" for measure, value in several.mean().sort_values().items()]
    return (
        f"For {count(len(several), 'student')} with several draws, the best measure for detecting errors is "
        f"{listed(parts)}; mean areas: {listed(means)}."
    )


def _apart_told(own: Frame, main: str) -> list[str]:
    rows = own[(own["metric"] == "apart_auroc") & (own["measure"] == "mean_deviance")]
    return [
        f"The mean deviance of {main} separates {split.removeprefix('ood:')} from test examples: AUROC {show_estimate(found)}."
        for (split,), found in _estimates(rows, ["split"]).items()
    ]


def _shift_told(own: Frame, main: str) -> list[str]:
    rows = own[own["metric"].isin(["accuracy", "accuracy_test_mix", "overconfidence"])]
    found = _estimates(rows, ["split", "metric"])
    value = {key: each.mean for key, each in found.items()}
    return [
        f"On {split.removeprefix('ood:')} {main} is right on {100 * value[split, 'accuracy']:.1f} % (at the test split's mix "
        f"of classes {100 * value[split, 'accuracy_test_mix']:.1f} %), on test examples on "
        f"{100 * value['test', 'accuracy']:.1f} %; its confidence exceeds its accuracy by "
        f"{show(value[split, 'overconfidence'], True)} there and by {show(value['test', 'overconfidence'], True)} on test "
        "examples."
        for split in dict.fromkeys(rows["split"])
        if split != "test"
    ]


def _rows(found: Mapping[Any, Estimate], scores: Frame, keys: list[Any]) -> list[Row]:
    """A row a method: its estimates under ``keys``, teachers last."""
    kinds = scores.drop_duplicates("method").set_index("method")["kind"]
    made = [(m, [score(found.get((m, *key), UNKNOWN)) for key in keys]) for m in kinds.index]
    return [Row([text(method), *cells], last=kinds[method] == "teacher") for method, cells in made]


def _class_table(name: str, classes: Frame, metric: str) -> Table:
    rows = classes[classes["metric"] == metric]
    names = list(dict.fromkeys(classes["class"]))
    number = classes[classes["metric"] == "recall"].groupby("class")["n"].first()
    head = [Column("Prediction"), *(Column(each, True, f"{number[each]:,} test examples", "higher") for each in names)]
    found = _estimates(rows, ["method", "class"])
    caption = f"{name}: {CLASS_METRICS[metric]}, test split"
    return Table(f"{name}-{metric}", caption, head, _rows(found, classes, [(each,) for each in names]))


def _error_table(name: str, scores: Frame) -> Table:
    rows = scores[scores["split"] == "test"]
    measures = [measure for measure in MEASURES if measure in set(rows["measure"])]
    keys = [("", "accuracy"), *((measure, "aurc") for measure in measures), ("max_prob", "aurc_perfect")]
    head = [Column("Prediction"), Column("Accuracy", True, "all examples answered", "higher")]
    head += [
        Column(f"AURC: {MEASURES[m][0]}", True, "examples rejected in the order of this measure", "lower") for m in measures
    ]
    head.append(Column("AURC: perfect", True, "if all errors were rejected first"))
    found = _estimates(rows, ["method", "measure", "metric"])
    return Table(f"{name}-errors", f"{name}: does uncertainty detect errors? Test split", head, _rows(found, scores, keys))


def _apart_table(name: str, scores: Frame) -> list[Table]:
    rows = scores[scores["metric"] == "apart_auroc"]
    if not len(rows):
        return []
    keys = list(dict.fromkeys(zip(rows["split"], rows["measure"], strict=True)))
    head = [Column("Prediction")]
    head += [
        Column(f"{split.removeprefix('ood:')}: {MEASURES[measure][0]}", True, "AUROC", "higher") for split, measure in keys
    ]
    found = _estimates(rows, ["method", "split", "measure"])
    return [Table(f"{name}-apart", f"{name}: does uncertainty separate out-of-distribution from test examples?", head,
                  _rows(found, scores, keys))]  # fmt: skip


def _shift_table(name: str, scores: Frame) -> list[Table]:
    words = {"accuracy": "accuracy", "accuracy_test_mix": "at the test's mix of classes", "overconfidence": "overconfidence",
             "hit": "one of its classes"}  # fmt: skip
    rows = scores[scores["metric"].isin(words)]
    outside = rows[rows["split"] != "test"]
    if not len(outside):
        return []
    keys = [("test", "accuracy"), ("test", "overconfidence")]
    keys += list(dict.fromkeys(zip(outside["split"], outside["metric"], strict=True)))
    head = [Column("Prediction"), *(Column(f"{split.removeprefix('ood:')}: {words[metric]}", True) for split, metric in keys)]
    found = _estimates(rows, ["method", "split", "metric"])
    return [Table(f"{name}-shift", f"{name}: scores on out-of-distribution examples", head, _rows(found, scores, keys))]
