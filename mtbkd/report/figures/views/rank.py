"""Ranks of each chain's draws, beside the chains, to point at."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION
from mtbkd.report.figures.views import chains

if TYPE_CHECKING:
    import xarray as xr
    from arviz_stats import accessors
else:
    accessors = lazy_import("arviz_stats.accessors")
    xr = lazy_import("xarray")

CHAINS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
POINTS = 80  # of a line


def interactive(material: Material) -> Spec:
    """The difference between the ranks' distribution in each chain and the one expected, by ArviZ, beside the chains."""
    found, ranks, traces = chains.quantities(material), [], []
    table = xr.Dataset({name: (["chain", "draw"], values) for name, values in found.items()})
    relative = accessors.AzStatsDsAccessor(table).compute_ranks(dim=["chain", "draw"], relative=True)
    differences = accessors.AzStatsDsAccessor(relative).ecdf(dim=["draw"], pit=True, npoints=POINTS)
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
