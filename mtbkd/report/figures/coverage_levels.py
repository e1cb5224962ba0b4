"""Coverage of every posterior at the levels of the study (MT-BKD, arXiv 2605.27967, Fig. 4)."""

import math
from typing import TYPE_CHECKING

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.metrics import dot
from mtbkd.report.figures.style import GREY, SELF, WIDTH, inference_mark, plt, signal_colour, wrapped

if TYPE_CHECKING:
    from matplotlib import lines
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    lines = lazy_import("matplotlib.lines")

TITLE = "Coverage of every method"
SCOPE = "experiment"
CATEGORY = "Calibration"
CAPTION = """\
The paper's Fig. 4 for this experiment: how often the deviance of the true label lies in the credible interval, for every
method with a posterior, one panel per level. Dot: mean over replicates. Thick bar: its 95 % interval over replicates. Thin
grey bar with caps: the 95 % interval of one replicate over its test examples (clustered by example, because its draws share
each example). Grey line: the nominal level, which the paper compares with. Dark stroke: the coverage that the posterior
itself expects; this, not the nominal level, is what a perfect posterior has. A calibrated method has its dot on its dark
stroke; to the left it is overconfident, to the right underconfident. A hollow dot failed a gate. The self-expected strokes and
both kinds of bars are our additions.
"""
PREFIX = "coverage@"


def applies(experiment: Experiment) -> bool:
    return bool(experiment.methods_of("independent", "chains"))


def draw(material: Material) -> "Figure":
    rows = material.whole("metrics")
    rows = rows[rows["kind"] == "student"]
    levels = sorted(float(name.removeprefix(PREFIX)) for name in rows["metric"].unique() if name.startswith(PREFIX))
    methods = [m for m in material.experiment.methods if ((rows["method"] == m) & (rows["metric"] == "entropy_expected")).any()]
    height = 0.3 * len(methods) + 1.25
    figure, axes = plt.subplots(1, len(levels), figsize=(WIDTH, height), sharey=True, squeeze=False)
    for ax, level in zip(axes.flat, levels, strict=True):
        for y, name in enumerate(methods):
            _method(ax, rows[rows["method"] == name], level, y, material, name)
        ax.axvline(level, color=GREY, linewidth=1, zorder=0.5)
        ax.set_title(f"level {level:g}", fontsize=8.5)
        ax.tick_params(labelsize=7.5)
        ax.locator_params(axis="x", nbins=3)
        ax.grid(axis="y", visible=False)
    axes.flat[0].set_yticks(
        range(len(methods)), [wrapped(material.experiment.titles[name], 22) for name in methods], fontsize=7.5
    )
    figure.legend(
        handles=[lines.Line2D([], [], color=GREY, linewidth=1, label="nominal level"),
                 lines.Line2D([], [], color=SELF, linewidth=2.4, label="expected by the posterior itself")],
        loc="outside upper center", ncols=2,
    )  # fmt: skip
    axes.flat[0].set_ylim(len(methods) - 0.4, -0.6)
    figure.supxlabel("coverage (share of labels and draws)", fontsize=9)
    return figure


def _method(ax: "Axes", rows: Frame, level: float, y: int, material: Material, name: str) -> None:
    measured, own = (rows[rows["metric"] == f"{each}@{level:g}"] for each in ("coverage", "coverage_self"))
    found, expected = interval(measured["value"], SHARE), interval(own["value"]).mean
    if not math.isfinite(found.mean):
        return
    ax.plot([expected, expected], [y - 0.36, y + 0.36], color=SELF, linewidth=2.4, solid_capstyle="butt", zorder=1.5)
    one = over_examples(found.mean, float(measured["se"].mean()), int(measured["n"].mean()), SHARE)
    reach = [[found.mean - one.low], [one.high - found.mean]]
    ax.errorbar([found.mean], [y], xerr=reach, fmt="none", ecolor=GREY, elinewidth=0.8, capsize=2.5, capthick=0.8)
    method = material.experiment.methods[name]
    dot(ax, found, y, signal_colour(method.signal), name not in material.failed, inference_mark(method.inference))
