"""Rank plots of function-space quantities (Vehtari et al. 2021), by ArviZ."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures import chains
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, WIDTH

if TYPE_CHECKING:
    import arviz_plots
    import xarray as xr
    from matplotlib.figure import Figure
else:
    arviz_plots = lazy_import("arviz_plots")
    xr = lazy_import("xarray")

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
CHAINS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
POINTS = 120  # of a line of the interactive view
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


def interactive(material: Material) -> Spec:
    """The difference between the ranks' distribution in each chain and the one expected, by ArviZ, beside the chains."""
    found, ranks, traces = chains.quantities(material), [], []
    relative = xr.Dataset({name: (["chain", "draw"], values) for name, values in found.items()}).azstats.compute_ranks(
        dim=["chain", "draw"], relative=True
    )
    differences = relative.azstats.ecdf(dim=["draw"], pit=True, npoints=POINTS)
    for name, values in found.items():
        for chain, (x, y, draws) in enumerate(zip(*differences[name].values, values, strict=True), 1):
            own = {"quantity": name, "chain": str(chain)}
            ranks += [{**own, "rank": a, "difference": b} for a, b in zip(x.tolist(), y.tolist(), strict=True)]
            at = np.linspace(0, len(draws) - 1, min(len(draws), POINTS)).round().astype(int)
            traces += [{**own, "draw": i + 1, "value": float(draws[i])} for i in at.tolist()]
    hue = {"field": "chain", "type": "nominal", "scale": {"range": list(CHAINS)}, "legend": {"title": "chain", "orient": "top"}}
    tips = views.tooltip(quantity="Quantity", chain="Chain")
    x, y = views.number("rank", "relative rank"), views.number("difference", "difference to uniform")
    zero = views.line({}, y={"datum": 0})
    lines = views.layer({"type": "line", "strokeWidth": 1.2, "clip": True}, "ranks", x=x, y=y, color=hue, tooltip=tips)
    x, y = views.number("draw", "draw", nice=False), views.number("value", "value")
    trace = views.layer({"type": "line", "strokeWidth": 0.8, "clip": True}, "traces", x=x, y=y, color=hue, tooltip=tips)
    parts = [chains.Part(": ranks", [lines, zero]), chains.Part(": trace", [trace])]
    return chains.view(material, {"traces": traces, "ranks": ranks}, parts)
