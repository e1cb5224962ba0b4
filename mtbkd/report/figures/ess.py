"""Effective sample size by quantile (Vehtari et al. 2021), by ArviZ."""

from typing import TYPE_CHECKING

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures import chains
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import WIDTH, signal_colour

if TYPE_CHECKING:
    import arviz_plots
    from matplotlib.figure import Figure
else:
    arviz_plots = lazy_import("arviz_plots")

TITLE = "Effective sample size of the draws"
SCOPE = "experiment"
CATEGORY = "Convergence"
CAPTION = f"""\
Successive draws of a chain are correlated, so they are worth fewer independent draws. Each dot is this effective sample size
for the estimate of one quantile of a quantity; the dashed line is 400, below which the gate fails. Low dots at the ends mean
that the tails, and therefore wide credible intervals, are estimated poorly. {chains.NOTE}
"""
applies = chains.applies


def draw(material: Material) -> "Figure":
    method = chains.shown(material)
    draws = material.draws(method)
    collection = arviz_plots.plot_ess(
        chains.tree(draws, chains.probes(draws)),
        kind="quantile",
        backend="matplotlib",
        col_wrap=2,
        visuals={"ess": {"color": signal_colour(material.experiment.methods[method].signal)}},
        figure_kwargs={"figsize": (WIDTH, 4.4)},
    )
    figure = chains.figure_of(collection, material.experiment.titles[method])
    dashed = [line for ax in figure.axes for line in ax.lines if line.get_linestyle() not in ("-", "None")]
    figure.legend(dashed[:1], ["400, below which the gate fails"][: len(dashed)], loc="outside lower center")
    return figure
