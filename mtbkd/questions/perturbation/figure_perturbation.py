"""Mean deviance against the size of the noise, beside the published curves (BKD, Table 7)."""

from typing import TYPE_CHECKING, Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.report.figures.style import BLACK, GREY, OTHER_COLOURS, WIDTH, plt, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Uncertainty under increasing noise"
SCOPE = "question"
CATEGORY = "Uncertainty"
CAPTION = """\
Posterior mean deviance of test images with increasing Gaussian noise, as in BKD's Table 7. The x-axis is gamma, the amount of
noise; 0 is the original image. The y-axis is the mean deviance over images, in nats: 0 is certainty, and the dotted line is a
student that gives all classes the same probability. Left: our students, means over replicates with 95 % intervals; colours are
signals (black: no teacher), line styles are algorithms. Right: the published curves, of other students on full-size data. A
curve should rise throughout: one that turns down again becomes more certain as the image becomes harder to see. Compare
shapes, not heights, between the two sides.
"""
STYLES = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 2)))
NAMES = {"kd": "kd", "bkd_dirichlet": "bkd, Dirichlet", "bkd_continuous_categorical": "bkd, cont. categorical"}


def draw(question: Any) -> "Figure":
    curve, printed = question.table("curve"), question.table("published")
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6), sharey=True, width_ratios=(1.5, 1))
    _ours(axes[0], curve)
    for place, (column, own) in enumerate(printed.groupby("column", sort=False)):
        colour = (signal_colour("kd"), signal_colour("bkd"), OTHER_COLOURS[0])[place % 3]
        label = f"published: {NAMES.get(column, column)}"
        axes[1].plot(own["gamma"], own["mean_deviance"], "o-", color=colour, markersize=3, label=label)
    uniform = float(curve["uniform"].iloc[0])
    axes[0].text(
        0.02, uniform, "all classes alike", color=GREY, fontsize=7, va="bottom", transform=axes[0].get_yaxis_transform()
    )
    for ax, title in zip(axes, ("ours", "published"), strict=True):
        ax.axhline(uniform, color=GREY, linestyle=":", linewidth=1)
        ax.set_title(title, fontsize=8.5)
        ax.set_xlabel("size of the noise, gamma")
    axes[0].set_ylabel("mean deviance (nats)")
    figure.legend(loc="outside lower center", ncols=3, fontsize=6.5, handlelength=1.6, columnspacing=1)
    return figure


def _ours(ax: "Axes", curve: Frame) -> None:
    algorithms = list(dict.fromkeys(curve["inference"]))
    methods = list(curve.groupby("method", sort=False))
    for place, (method, own) in enumerate(methods):
        found = {
            float(gamma): interval(rows["mean_deviance"], range_of("mean_deviance")) for gamma, rows in own.groupby("gamma")
        }
        shift = 0.006 * (place - (len(methods) - 1) / 2)
        signal, inference = own[["signal", "inference"]].iloc[0]
        colour = signal_colour(signal) if signal else BLACK
        x = [gamma + shift for gamma in found]
        for at, each in zip(x, found.values(), strict=True):
            ax.plot([at, at], [each.low, each.high], color=colour, linewidth=0.8)
        line = STYLES[algorithms.index(inference) % len(STYLES)]
        ax.plot(x, [each.mean for each in found.values()], color=colour, linestyle=line, linewidth=1.2, label=method)
