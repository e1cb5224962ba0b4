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
        figure_kwargs={"figsize": (WIDTH, 4.8)},
    )
    figure = chains.figure_of(collection, material.experiment.titles[method])
    _lay_out(figure, draws.log_posterior.shape[1])
    return figure


def _lay_out(figure: "Figure", count: int) -> None:
    """Each panel's p in its title instead of over its lines, and a legend of the ``count`` chains."""
    panels = [ax for ax in figure.axes if ax.get_visible() and ax.lines]
    for ax in panels:
        for text in [text for text in ax.texts if text.get_text().startswith("p=")]:
            ax.set_title(f"{ax.get_title('left') or ax.get_title()}, p = {text.get_text()[2:].partition('(')[0]}", fontsize=8.5)
            text.remove()
        ax.set_xlabel("rank (share of all draws)", fontsize=8)
    chain_lines = [line for line in panels[0].lines if line.get_linestyle() == "-"][:count]
    names = [f"chain {number}" for number in range(1, len(chain_lines) + 1)]
    figure.legend(chain_lines, names, loc="outside lower center", ncols=4)
