"""Effective sample size by quantile, to point at."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.report.figures.interactive import Spec, layer, line, number, tooltip
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import signal_colour
from mtbkd.report.figures.views import chains

if TYPE_CHECKING:
    import arviz_stats
else:
    arviz_stats = lazy_import("arviz_stats")

ENOUGH, POINTS = 400, 20


def interactive(material: Material) -> Spec:
    rows = [
        {"quantity": quantity, "prob": prob, "ess": float(arviz_stats.ess(values, method="quantile", prob=prob))}  # pyright: ignore[reportPrivateImportUsage]
        for quantity, values in chains.quantities(material).items()
        for prob in np.linspace(1 / POINTS, 1 - 1 / POINTS, POINTS).tolist()
    ]
    enough = line({"strokeDash": [4, 3]}, y={"datum": ENOUGH})
    x, y = number("prob", "quantile"), {**number("ess", "effective sample size"), "scale": {"zero": True}}
    colour = signal_colour(material.experiment.methods[chains.shown(material)].signal)
    dots = {"type": "point", "filled": True, "color": colour, "size": 40, "opacity": 1, "clip": True}
    tips = tooltip(quantity="Quantity", prob="Quantile", ess="Effective sample size")
    own = layer(dots, "data", x=x, y=y, tooltip=tips)
    return chains.view(material, {"data": rows}, [chains.Part("", [own, enough])])
