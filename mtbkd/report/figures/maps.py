"""Uncertainty of every method over the plane of a two-dimensional simulation."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.evaluation.deviance import entropy
from mtbkd.report.figures import plane
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import SEQUENTIAL, WIDTH, panel_title, plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Where the methods are uncertain"
SCOPE = "experiment"
CATEGORY = "Uncertainty"
CAPTION = """\
Where in the plane of the two features each method is uncertain, at test examples of replicate 0 (the last panel of the paper's
Fig. 3, for every method). Dashed lines are the borders of the domains. The solid line, with two classes, is where both are
equally likely. Upper block: posterior mean deviance, twice the expected entropy; yellow is uncertain, dark blue certain. The
first panel is the truth: twice the entropy of the true class probabilities, high along the solid line. A good student
reproduces its pattern. A student that copies a teacher outside that teacher's domain is dark (overconfident) where the truth
is yellow, or uncertain where the truth is dark. Lower block, for methods with a posterior: the epistemic share of the total
uncertainty, which more data could remove (0: all uncertainty is noise in the labels). It should be largest where labels are
few or teachers disagree.
"""
LABELS = ("posterior mean deviance (nats)", "epistemic share of the total entropy")
COLUMNS = 3
PANEL = 1.62  # inches


class Panel(NamedTuple):
    """One map: values (M,) of the examples at the rows (M,) of the dataset."""

    title: str
    rows: np.ndarray
    values: np.ndarray


def applies(experiment: Experiment) -> bool:
    return experiment.simulated and experiment.features == (2,)


def draw(material: Material) -> "Figure":
    deviance, epistemic = panels(material)
    heights = [-(-len(block) // COLUMNS) for block in (deviance, epistemic)]
    blocks = [block for block in (deviance, epistemic) if block]
    figure = plt.figure(figsize=(WIDTH, PANEL * sum(heights) + 0.62 * len(blocks)))
    made: Any = figure.subfigures(len(blocks), 1, height_ratios=[h * PANEL + 0.62 for h in heights if h])
    subfigures = np.atleast_1d(made)
    for sub, block, label in zip(subfigures, blocks, LABELS, strict=False):
        axes = np.atleast_1d(sub.subplots(-(-len(block) // COLUMNS), COLUMNS, sharex=True, sharey=True)).ravel()
        top = largest(block)
        drawn = [_map(ax, panel, material, top) for ax, panel in zip(axes, block, strict=False)]
        for ax in axes[len(block) :]:
            ax.set_visible(False)
        sub.supxlabel("feature x1", fontsize=9)
        sub.supylabel("feature x2", fontsize=9)
        bar = sub.colorbar(drawn[0], ax=list(axes), fraction=0.03, pad=0.02, extend="max")
        bar.set_label(label, fontsize=8.5)
    return figure


def largest(block: list[Panel]) -> float:
    """The value that has the last colour."""
    return max(float(np.nanquantile(panel.values, 0.995)) for panel in block)


def panels(material: Material) -> tuple[list[Panel], list[Panel]]:
    """The maps of the mean deviance, the truth first, and those of the epistemic share."""
    table = material.table("examples")
    rows = plane.rows(material)
    table = table[(table["replicate"] == table["replicate"].min()) & table["row"].isin(rows)]
    truth = material.dataset.true_prob
    deviance = [] if truth is None else [Panel("truth", rows, 2 * entropy(truth[0, rows]))]
    epistemic = []
    for name, method in material.experiment.methods.items():
        found = table[table["method"] == name]
        if not len(found):
            continue
        at = found["row"].to_numpy()
        deviance.append(Panel(name, at, found["mean_deviance"].to_numpy()))
        if method.draws_kind != "point":
            share = found["entropy_epistemic"] / found["entropy_total"].clip(lower=1e-9)
            epistemic.append(Panel(name, at, share.to_numpy()))
    return deviance, epistemic


def _map(ax: "Axes", panel: Panel, material: Material, top: float) -> object:
    drawn = plane.show(ax, material, panel.rows, panel.values, SEQUENTIAL, top)
    failed = "\n(a gate failed)" if panel.title in material.failed else ""
    panel_title(ax, material.experiment.titles.get(panel.title, panel.title) + failed, 3, 7.5)
    return drawn
