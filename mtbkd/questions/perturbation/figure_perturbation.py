"""Mean deviance against the size of the noise, beside the published curves (BKD, Table 7)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.figures.style import GREY, OTHER_COLOURS, WIDTH, inference_mark, mark_size, plt, signal_colour
from mtbkd.report.titles import Student

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Uncertainty under increasing noise"
SCOPE = "question"
CATEGORY = "Uncertainty"
CAPTION = """\
Uncertainty of test images with increasing noise, as in BKD's Table 7: our students (left) and the published curves of other
students on full-size data (right). A curve should rise throughout; one that turns down becomes more certain as the image
becomes harder to see.

The x-axis is gamma, the amount of Gaussian noise; 0 is the original image. The y-axis is the posterior mean deviance over
images, in nats: 0 is certainty, and the dotted line is a student that gives all classes the same probability. Marks are means
over replicates with 95 % intervals; colours are signals (black: no teacher), marks and line styles are algorithms. Compare
shapes, not heights, between the two sides.
"""
STYLES = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 2)))
NAMES = {"kd": "KD", "bkd_dirichlet": "BKD, Dirichlet", "bkd_continuous_categorical": "BKD, continuous categorical"}

PUBLISHED = (signal_colour("kd"), signal_colour("bkd"), OTHER_COLOURS[0])


def draw(question: Any) -> "Figure":
    curve, printed = question.table("curve"), question.table("published")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.9), sharey=True, width_ratios=(1.5, 1))
    _ours(axes[0], curve, question.students(curve))
    for place, (column, own) in enumerate(printed.groupby("column", sort=False)):
        colour = PUBLISHED[place % 3]
        label = f"published: {NAMES.get(column, column)}"
        axes[1].plot(own["gamma"], own["mean_deviance"], ".-", color=colour, markersize=4, label=label)
    uniform = float(curve["uniform"].iloc[0])
    axes[0].text(
        0.02, uniform, "all classes alike", color=GREY, fontsize=7, va="bottom", transform=axes[0].get_yaxis_transform()
    )
    for ax, title in zip(axes, ("ours", "published"), strict=True):
        ax.axhline(uniform, color=GREY, linestyle=":", linewidth=1)
        ax.set_title(title, fontsize=8.5)
        ax.set_xlabel("size of the noise, gamma")
    axes[0].set_ylabel("mean deviance (nats)")
    figure.legend(loc="outside lower center", ncols=2, fontsize=7.5, handlelength=2.4)
    return figure


def _ours(ax: "Axes", curve: Frame, students: Mapping[str, Student]) -> None:
    algorithms = list(dict.fromkeys(each.inference for each in students.values()))
    methods = list(curve.groupby("method", sort=False))
    for place, (method, own) in enumerate(methods):
        found = {
            float(gamma): interval(rows["mean_deviance"], range_of("mean_deviance")) for gamma, rows in own.groupby("gamma")
        }
        shift = 0.006 * (place - (len(methods) - 1) / 2)
        student = students[method]
        colour, mark = signal_colour(student.signal), inference_mark(student.inference)
        x = [gamma + shift for gamma in found]
        for at, each in zip(x, found.values(), strict=True):
            ax.plot([at, at], [each.low, each.high], color=colour, linewidth=0.8)
        line = STYLES[algorithms.index(student.inference) % len(STYLES)]
        means = [each.mean for each in found.values()]
        ax.plot(
            x, means, mark, color=colour, linestyle=line, linewidth=1.2, markersize=mark_size(mark, 3.2), label=student.title
        )
