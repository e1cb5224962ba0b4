"""What distillation adds to labels alone, against the quality of the teachers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.questions.curves.crossing import differences, judged_metrics
from mtbkd.questions.curves.figure_label_curve import sets_of_teachers
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, grid, inference_mark, mark_size, signal_colour, wrapped
from mtbkd.report.titles import Student

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain by teacher quality"
SCOPE = "question"
CATEGORY = "Labels"
CAPTION = """\
What distillation gains over labels alone with teachers of different quality, the worst on the left: marks above the black line
gained, marks below it lost. One column for each number of labels; upper row accuracy, lower row log-likelihood.

Below each set of teachers is the mean accuracy of its single teachers. Gains are on the same replicates, with the sign chosen
so that up is better. Bars are 95 % intervals of the paired difference over replicates; a bar that crosses the line is
inconclusive. Solid lines keep the other training examples without labels, dashed lines drop them. Each panel has its own
scale. Uninformative teachers, at chance, are a control: what they gain is smoothing, and other sets help only by what they
gain beyond it. The settings of every method are chosen within the label budget, so a method that gains nothing has at best
learned to ignore its teachers.
"""
GAINS = {
    "accuracy_true_prob": "gain of expected accuracy",
    "accuracy": "gain of accuracy",
    "nll": "gain of log-likelihood (nats)",
}


def applies(question: Question) -> bool:
    return len(question.settings["sets"]) > 1


def draw(question: Question) -> "Figure":
    rows = question.table("scores")
    counts = shown_counts([int(n) for n in rows["labels"].unique()])
    panels = [(metric, n) for metric in judged_metrics(rows) for n in counts]
    figure, axes = grid(len(panels), len(counts), 2.1)
    found, students, quality = differences(rows), question.students(rows), teacher_accuracy(rows)
    for place, (ax, (metric, n)) in enumerate(zip(axes, panels, strict=True)):
        own = found[(found["metric"] == metric) & (found["labels"] == n) & (found["kind"] == "student")]
        _panel(ax, own, list(quality), students)
        ax.set_title(f"{n:,} labels", fontsize=8)
        if place % len(counts) == 0:
            ax.set_ylabel(wrapped(GAINS[metric], 18), fontsize=8)
    handles: dict[str, Any] = {}
    for ax in axes:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2, fontsize=7.5)
    names = [f"{wrapped(name, 12)}\n{score:.2f}" for name, score in quality.items()]
    for ax in axes:
        last = ax in axes[-len(counts) :]
        ax.set_xticks(range(len(names)), names if last else [""] * len(names), fontsize=7, rotation=90 * (len(counts) > 1))
    figure.supxlabel("set of teachers, and the mean accuracy of its single teachers", fontsize=9)
    return figure


def shown_counts(counts: list[int]) -> list[int]:
    """The two smallest numbers of labels and the middle one, each once, rising: where teachers may still matter."""
    ordered = sorted(counts)
    return sorted({*ordered[:2], ordered[len(ordered) // 2]})


def teacher_accuracy(rows: Frame) -> dict[str, float]:
    """Set -> mean over its single teachers and replicates of their accuracy, the worst first."""
    single = rows[(rows["kind"] == "teacher") & ~rows["method"].str.startswith("teachers:")]
    own = single[single["metric"] == judged_metrics(rows)[0]]
    found = {name: float(own[own["teachers"] == name]["value"].mean()) for name in sets_of_teachers(rows)}
    return dict(sorted(found.items(), key=lambda each: each[1]))


def _lines(found: Frame, sets: Sequence[str]) -> list[tuple[str, bool, list[tuple[float, dict[str, Any]]]]]:
    """(method, whether other examples are kept, (place, row) of every set) of every line; lines stand side by side."""
    grouped = list(found[found["teachers"].isin(sets)].groupby(["method", "transfer"], sort=False))
    shift, lines = 0.5 / max(len(grouped), 1), []
    for place, ((method, transfer), own) in enumerate(grouped):
        beside = shift * (place - (len(grouped) - 1) / 2)
        points = [(sets.index(row["teachers"]) + beside, row) for row in own.to_dict("records")]
        lines.append((str(method), bool(transfer), sorted(points, key=lambda point: point[0])))
    return lines


def _panel(ax: "Axes", rows: Frame, sets: Sequence[str], students: Mapping[str, Student]) -> None:
    ax.axhline(0, color=BLACK, linewidth=1, label="Labels alone")
    for method, transfer, points in _lines(rows, sets):
        colour, mark = signal_colour(students[method].signal), inference_mark(students[method].inference)
        for x, row in points:
            ax.plot([x, x], [row["low"], row["high"]], color=colour, linewidth=0.9)
        line = "solid" if transfer else (0, (3, 1.6))
        label = f"{students[method].title}, others {'kept' if transfer else 'dropped'}"
        ax.plot([x for x, _ in points], [row["advantage"] for _, row in points], mark, color=colour, linestyle=line,
                markersize=mark_size(mark, 3.2), linewidth=1.1, label=label)  # fmt: skip
    ax.set_xlim(-0.6, len(sets) - 0.4)
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.tick_params(labelsize=7)
