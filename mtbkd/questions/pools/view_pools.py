"""All pools of one set of teachers, to point at."""

from mtbkd.questions.pools.figure_pools import MARKS, hues, points
from mtbkd.questions.pools.rules import HOME, PLAIN, TEMPERATURES, chosen, indexed, spaced, words
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import SHAPES, Record, Spec
from mtbkd.report.figures.material import Question

FIELDS = {"title": "Pool", "accuracy": "Accuracy", "nll": "NLL", "ece_smooth": "Smooth ECE", "interval": "NLL minus plain"}


def interactive(question: Question) -> Spec:
    scores, differences = question.table("scores"), question.table("differences")
    plain = indexed(chosen(differences, against="plain", data=HOME, metric="nll"))
    accuracy = indexed(chosen(scores, data=HOME, metric="accuracy"))
    data: list[Record] = []
    for rule, (nll, error) in points(scores).items():
        row = plain.get(rule)
        found = f"{row['difference']:+.4f} {views.interval(row['low'], row['high'])}" if row else "reference"
        kinds = {"operator": spaced(rule.operator), "temperature": TEMPERATURES[rule.temperature], "plain": rule == PLAIN}
        numbers = {"nll": nll, "ece_smooth": error, "accuracy": accuracy[rule]["value"]}
        data.append({"title": words(rule), **kinds, **numbers, "interval": found})
    colours = {spaced(name): colour for name, colour in hues(scores).items()}
    shapes = {TEMPERATURES[name]: SHAPES[mark] for name, mark in MARKS.items()}
    hue = {"field": "operator", "type": "nominal", "title": "operator", "legend": {"orient": "bottom", "columns": 3}}
    hue |= {"scale": {"domain": list(colours), "range": list(colours.values())}}
    shape = {"field": "temperature", "type": "nominal", "title": "temperature", "legend": {"orient": "bottom"}}
    shape |= {"scale": {"domain": list(shapes), "range": list(shapes.values())}}
    x, y = views.number("nll", "NLL (nats); left is better"), views.number("ece_smooth", "smooth calibration error")
    size = {"condition": {"test": "datum.plain", "value": 160}, "value": 45}
    mark = {**views.DOT, "filled": True, "opacity": 0.8}
    dots = views.layer(
        mark, params=views.zoom("zoom", "x", "y"), x=x, y=y, color=hue, shape=shape, size=size, tooltip=views.tooltip(**FIELDS)
    )
    view = {"name": "panel0", "width": 480, "height": 320, "data": {"name": "data"}, "layer": [dots]}
    return views.spec({"concat": [view], "columns": 1}, {"data": data}, {})
