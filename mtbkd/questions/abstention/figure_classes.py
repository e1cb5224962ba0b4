"""Scores of each class of the test split: which classes are hard, for students and teachers."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.questions.abstention.figure_abstention import shown
from mtbkd.report.figures.style import BLACK, BLUE, GREY, VERMILION, WIDTH, plt
from mtbkd.report.numbers import estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Which classes are hard?"
SCOPE = "question"
CATEGORY = "Performance"
CAPTION = """\
Every class of the test split, the easiest at the top, followed by its number of test examples (n). Left: the share of its
examples that are classified correctly (recall). Right: Matthews' correlation of this class versus the rest, which also counts
false positives: 1 is perfect, 0 is guessing. Blue dots are one method, with 95 % intervals over replicates (for a single
replicate, over test examples if known). Small grey dots are the other students, vermilion diamonds the teachers. Classes with
few examples have wide intervals: interpret their order with care.
"""
METRICS = {"recall": "share recognised", "mcc": "Matthews' correlation"}


def draw(question: Any) -> "Figure":
    table = question.table("classes")
    main = shown(question.table("scores"), question.settings)
    own = table[table["method"] == main]
    recall = own[own["metric"] == "recall"]
    order = list(recall.groupby("class", sort=False)["value"].mean().sort_values().index)
    counts = recall.groupby("class")["n"].first()
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.95 + 0.3 * len(order)), sharey=True)
    for ax, (metric, label) in zip(axes, METRICS.items(), strict=True):
        _dots(ax, table[table["metric"] == metric], main, order)
        ax.set_xlabel(label)
    axes[0].set_yticks(range(len(order)), [f"{name}  n={counts[name]:,}" for name in order], fontsize=8)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
    return figure


def _dots(ax: "Axes", rows: Frame, main: str, order: list[str]) -> None:
    place = {name: y for y, name in enumerate(order)}
    rows = rows[~rows["method"].isin(["teachers:best"])]
    means = rows.groupby(["kind", "method", "class"], sort=False)["value"].mean().reset_index()
    others = means[(means["kind"] == "student") & (means["method"] != main)]
    teachers = means[means["kind"] == "teacher"]
    ax.plot(others["value"], others["class"].map(place) - 0.16, "o", color=GREY, markersize=2.5, label="other students")
    ax.plot(teachers["value"], teachers["class"].map(place) + 0.16, "D", color=VERMILION, markersize=3.5, label="teachers")
    for name, y in place.items():
        own = rows[(rows["method"] == main) & (rows["class"] == name)]
        if not len(own):
            continue
        found = estimate(own)
        ax.plot([found.low, found.high], [y, y], color=BLUE, linewidth=1.3)
        ax.plot(found.mean, y, "o", color=BLUE, markersize=5, label=main if y == 0 else None)
    ax.axvline(0, color=BLACK, linewidth=0.6)
    ax.grid(axis="y", visible=False)
