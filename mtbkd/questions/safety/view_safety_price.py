"""What it costs to hold a class set's probability below a limit, to point at."""

from mtbkd.base.frames import Frame
from mtbkd.questions.safety.figure_safety_price import ORIGINS, PRICES, by_limit, colours_of
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, along, estimate
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY

NAMES = dict(zip(ORIGINS, ("stated limits", "limit: the safest teacher's"), strict=True))
SCORES = {
    "mass_train": "mean probability, training",
    "mass_test": "mean probability, test",
    "multiplier": "multiplier (nats per unit)",
}


def interactive(question: Question) -> Spec:
    students, prices = question.table("students"), question.table("prices")
    known = [origin for origin in ORIGINS if (students["origin"] == origin).any()]
    free = students[students["origin"] == "none"]
    panels = []
    for column, axis in SCORES.items():
        points = [
            estimate(float(limit), NAMES[origin], (mean, low, high))
            for origin in known
            for limit, mean, low, high in _each(students, origin, column)
        ]
        without = {"without limit": (float(free[column].mean()), GREY)} if len(free) and column != "multiplier" else {}
        panels.append(Panel("", points, axis, without))
    for metric, axis in PRICES.items():
        own = prices[(prices["metric"] == metric) & prices["origin"].isin(known)].sort_values("limit").to_dict("records")
        points = [
            estimate(row["limit"], NAMES[row["origin"]], (row["difference"], row["low"], row["high"]), n=row["n"])
            for row in own
        ]
        panels.append(Panel("", points, axis, {"without limit": (0.0, GREY)}, {"metric": metric}))
    colours = colours_of(question)
    groups = {NAMES[origin]: Group(colours[origin]) for origin in known}
    return along(panels, groups, views.logarithmic("at", "limit on the mean probability (logarithmic)"), {})


def _each(students: Frame, origin: str, column: str) -> list[tuple[float, ...]]:
    """Limit, mean and both ends of its interval."""
    limits, found = by_limit(students, origin, column)
    return [tuple(map(float, row)) for row in zip(limits, *found, strict=True)]
