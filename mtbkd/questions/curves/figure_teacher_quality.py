"""What distillation adds to labels alone, against the quality of the teachers."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.questions.curves.crossing import differences, judged_metrics
from mtbkd.questions.curves.figure_label_curve import sets_of_teachers
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, GREY, grid, signal_colour, staggered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Gain by teacher quality"
SCOPE = "question"
CATEGORY = "Labels"
CAPTION = """\
Gain of distillation over a student trained on labels alone, for teachers of different quality. The x-axis is the mean accuracy
of the single teachers of a set; each group of dots is one set. The y-axis is the gain over labels alone on the same
replicates: accuracy in the upper row, negative log-likelihood (with the sign chosen so that up is better) in the lower row.
Each column is one number of labels. Dots above the black line gained by distillation, dots below it lost. Bars are 95 %
intervals of the paired difference over replicates; a bar that crosses the line is inconclusive. Solid lines keep the other
training examples without labels, dashed lines drop them. Each panel has its own scale. Uninformative teachers, at chance on
the left, are a control: what they gain is smoothing, and other sets help only by what they gain beyond it. The settings of
every method are chosen within the label budget, so a method that gains nothing has at best learned to ignore its teachers.
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
    found = differences(rows)
    for place, (ax, (metric, n)) in enumerate(zip(axes, panels, strict=True)):
        own = found[(found["metric"] == metric) & (found["labels"] == n) & (found["kind"] == "student")]
        _panel(ax, own, teacher_accuracy(rows), dict(rows.groupby("method")["signal"].first()))
        ax.set_title(f"{n:,} labels", fontsize=8, pad=6 + 9 * len(teacher_accuracy(rows)))
        if place % len(counts) == 0:
            ax.set_ylabel(GAINS[metric], fontsize=8)
    handles: dict[str, Any] = {}
    for ax in axes:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2, fontsize=7.5)
    figure.supxlabel("accuracy of the single teachers (mean of the set)", fontsize=9)
    return figure


def shown_counts(counts: list[int]) -> list[int]:
    """The two smallest numbers of labels and the middle one, each once, rising: where teachers may still matter."""
    ordered = sorted(counts)
    return sorted({*ordered[:2], ordered[len(ordered) // 2]})


def teacher_accuracy(rows: Frame) -> dict[str, float]:
    """Set -> mean over its single teachers and replicates of their accuracy."""
    single = rows[(rows["kind"] == "teacher") & ~rows["method"].str.startswith("teachers:")]
    own = single[single["metric"] == judged_metrics(rows)[0]]
    return {name: float(own[own["teachers"] == name]["value"].mean()) for name in sets_of_teachers(rows)}


def _panel(ax: "Axes", rows: Frame, quality: dict[str, float], signals: dict[str, str]) -> None:
    ax.axhline(0, color=BLACK, linewidth=1, label="labels alone")
    span = max(quality.values()) - min(quality.values()) or 1.0
    lines = list(rows.groupby(["method", "transfer"], sort=False))
    for place, ((method, transfer), own) in enumerate(lines):
        shift, colour = (place - (len(lines) - 1) / 2) * 0.018 * span, signal_colour(signals[method])
        known = [(quality[row["teachers"]] + shift, row) for row in own.to_dict("records") if row["teachers"] in quality]
        points = sorted(known, key=lambda point: point[0])  # two sets may be equally good
        for x, row in points:
            ax.plot([x, x], [row["low"], row["high"]], color=colour, linewidth=0.9)
        line = "solid" if transfer else (0, (3, 1.6))
        label = f"{method}, others {'kept' if transfer else 'dropped'}"
        ax.plot([x for x, _ in points], [row["advantage"] for _, row in points], "o", color=colour, linestyle=line,
                markersize=3.2, linewidth=1.1, label=label)  # fmt: skip
    staggered(ax, quality, GREY, 6.5)
    ax.margins(x=0.12, y=0.12)
    ax.tick_params(labelsize=7)
