"""Accuracy against confidence, to point at."""

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import SHARE, interval, over_examples
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import GATES, METHOD, Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.reliability import TEACHER_TITLES
from mtbkd.report.figures.style import GREY, TEACHERS


def interactive(material: Material) -> Spec:
    table = material.whole("reliability")
    nobody = {"method": None, "signal": "teachers", "inference": "map", "gates": "", "passed": True}
    told: dict[str, Record] = {
        **views.told(material),
        **{name: {**nobody, "title": title} for name, title in TEACHER_TITLES.items()},
    }
    rows = [_row(told[name], bin) for name in told for _, bin in table[table["method"] == name].groupby("bin")]
    ends = [{"confidence": end, "mean": end} for end in (max(0.0, float(table["confidence"].min()) - 0.03), 1.0)]
    x, y = views.number("confidence", "confidence"), views.number("mean", "accuracy (share correct)")
    own = {"teachers": TEACHERS}
    hue = views.colour((each["signal"] for each in rows), own)
    tips = views.tooltip(**METHOD, confidence="Confidence", mean="Accuracy", interval="95 % interval", **GATES)
    dot, zoom = {**views.DOT, "size": 36}, views.zoom("zoom", "x", "y")
    layers = [
        views.layer({"type": "line", "color": GREY, "strokeWidth": 1}, "diagonal", x=x, y=y),
        views.layer({"type": "rule", "strokeWidth": 1.5}, x=x, y={**y, "field": "low"}, y2={"field": "high"}, color=hue),
        views.layer(dot, params=zoom, x=x, y=y, **views.dots(rows, tips, own)),
    ]
    methods = {each["method"]: each for each in rows if each["method"]}
    return views.spec(views.facets(rows, layers, 3), {"data": rows, "diagonal": ends}, methods, square=True, least=130)


def _row(known: Record, group: Frame) -> Record:
    found = interval(group["accuracy"], SHARE)
    if found.n == 1:
        found = over_examples(found.mean, float(group["se"].iloc[0]), int(group["n"].iloc[0]), SHARE)
    numbers = {
        "confidence": float(group["confidence"].mean()),
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "n": found.n,
    }
    return {**known, **numbers, "interval": views.interval(found.low, found.high)}
