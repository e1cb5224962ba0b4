"""Forest plot of predictive probabilities under every posterior."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.report.figures import chains
from mtbkd.report.figures.material import Material, Method
from mtbkd.report.figures.style import WIDTH, inference_mark, mark_size, plt, signal_colour, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Do the algorithms agree on the posterior?"
SCOPE = "experiment"
CATEGORY = "Convergence"
CAPTION = f"""\
The probability of the last class at the test examples where it varies most, under every method with a posterior (replicate 0).
The dot is the mean, the thick bar the middle 50 % and the thin bar the middle 95 % of the draws. Methods with the same signal
target the same posterior, so their bars should coincide; a shorter bar is an overconfident posterior. If NUTS is included and
passed its gates, it is the reference. {chains.NOTE}
"""


def applies(experiment: chains.Experiment) -> bool:
    """There are chains to compare with something."""
    return chains.applies(experiment) and len(experiment.methods_of("chains", "independent")) > 1


def draw(material: Material) -> "Figure":
    experiment = material.experiment
    methods = experiment.methods_of("chains", "independent")
    at = chains.probes(material.draws(chains.shown(material)))
    figure, axes = plt.subplots(1, len(at), figsize=(WIDTH, 0.95 + 0.29 * len(methods)), sharey=True, squeeze=False)
    for y, name in enumerate(methods):
        draws = material.draws(name)
        for ax, probe in zip(axes[0], at, strict=True):
            _bars(ax, draws.probe_draws(0)[:, probe, -1], y, experiment.methods[name], name not in material.failed)
            ax.set_title(f"example {draws.probe_index[probe]}", fontsize=8.5)
    axes[0][0].set_yticks(range(len(methods)), [wrapped(experiment.titles[name], 22) for name in methods], fontsize=7.5)
    axes[0][0].set_ylim(len(methods) - 0.4, -0.6)
    figure.supxlabel("probability of the last class", fontsize=9)
    return figure


def _bars(ax: "Axes", values: np.ndarray, y: int, method: Method, passed: bool) -> None:
    """Mean, middle 50 % and middle 95 % of the draws (S,); nothing where no chain is left."""
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="x", labelsize=7.5)
    if not len(values):
        return
    colour, mark = signal_colour(method.signal), inference_mark(method.inference)
    low, first, third, high = np.quantile(values, (0.025, 0.25, 0.75, 0.975))
    ax.plot([low, high], [y, y], color=colour, linewidth=1)
    ax.plot([first, third], [y, y], color=colour, linewidth=2.6, solid_capstyle="butt")
    face = colour if passed else "white"
    ax.plot([values.mean()], [y], mark, color=colour, markerfacecolor=face, markersize=mark_size(mark, 4.5))
