"""Truth, teachers and students over the plane of a two-dimensional simulation (MT-BKD, arXiv 2605.27967, Fig. 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.report.figures import plane
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import SEQUENTIAL, WIDTH, panel_title, plt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "Predictions of teachers and students over the feature plane"
SCOPE = "experiment"
CATEGORY = "Uncertainty"
CAPTION = """\
The paper's Fig. 3 with our numbers: truth, teachers, classical student, Bayesian student and its uncertainty, at test examples
of replicate 0; the x-axis is feature x1, the y-axis feature x2. Colour in all panels but the last is the probability of class
1: purple low, white one half, orange high. The solid line, the same in every panel, is where the true probability is one half.
The dashed lines are the borders of the domains; each teacher was trained mostly on one of them. A good student is white along
the solid line and nowhere else. A student that copies a teacher outside that teacher's domain is orange or purple on the wrong
side. The number above a panel is the accuracy on all test examples. The last panel is the Bayesian student's posterior mean
deviance in nats; it should be yellow (uncertain) along the solid line. The labels above the panels say which methods represent
classical and Bayesian. Solid line and accuracies are our additions.
"""
COLUMNS, PANEL = 3, 1.95  # inches
BARS = {plane.PROBABILITY: "probability of class 1", SEQUENTIAL: "mean deviance (nats)"}
# The paper's names for the two students, best first, and our signals where no method carries such a name.
CLASSICAL = (("kd_entropy", "kd_equal", "kd"), ("kd",))
BAYESIAN = (("tip_entropy", "tip_equal", "bkd"), ("tip", "bkd"))


class Panel(NamedTuple):
    """One map: values (M,) at the rows (M,) of the dataset; ``cmap`` and the largest value of its colours."""

    title: str
    rows: np.ndarray
    values: np.ndarray
    cmap: str = plane.PROBABILITY
    top: float = 1.0


def applies(experiment: Experiment) -> bool:
    return plane.applies(experiment) and bool(student(experiment, CLASSICAL) or student(experiment, BAYESIAN))


def student(experiment: Experiment, names: tuple[Sequence[str], Sequence[str]]) -> str | None:
    """The method that stands for a column of the paper, else the first of its signal, draws before point estimates."""
    columns, signals = names
    for column in columns:
        for method in experiment.methods:
            if column in experiment.columns.get(method, ()):
                return method
    found = [name for name, method in experiment.methods.items() if method.signal in signals]
    return min(found, key=lambda name: experiment.methods[name].draws_kind == "point", default=None)


def draw(material: Material) -> "Figure":
    shown = panels(material)
    lines = -(-len(shown) // COLUMNS)
    figure, axes = plt.subplots(lines, COLUMNS, figsize=(WIDTH, PANEL * lines), sharex=True, sharey=True, squeeze=False)
    drawn = {}
    for ax, panel in zip(axes.flat, shown, strict=False):
        drawn[panel.cmap] = plane.show(ax, material, panel.rows, panel.values, panel.cmap, panel.top)
        panel_title(ax, panel.title, 3, 7.5)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for row, (cmap, label) in zip((0, -1), BARS.items(), strict=True):
        if cmap in drawn:
            bar = figure.colorbar(drawn[cmap], ax=axes[row], fraction=0.03, pad=0.02, extend="max" if row else "neither")
            bar.set_label(label, fontsize=8)
            bar.ax.tick_params(labelsize=7.5)
    figure.supxlabel("feature x1", fontsize=9)
    figure.supylabel("feature x2", fontsize=9)
    return figure


def panels(material: Material) -> list[Panel]:
    """Truth, the first two teachers, the two students and the Bayesian one's uncertainty, as far as there are such."""
    experiment, at = material.experiment, plane.rows(material)
    truth = material.dataset.true_prob
    found = [] if truth is None else [Panel(f"truth{_accuracy(material, 'bayes')}", at, truth[0, at, 1])]
    for g, teacher in enumerate(experiment.teachers[:2]):
        odds = material.logits[at, g, 1] - material.logits[at, g, 0]
        found.append(Panel(f"teacher {teacher}{_accuracy(material, teacher)}", at, 1 / (1 + np.exp(-odds))))
    table = material.table("examples")
    table = table[(table["replicate"] == table["replicate"].min()) & table["row"].isin(at)]
    for word, names in (("classical", CLASSICAL), ("Bayesian", BAYESIAN)):
        method = student(experiment, names)
        own = table[table["method"] == method]
        if method is None or not len(own):
            continue
        # Of two classes the larger probability and whose it is give both.
        sure, where = own["max_prob"].to_numpy(), own["row"].to_numpy()
        failed = "\n(a gate failed)" if method in material.failed else ""
        title = f"{word} student\n{experiment.titles[method]}{_accuracy(material, method)}{failed}"
        found.append(Panel(title, where, np.where(own["prediction"] == 1, sure, 1 - sure)))
        if word == "Bayesian":
            unsure = own["mean_deviance"].to_numpy()
            found.append(
                Panel(f"uncertainty\n{experiment.titles[method]}", where, unsure, SEQUENTIAL, float(np.quantile(unsure, 0.995)))
            )
    return found


def _accuracy(material: Material, method: str) -> str:
    table = material.whole("metrics")
    own = table[(table["method"] == method) & (table["metric"] == "accuracy")]
    return f"\naccuracy {own['value'].iloc[0]:.3f}" if len(own) else ""
