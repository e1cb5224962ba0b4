"""Scores against the number of labels, to point at."""

from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.curves.figure_label_curve import MEAN, TITLES, lines_of, panels_of
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import METHOD, Record, Spec
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, VERMILION


def interactive(question: Question) -> Spec:
    table, data, panels, belongs = question.table("scores"), [], [], {}
    known = views.named(table[table["kind"] == "student"])
    for place, (title, teachers, metric) in enumerate(panels_of(table)):
        rows = table[table["metric"] == metric]
        for (method, _, transfer), own in lines_of(rows, teachers):
            data += [{"panel": place, **known[method], **_point(each, transfer)} for _, each in own.groupby("labels")]
        mean = float(rows[(rows["method"] == MEAN) & (rows["teachers"] == teachers)]["value"].mean())
        ceiling = float(rows[rows["kind"] == "ceiling"]["value"].mean())
        panels.append(
            _view(place, title, metric, {"ceiling": (ceiling, GREY), "mean of the teachers": (mean, VERMILION)}, known)
        )
        belongs[f"panel{place}"] = {"metric": metric}
    return views.spec({"concat": panels, "columns": 2}, {"data": data}, known, belongs=belongs)


def _point(rows: Frame, transfer: bool) -> Record:
    found = interval(rows["value"], range_of(str(rows["metric"].iloc[0])))
    numbers = {"labels": int(rows["labels"].iloc[0]), "mean": found.mean, "low": found.low, "high": found.high, "n": found.n}
    return {**numbers, "interval": views.interval(found.low, found.high), "others": "kept" if transfer else "dropped"}


def _view(place: int, title: str, metric: str, lines: dict[str, tuple[float, str]], known: dict[str, Any]) -> Spec:
    x = views.logarithmic("labels", "labels (logarithmic)")
    y, hue = views.number("mean", TITLES[metric]), views.colour([each["signal"] for each in known.values()])
    dash = {"field": "others", "type": "nominal", "scale": {"domain": ["kept", "dropped"], "range": [[1, 0], [4, 3]]}}
    dash |= {"title": "other examples", "legend": {"orient": "bottom"}}
    tips = views.tooltip(
        **METHOD, others="Other examples", labels="Labels", mean="Mean", interval="95 % interval", n="Replicates"
    )
    one, mark = {"field": "method"}, {"clip": True}
    layers = [
        *(
            views.line({"color": colour, "tooltip": f"{label}: {value:.4g}"}, y={"datum": views.rounded(value)})
            for label, (value, colour) in lines.items()
        ),
        views.layer({"type": "rule", **mark}, x=x, y={**y, "field": "low"}, y2={"field": "high"}, color=hue),
        views.layer({"type": "line", **mark}, x=x, y=y, color=hue, detail=one, strokeDash=dash),
        views.layer(
            {**views.DOT, "size": 36, "filled": True},
            params=views.zoom(f"zoom{place}", "x", "y"),
            x=x,
            y=y,
            color=hue,
            tooltip=tips,
        ),
    ]
    return {
        "name": f"panel{place}", "title": title, "width": 240, "height": 190, "data": {"name": "data"},
        "transform": [*views.FILTERED, {"filter": f"datum.panel === {place}"}], "layer": layers,
    }  # fmt: skip
