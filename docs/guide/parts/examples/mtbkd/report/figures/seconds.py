"""How long each method took to fit."""

from typing import TYPE_CHECKING

from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import WIDTH, plt, signal_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "How long does each method take?"
SCOPE = "experiment"
CATEGORY = "Costs"
CAPTION = """\
Each bar is the time that the fit of one method took, for the replicates of its first block together, on a logarithmic scale.
The colour tells the signal. Times include the tuning of the shared settings. They depend on the machine and on what else it
did, so differences of less than a factor of two mean nothing.
"""


def draw(material: Material) -> "Figure":
    methods = material.experiment.methods
    seconds = [float(material.draws(name).attrs["wall_s"]) for name in methods]
    figure, ax = plt.subplots(figsize=(WIDTH, 0.3 * len(methods) + 0.9))
    titles = [material.experiment.titles[name] for name in methods]
    ax.barh(titles, seconds, color=[signal_colour(method.signal) for method in methods.values()])
    ax.set(xscale="log", xlabel="seconds to fit the first block")
    ax.invert_yaxis()
    return figure
