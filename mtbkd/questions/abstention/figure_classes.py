"""Scores of each class of the test split: which classes are hard, for students and teachers."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.questions.abstention.figure_abstention import shown
from mtbkd.report.figures.style import (
    BLACK,
    GREY,
    TEACHER_MARK,
    TEACHERS,
    WIDTH,
    estimated,
    inference_mark,
    plt,
    signal_colour,
)  # fmt: skip
from mtbkd.report.numbers import estimate
from mtbkd.report.titles import Student

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which classes are hard?"
SCOPE = "question"
CATEGORY = "Performance"
CAPTION = """\
Every class of the test split, the easiest at the top: large marks are one method, with 95 % intervals, small grey dots the
other students, red bars the teachers.

A class is followed by its number of test examples (n). Left: the share of its examples that are classified correctly (recall).
Right: Matthews' correlation of this class versus the rest, which also counts false positives: 1 is perfect, 0 is guessing.
Intervals are over replicates (for a single replicate, over test examples if known). Classes with few examples have wide
intervals: interpret their order with care.
"""
METRICS = {"recall": "share recognised", "mcc": "Matthews' correlation"}


def draw(question: Any) -> "Figure":
    table = question.table("classes")
    scores = question.table("scores")
    main = question.students(scores)[shown(scores, question.settings)]
    names = in_order(question)
    order = list(names)[::-1]
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.95 + 0.3 * len(order)), sharey=True)
    for ax, (metric, label) in zip(axes, METRICS.items(), strict=True):
        _dots(ax, table[table["metric"] == metric], main, order)
        ax.set_xlabel(label)
    axes[0].set_yticks(range(len(order)), list(names.values())[::-1], fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=7.5)
    return figure


def in_order(question: Any) -> dict[str, str]:
    """Class -> its name with the number of its test examples, the easiest for the method told of first."""
    table, main = question.table("classes"), shown(question.table("scores"), question.settings)
    recall = table[(table["method"] == main) & (table["metric"] == "recall")]
    order = recall.groupby("class", sort=False)["value"].mean().sort_values(ascending=False).index
    counts = recall.groupby("class")["n"].first()
    return {str(name): f"{name}  n={counts[name]:,}" for name in order}


def _dots(ax: "Axes", rows: Frame, main: Student, order: list[str]) -> None:
    place = {name: y for y, name in enumerate(order)}
    rows = rows[~rows["method"].isin(["teachers:best"])]
    means = rows.groupby(["kind", "method", "class"], sort=False)["value"].mean().reset_index()
    others = means[(means["kind"] == "student") & (means["method"] != main.method)]
    teachers = means[means["kind"] == "teacher"]
    ax.plot(others["value"], others["class"].map(place) - 0.16, "o", color=GREY, markersize=2.5, label="other students")
    ax.plot(teachers["value"], teachers["class"].map(place) + 0.16, TEACHER_MARK, color=TEACHERS, markersize=6,
            markeredgewidth=1.6, label="teachers")  # fmt: skip
    for name, y in place.items():
        own = rows[(rows["method"] == main.method) & (rows["class"] == name)]
        if not len(own):
            continue
        found = estimate(own)
        label = main.title if y == 0 else None
        colour, mark = signal_colour(main.signal), inference_mark(main.inference)
        estimated(ax, found.mean, y, (found.low, found.high), colour, mark, size=5, label=label)
    ax.axvline(0, color=BLACK, linewidth=0.6)
    ax.grid(axis="y", visible=False)
