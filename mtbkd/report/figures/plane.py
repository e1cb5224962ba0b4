"""What figures over the plane of two features share: the points, the borders of the domains, the maps.

Shapes: N examples, M shown test examples, G teachers, K classes.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.material import Experiment, Material
from mtbkd.report.figures.style import BLACK

if TYPE_CHECKING:
    from matplotlib import tri
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
else:
    tri = lazy_import("matplotlib.tri")

MOST = 6000  # points; more would hide each other
PROBABILITY = "PuOr_r"  # orange and purple differ for every common colour vision; white is one half


class Border(NamedTuple):
    """A straight line between two domains: feature ``axis`` equals ``value``."""

    axis: int
    value: float


def applies(experiment: Experiment) -> bool:
    """A simulation of two features and two classes."""
    return experiment.simulated and experiment.features == (2,) and experiment.classes == 2


def rows(material: Material) -> np.ndarray:
    """Rows (M,) of the test examples that are shown: examples are drawn at random, so the first are as good as any."""
    return material.dataset.rows("test")[:MOST]


def borders(x: np.ndarray, domain: np.ndarray) -> list[Border]:
    """Lines between domains that one feature separates; [] where none does.

    Args:
        x: features (N, 2).
        domain: codes (N,).
    """
    for axis in range(x.shape[1]):
        order = np.argsort(x[:, axis], kind="stable")
        steps = np.flatnonzero(np.diff(domain[order]))
        if 0 < len(steps) == len(np.unique(domain)) - 1:
            return [Border(axis, float(x[order[s : s + 2], axis].mean())) for s in steps.tolist()]
    return []


def domain_borders(material: Material) -> list[Border]:
    """Borders of the experiment's domains in the first replicate."""
    dataset = material.dataset
    return [] if dataset.domain is None else borders(dataset.x[0], dataset.domain[0])


def show(ax: "Axes", material: Material, at: np.ndarray, values: np.ndarray, cmap: str, top: float = 1.0) -> "PathCollection":
    """One map: ``values`` (M,) from 0 to ``top`` at the rows ``at`` (M,), with domain borders and the truth's even odds."""
    x = material.dataset.x[0, at]
    size = float(np.clip(9000 / len(at), 2, 14))
    drawn = ax.scatter(x[:, 0], x[:, 1], c=values, s=size, cmap=cmap, vmin=0, vmax=top, linewidths=0, rasterized=True)
    for border in domain_borders(material):
        line = ax.axvline if border.axis == 0 else ax.axhline
        line(border.value, color=BLACK, linestyle=(0, (3, 2)), linewidth=0.9)
    truth = material.dataset.true_prob
    if truth is not None and truth.shape[-1] == 2:
        net = tri.Triangulation(x[:, 0], x[:, 1])
        net.set_mask(tri.TriAnalyzer(net).get_flat_tri_mask())  # slivers along the edge of the plane
        ax.tricontour(net, truth[0, at, 1], levels=[0.5], colors=BLACK, linewidths=1.0)
    ax.grid(visible=False)
    ax.tick_params(labelsize=7.5)
    return drawn
