"""Scores against the number of labels, with and without teachers: when distillation pays."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.curves.crossing import judged_metrics
from mtbkd.questions.curves.spec import NO_TEACHERS
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, TEACHERS, grid, inference_mark, mark_size, signal_colour
from mtbkd.report.titles import Student

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "When does distillation help?"
SCOPE = "question"
CATEGORY = "Labels"
CAPTION = """\
Test scores against the number of labels, one row for each set of teachers. Black is a student trained on labels alone;
distillation helps where a coloured line is on its better side. Left: accuracy, higher is better; right: negative
log-likelihood, lower is better.

The x-axis is logarithmic and counts all labels, including those for validation, because every setting is chosen by
cross-validation within them. All scores are on the same held-out test examples. Lines of distilled students are solid if the
other training examples are kept without labels, dashed if they are dropped. Marks are means over replicates, with 95 %
intervals. The dotted red line is the mean of the teachers' probabilities, without a student; the grey line is the Bayes
ceiling, which no method can exceed except by chance. Where a coloured line meets the black one, labels alone have caught up. A
set of uninformative teachers is a control: what its lines gain is smoothing, and other sets help only by what they gain beyond
it. A red line outside a panel is written at its edge.
"""
TITLES = {
    "accuracy_true_prob": "expected accuracy (share)",
    "accuracy": "accuracy (share)",
    "nll": "neg. log-likelihood (nats)",
}
MEAN = "teachers:mean"


def draw(question: Question) -> "Figure":
    rows = question.table("scores")
    panels, students = panels_of(rows), question.students(rows)
    figure, axes = grid(len(panels), 2, 2.3)
    shared: dict[str, list[Axes]] = {}
    for ax, (title, teachers, metric) in zip(axes, panels, strict=True):
        _panel(ax, rows[rows["metric"] == metric], teachers, students)
        ax.set_title(title, fontsize=8)
        ax.set_ylabel(TITLES[metric], fontsize=7.5)
        shared.setdefault(metric, []).append(ax)
    for own in shared.values():
        ends = [ax.get_ylim() for ax in own]
        for ax in own:
            ax.set_ylim(min(low for low, _ in ends), max(high for _, high in ends))
            _label_outside(ax)
    handles: dict[str, Any] = {}
    for ax in axes:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2, fontsize=7.5)
    figure.supxlabel("labels, validation included (logarithmic)", fontsize=9)
    return figure


def sets_of_teachers(rows: Frame) -> list[str]:
    """The sets of a curve, in the order of config.yaml."""
    students = rows[(rows["kind"] == "student") & (rows["teachers"] != NO_TEACHERS)]
    return list(dict.fromkeys(students["teachers"]))


def panels_of(rows: Frame) -> list[tuple[str, str, str]]:
    """(title, set of teachers, metric) of every panel."""
    named = [(f"teachers: {each}", each) for each in sets_of_teachers(rows)] or [("without teachers", NO_TEACHERS)]
    return [(title, each, metric) for title, each in named for metric in judged_metrics(rows)]


def label_ticks(ax: "Axes", counts: list[int]) -> None:
    """A logarithmic axis with the label counts as its ticks."""
    ax.set_xscale("log")
    ax.set_xticks(counts, [f"{n:,}" for n in counts], fontsize=7)
    ax.xaxis.set_minor_locator(_no_ticks())


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def lines_of(rows: Frame, teachers: str) -> list[tuple[Any, Frame]]:
    """(method, signal, transfer) -> its rows; labels alone have no teachers and are there once."""
    students = rows[(rows["kind"] == "student") & rows["teachers"].isin([NO_TEACHERS, teachers])]
    lines = list(students.groupby(["method", "signal", "transfer"], sort=False))
    return [(keys, own) for keys, own in lines if keys[1] != "none" or keys[2] == students["transfer"].iloc[0]]


def _panel(ax: "Axes", rows: Frame, teachers: str, students: Mapping[str, Student]) -> None:
    counts = sorted(int(n) for n in rows["labels"].unique())
    label_ticks(ax, counts)
    lines = lines_of(rows, teachers)
    for place, ((method, signal, transfer), own) in enumerate(lines):
        shift = 1.035 ** (place - (len(lines) - 1) / 2)
        within = range_of(str(rows["metric"].iloc[0]))
        found = {int(n): interval(each["value"], within) for n, each in own.groupby("labels")}
        x, colour = [n * shift for n in found], signal_colour(signal)
        for at, each in zip(x, found.values(), strict=True):
            ax.plot([at, at], [each.low, each.high], color=colour, linewidth=0.9)
        label = students[method].title + ("" if signal == "none" else f", others {'kept' if transfer else 'dropped'}")
        mark = inference_mark(students[method].inference)
        means = [each.mean for each in found.values()]
        line = "solid" if transfer or signal == "none" else (0, (3, 1.6))
        ax.plot(x, means, mark, color=colour, linestyle=line, markersize=mark_size(mark, 3), linewidth=1.2, label=label)
    ceiling = rows[rows["kind"] == "ceiling"]["value"].mean()
    if math.isfinite(ceiling):
        ax.axhline(ceiling, color=GREY, linewidth=1, label="ceiling", zorder=0.5)
    ax.margins(y=0.08)
    low, high = ax.get_ylim()
    mean = float(rows[(rows["method"] == MEAN) & (rows["teachers"] == teachers)]["value"].mean())
    if math.isfinite(mean):  # a question about labels alone has no teachers
        ax.axhline(mean, color=TEACHERS, linestyle=(0, (1, 1.2)), linewidth=1.2, label="mean of the teachers", gid=MEAN)
    ax.set_ylim(low, high)


def _label_outside(ax: "Axes") -> None:
    """Write the teachers' mean at the edge of a panel that it lies outside of."""
    line = next((line for line in ax.lines if line.get_gid() == MEAN), None)
    if line is None:
        return
    value = float(line.get_ydata()[0])  # pyright: ignore[reportArgumentType, reportIndexIssue]
    low, high = ax.get_ylim()
    if low <= value <= high:
        return
    up = value > high
    told = f"mean of the teachers: {value:.2f} {'above' if up else 'below'}"
    ax.annotate(told, (0.98, 0.97 if up else 0.03), xycoords="axes fraction", ha="right", va="top" if up else "bottom",
                color=TEACHERS, fontsize=7)  # fmt: skip
