"""Scores of every method, to point at."""

import math
from collections.abc import Sequence

from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import GATES, METHOD, Panel, Record, Spec
from mtbkd.report.figures.material import Material
from mtbkd.report.figures.metrics import MOST_PANELS, PANELS, REFERENCES, few
from mtbkd.report.figures.style import GREY
from mtbkd.report.numbers import Estimate, estimate, show


def interactive(material: Material) -> Spec:
    table = material.table("metrics")
    rows = table[(table["domain"] == "all") & ((table["split"] == "test") | (table["metric"] == "ood_auroc"))]
    shown = [metric for metric in PANELS if (rows["metric"] == metric).any()][:MOST_PANELS]
    told = views.told(material)
    titles, signals = [each["title"] for each in told.values()], [each["signal"] for each in told.values()]
    replicates, references, panels = [], [], []
    for metric in shown:
        own = rows[rows["metric"] == metric]
        means = {str(name): estimate(each) for name, each in own.groupby("method", sort=False)}
        students = [_row(told[name], metric, means[name]) for name in told if name in means]
        groups = own[own["method"].isin(told)][["method", "value"]].dropna().groupby("method", sort=False)["value"]
        values = [{"method": name, "value": value} for name, each in groups for value in few(each.to_numpy(float)).tolist()]
        replicates += [{"panel": metric, **told[each["method"]], "value": each["value"]} for each in values]
        domain = _domain([*students, *values])
        references += [_beside(metric, name, means[name].mean, domain) for name in REFERENCES if name in means]
        better = "larger" if HIGHER_IS_BETTER[metric] else "smaller"
        name, unit = PANELS[metric]
        title = {"text": name, "offset": 36}
        below = [*_lines(metric), *_replicates(metric, titles, signals)]
        panels.append(Panel(metric, title, students, domain, f"{unit}; {better} is better", below=below))
    tips = views.tooltip(**METHOD, mean="Mean", interval="95 % interval", examples="Over test examples", **GATES)
    tables = {"replicates": replicates, "references": references}
    return views.forest(panels, tips, tables, belongs={f"panel{n}": {"metric": metric} for n, metric in enumerate(shown)})


def _row(known: Record, metric: str, found: Estimate) -> Record:
    numbers = {name: getattr(found, name) for name in ("mean", "low", "high", "n", "low_examples", "high_examples")}
    said = views.interval(found.low, found.high), views.interval(found.low_examples, found.high_examples)
    return {**known, "metric": metric, **numbers, "interval": said[0], "examples": said[1]}


def _domain(rows: Sequence[Record]) -> tuple[float, float]:
    """What is in view at first: the students with intervals and replicates."""
    names = ("mean", "low", "high", "low_examples", "high_examples", "value")
    ends = [row[name] for row in rows for name in names if name in row and math.isfinite(row[name])]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    margin = 0.05 * (high - low) or 0.05
    return low - margin, high + margin


def _beside(metric: str, name: str, value: float, domain: tuple[float, float]) -> Record:
    """A reference and its label, which stands at the edge if the reference lies outside."""
    label, colour, _ = REFERENCES[name]
    low, high = domain
    at = min(max(value, low), high)
    arrows = "\N{LEFTWARDS ARROW} " if value < low else "", " \N{RIGHTWARDS ARROW}" if value > high else ""
    text = f"{arrows[0]}{label} {show(value)}{arrows[1]}"
    place = {"at": at, "align": "right" if at > (low + high) / 2 else "left", "above": -6 - 10 * list(REFERENCES).index(name)}
    return {"panel": metric, "label": label, "mean": value, "colour": colour, "text": text, **place}


def _lines(metric: str) -> list[Spec]:
    """The references, with their names above the panel."""
    hue, at = {"field": "colour", "type": "nominal", "scale": None}, views.number("mean")
    tips = views.tooltip(label="Reference", mean="Value")
    names = {"type": "text", "fontSize": 10, "clip": False, "align": {"expr": "datum.align"}, "y": {"expr": "datum.above"}}
    own = {"transform": [views.only("panel", metric)]}
    rule = views.layer({"type": "rule", "clip": True, "strokeDash": [4, 2]}, "references", x=at, color=hue, tooltip=tips)
    return [own | rule, own | views.layer(names, "references", x={**at, "field": "at"}, text={"field": "text"}, color=hue)]


def _replicates(metric: str, titles: Sequence[str], signals: Sequence[str]) -> list[Spec]:
    """Intervals over test examples, and the replicates as small dots."""
    y, hue = views.by_title(titles), views.colour(signals)
    over = views.layer(
        {"type": "rule", "color": GREY, "clip": True}, x=views.number("low_examples"), x2={"field": "high_examples"}, y=y
    )
    small = {"type": "circle", "size": 12, "opacity": 0.4, "clip": True}
    tips = views.tooltip(title="Method", value="One replicate")
    dots = views.layer(small, "replicates", x=views.number("value"), y=y, color=hue, tooltip=tips)
    return [over, {**dots, "transform": [*views.FILTERED, views.only("panel", metric)]}]
