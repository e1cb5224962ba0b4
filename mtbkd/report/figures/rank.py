"""Rank plots of function-space quantities (Vehtari et al. 2021), by ArviZ."""

from typing import TYPE_CHECKING

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures import chains
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import WIDTH

if TYPE_CHECKING:
    import arviz_plots
    from matplotlib.figure import Figure
else:
    arviz_plots = lazy_import("arviz_plots")

TITLE = "Do the chains agree?"
SCOPE = "experiment"
CATEGORY = "Convergence"
CAPTION = f"""\
One panel per quantity (the log-posterior, and the probability of the last class at the test examples where it varies most),
one line per chain, replicate 0. Each line compares the ranks of a chain's draws among all draws with those expected if all
chains sample the same distribution, which is a line near zero. Black dots mark where a chain deviates more than expected by
chance. p is the probability of such a deviation if all chains agree: a small p means that a chain is in a different place.
{chains.NOTE}
"""
applies = chains.applies


def draw(material: Material) -> "Figure":
    method = chains.shown(material)
    draws = material.draws(method)
    collection = arviz_plots.plot_rank(
        chains.tree(draws, chains.probes(draws)),
        backend="matplotlib",
        envelope_prob=0.95,
        col_wrap=2,
        figure_kwargs={"figsize": (WIDTH, 4.4)},
    )
    return chains.figure_of(collection, f"{method}: ranks of each chain's draws")
