"""Coverage of credible intervals against their level, to point at."""

from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import GATES, METHOD, Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import GREY, SELF


def interactive(material: Material) -> Spec:
    curves, told = material.whole("curves"), views.told(material)
    groups: Any = curves.groupby(["method", "level"], sort=False)
    rows = [_point(told[method], level, own) for (method, level), own in groups if method in told]
    first = float(curves["level"].min())
    ends = [{"level": end, "mean": end} for end in (first, 1.0)]
    x, y = views.number("level", "credible level"), views.number("mean", "coverage (share of labels and draws)")
    one, over = ({**y, "field": f"low{of}"} for of in ("_one", ""))
    hue = views.colour(each["signal"] for each in rows)
    tips = views.tooltip(**METHOD, level="Level", mean="Coverage", interval="95 % interval", own="Self-expected", **GATES)
    layers = [
        views.layer({"type": "line", "color": GREY, "strokeWidth": 1}, "nominal", x=x, y=y),
        views.layer({"type": "line", "color": SELF, "strokeDash": [5, 3]}, x=x, y={**y, "field": "own"}),
        views.layer({"type": "rule", "color": GREY}, x=x, y=one, y2={"field": "high_one"}),
        views.layer({"type": "rule", "strokeWidth": 2}, x=x, y=over, y2={"field": "high"}, color=hue),
        views.layer(views.DOT, params=views.zoom("zoom", "x", "y"), x=x, y=y, **views.dots(rows, tips)),
    ]
    methods = {each["method"]: each for each in rows}
    return views.spec(views.facets(rows, layers, 2), {"data": rows, "nominal": ends}, methods, square=True)


def _point(known: Record, level: float, own: Frame) -> Record:
    found = interval(own["coverage"], SHARE)
    one = over_examples(found.mean, float(own["coverage_se"].mean()), int(own["n"].mean()), SHARE)
    numbers = {"level": level, "mean": found.mean, "low": found.low, "high": found.high, "n": found.n}
    further = {"own": float(own["coverage_self"].mean()), "low_one": one.low, "high_one": one.high}
    return {**known, **numbers, **further, "interval": views.interval(found.low, found.high)}
