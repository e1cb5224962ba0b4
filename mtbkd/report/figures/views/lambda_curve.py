"""Validation scores against lambda, to point at."""

from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.lambda_curve import LINES, SCORES, Point, labels_only, lines, rows
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.style import BLACK


def interactive(material: Material) -> Spec:
    table = material.table("tuning").dropna(subset=["val_nll"])
    told, floor = views.told(material), labels_only(material.experiment, table)
    data, panels, belongs = [], [], {}
    for row in rows(material.experiment, table):
        method = str(row.table["method"].iloc[0])
        for score, axis in SCORES.items():
            place = len(panels)
            for label, line in lines(row):
                data += [{"panel": place, "setting": label, **_dot(each, score)} for each in line]
            panels.append(_view(place, told[method]["title"], row.strength, axis, floor.get(score)))
            belongs[f"panel{place}"] = {"method": method}
    whole = {"concat": panels, "columns": 2, "resolve": {"scale": {"color": "independent"}}}
    return views.spec(whole, {"data": data}, told, belongs=belongs)


def _dot(point: Point, score: str) -> Record:
    found = point.scores[score]
    numbers = {"lambda": point.lam, "mean": found.mean, "low": found.low, "high": found.high, "n": found.n}
    return {**numbers, "interval": views.interval(found.low, found.high), "chosen": point.chosen}


def _view(place: int, title: str, strength: str, axis: str, floor: float | None) -> Spec:
    x, y = views.logarithmic("lambda", f"{strength} (logarithmic)"), views.number("mean", axis)
    legend = {"orient": "bottom", "title": None, "columns": 1}
    hue = {"field": "setting", "type": "nominal", "sort": None, "scale": {"range": list(LINES)}, "legend": legend}
    tips = views.tooltip(
        setting="Setting", mean="Mean", interval="95 % interval", n="Replicates", chosen="Replicates that chose this",
        **{"lambda": strength},
    )  # fmt: skip
    bars = views.layer({"type": "rule", "clip": True}, x=x, y={**y, "field": "low"}, y2={"field": "high"}, color=hue)
    line = views.layer({"type": "line", "clip": True}, x=x, y=y, color=hue)
    zoom = views.zoom(f"zoom{place}", "x", "y")
    dots = views.layer({**views.DOT, "size": 36, "filled": True}, params=zoom, x=x, y=y, color=hue, tooltip=tips)
    below = [] if floor is None else [views.line({"color": BLACK, "strokeDash": [4, 3]}, y={"datum": views.rounded(floor)})]
    return {
        "name": f"panel{place}", "title": title, "width": 230, "height": 150, "data": {"name": "data"},
        "transform": [{"filter": f"datum.panel === {place}"}], "layer": [*below, bars, line, dots],
    }  # fmt: skip
