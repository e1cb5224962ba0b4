"""Coverage of credible intervals against their level, with what each posterior expects of itself."""

from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import GREY, SELF, grid, inference_mark, mark_size, panel_title, signal_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Coverage by credible level"
SCOPE = "experiment"
CATEGORY = "Calibration"
CAPTION = """\
Do credible intervals cover the truth as often as they should? For each test example the posterior gives an interval for the
deviance (minus twice the log-probability of the label). Coverage is how often the deviance of the true label falls inside.
Dots are the measured coverage at each level, with 95 % intervals over replicates; the grey bars with caps are the 95 %
interval of one replicate over its test examples (clustered by example). The dark dashes are the coverage that this posterior
would have if its own predictions were the truth. Dots on the dashes mean that the predictive distribution is calibrated; dots
below them mean overconfidence. The grey diagonal is the nominal level, which the paper compares with. Even a perfect posterior
need not lie on it, because label and draw are paired at random; the dashes are the fair reference. Point estimates have no
interval and no panel.
"""


def applies(experiment: Experiment) -> bool:
    return bool(experiment.methods_of("independent", "chains"))


def draw(material: Material) -> "Figure":
    curves = material.whole("curves")
    methods = [name for name in material.experiment.methods if (curves["method"] == name).any()]
    figure, axes = grid(max(1, len(methods)), min(2, max(1, len(methods))), 2.4, sharex=True, sharey=True)
    for ax, name in zip(axes, methods, strict=False):
        _panel(ax, curves[curves["method"] == name], material, name)
    for ax in axes:
        ax.label_outer()
    figure.legend(handles=axes[0].lines[:2], loc="outside upper center", ncols=2)
    figure.supxlabel("credible level", fontsize=9)
    figure.supylabel("coverage (share of labels and draws)", fontsize=9)
    return figure


def _panel(ax: "Axes", rows: Frame, material: Material, name: str) -> None:
    method, passed = material.experiment.methods[name], name not in material.failed
    colour = signal_colour(method.signal)
    levels = sorted(set(rows["level"]))
    at = {level: rows[rows["level"] == level] for level in levels}
    own = [at[level]["coverage_self"].mean() for level in levels]
    found = [interval(at[level]["coverage"], SHARE) for level in levels]
    ends = [levels[0], 1.0]
    ax.plot(ends, ends, color=GREY, linewidth=0.8, label="nominal level")
    ax.plot(levels, own, color=SELF, linestyle=(0, (3, 1.5)), linewidth=2, label="expected by the posterior itself")
    one = [
        over_examples(each.mean, float(at[level]["coverage_se"].mean()), int(at[level]["n"].mean()), SHARE)
        for level, each in zip(levels, found, strict=True)
    ]
    reach = [[each.mean - each.low for each in one], [each.high - each.mean for each in one]]
    ax.errorbar(levels, [each.mean for each in one], reach, fmt="none", ecolor=GREY, elinewidth=0.8, capsize=2.2, capthick=0.8)
    for level, each in zip(levels, found, strict=True):
        ax.plot([level, level], [each.low, each.high], color=colour, linewidth=1.4)
    means = [each.mean for each in found]
    mark, face = inference_mark(method.inference), colour if passed else "white"
    ax.plot(levels, means, mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, 4))
    panel_title(ax, material.experiment.titles[name] + ("" if passed else "\n(a gate failed)"), 2)
