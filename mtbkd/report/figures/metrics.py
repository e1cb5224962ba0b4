"""Scores of every method with intervals over replicates, beside teachers and ceiling."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import Interval
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.report.figures.beyond import beyond, far
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, TEACHERS, grid, inference_mark, mark_size, signal_colour, wrapped
from mtbkd.report.numbers import Estimate, estimate, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Scores of every method"
SCOPE = "experiment"
CATEGORY = "Results"
CAPTION = """\
Scores of every method on the test examples; each panel is one score and states which direction is better. A large dot is the
mean over replicates, its bar the 95 % interval of that mean (none for fewer than three replicates), and the small dots are the
replicates (100 quantiles of more). Real data have one test set for all replicates: the thick bar then covers seeds only, and
the thin grey bar the test examples. If two bars overlap widely, the data do not distinguish the two methods; the paired
comparison in the tables is more powerful, because all methods share the same replicates. A hollow dot is a method that failed
a convergence or calibration gate: its score is shown, but do not rank it. The first row, labels only, has no teacher: a method
on its worse side lost by distillation. Vertical lines are references: the best single teacher, the mean of the teachers'
probabilities and, for simulations, the Bayes ceiling, which is the score of the true probabilities on the same examples and
can be exceeded only by chance; an arrow with a number points to a reference or a method outside the panel. Black is labels
only, orange distillation from a log pool (kd), blue the teacher-informed prior (tip), green a single teacher (bkd).
"""

# Metric -> (title, unit); drawn in this order where the tables hold it.
PANELS = {
    "accuracy": ("Accuracy", "share"),
    "nll": ("Negative log-likelihood", "nats"),
    "ece": ("Calibration error (ECE)", "share"),
    "mse_prob": ("Squared error of p", "squared"),
    "brier": ("Brier score", "0 to 2"),
    "ood_auroc": ("AUROC, outside or test", "share"),
}
MOST_PANELS = 4
MOST_DOTS = 100
BAND = 0.62  # height of a reference's arrow, in rows of methods
REFERENCES = {
    "teachers:best": ("best teacher", TEACHERS, (0, (4, 2))),
    "teachers:mean": ("teachers' mean", TEACHERS, (0, (1, 1.2))),
    "bayes": ("ceiling", GREY, "solid"),
}


def draw(material: Material) -> "Figure":
    table = material.table("metrics")
    rows = table[(table["domain"] == "all") & ((table["split"] == "test") | (table["metric"] == "ood_auroc"))]
    shown = [metric for metric in PANELS if (rows["metric"] == metric).any()][:MOST_PANELS]
    methods = list(material.experiment.methods)
    figure, axes = grid(len(shown), 2, 0.29 * len(methods) + 1.35, sharey=True)
    bands = sum((rows["method"] == name).any() for name in REFERENCES)
    axes[0].set_ylim(len(methods) - 0.4, -0.6 - BAND * bands)
    for ax, metric in zip(axes, shown, strict=True):
        _panel(ax, rows[rows["metric"] == metric], metric, material)
    axes[0].set_yticks(range(len(methods)), [wrapped(material.experiment.titles[name], 22) for name in methods], fontsize=7.5)
    named = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=3)
    return figure


def _panel(ax: "Axes", rows: Frame, metric: str, material: Material) -> None:
    means = {str(name): estimate(own) for name, own in rows.groupby("method", sort=False)}
    students = [name for name in material.experiment.methods if name in means]
    distant = far({name: means[name].mean for name in students})
    outside = []
    for y, (name, method) in enumerate(material.experiment.methods.items()):
        if name not in means:
            continue
        if name in distant:
            outside.append((means[name].mean, y, signal_colour(method.signal), name not in material.failed))
            continue
        colour, passed = signal_colour(method.signal), name not in material.failed
        values = few(rows.loc[rows["method"] == name, "value"].to_numpy(float))
        ax.plot(values, y + spread(len(values)), ".", color=colour, alpha=0.35, markersize=3.5, markeredgewidth=0)
        examples = means[name].low_examples, means[name].high_examples
        if math.isfinite(examples[0]):
            ax.plot(examples, [y, y], color=GREY, linewidth=0.8, zorder=0.8)
        dot(ax, means[name], y, colour, passed, inference_mark(method.inference))
    ax.set_xlim(*ax.get_xlim())  # the students': a teacher far from them would press them into one dot
    for mean, y, colour, passed in outside:
        beyond(ax, mean, y, colour, show(mean), passed)
    for height, (name, (label, colour, line)) in enumerate((n, r) for n, r in REFERENCES.items() if n in means):
        _reference(ax, means[name].mean, -0.6 - BAND * (height + 0.5), label, colour, line)
    title, unit = PANELS[metric]
    ax.set_title(title, fontsize=8.5)
    ax.set_xlabel(f"{unit}; {'larger' if HIGHER_IS_BETTER[metric] else 'smaller'} is better", fontsize=7.5)
    ax.tick_params(labelsize=7.5)
    ax.locator_params(axis="x", nbins=4)
    ax.grid(axis="y", visible=False)


def dot(ax: "Axes", found: Interval | Estimate, y: float, colour: str, passed: bool, mark: str) -> None:
    """Mean and interval; hollow when a gate failed."""
    if math.isfinite(found.low):
        ax.plot([found.low, found.high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
    face = colour if passed else "white"
    size = mark_size(mark, 5.2)
    ax.plot([found.mean], [y], mark, color=colour, markerfacecolor=face, markersize=size, markeredgewidth=1.2)


def few(values: np.ndarray) -> np.ndarray:
    """The values (n,) of replicates that are shown one by one: all, or of more than MOST_DOTS as many quantiles."""
    known = values[np.isfinite(values)]
    return values if len(known) <= MOST_DOTS else np.quantile(known, (np.arange(MOST_DOTS) + 0.5) / MOST_DOTS)


def spread(n: int) -> np.ndarray:
    """Small vertical offsets (n,), so that equal values stay visible."""
    return 0.22 * np.sin(2.4 * np.arange(n)) if n > 1 else np.zeros(n)


def _reference(ax: "Axes", x: float, y: float, label: str, colour: str, line: Any) -> None:
    """A vertical line beside the methods; where it lies outside the panel, an arrow to it with the number above them."""
    name = {"teachers' mean": "mean"}.get(label, label.removesuffix(" teacher"))
    ax.plot([], [], color=colour, linestyle=line, linewidth=1.1, label=label)
    if math.isfinite(x) and not beyond(ax, x, y, colour, f"{name} {show(x)}"):
        bottom, _ = ax.get_ylim()
        ax.plot([x, x], [bottom, -0.6], color=colour, linestyle=line, linewidth=1.1, zorder=0.5)
