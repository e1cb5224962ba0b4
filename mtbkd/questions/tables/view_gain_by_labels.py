"""What a typical table gains from teachers, against the number of labels, to point at."""

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.figure_gain_by_labels import METRICS, shown
from mtbkd.questions.tables.students import colour, student
from mtbkd.questions.tables.verdicts import regime_title, select, title
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, along, estimate
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK


def interactive(question: Question) -> Spec:
    own, methods, _ = shown(question)
    levels = levels_of(own)
    panels = [
        Panel(regime_title(regime), _points(select(own, regime=regime, metric=metric), methods, levels), name,
              {"labels alone": (0.0, BLACK)}, {"metric": metric})
        for regime in dict.fromkeys(own["regime"]) for metric, name in METRICS.items()
    ]  # fmt: skip
    x = {"field": "at", "type": "ordinal", "sort": levels, "title": "labels, validation included", "axis": {"labelAngle": 0}}
    groups = {title(method): Group(colour(method)) for method in methods}
    return along(panels, groups, x, {method: student(method)._asdict() for method in methods})


def _points(rows: Frame, methods: list[str], levels: list[str]) -> list[Record]:
    found = []
    for row in sorted(rows.to_dict("records"), key=lambda row: levels.index(row["level"])):
        if row["method"] in methods:
            sign = 1 if row["higher_is_better"] else -1
            low, high = sorted((sign * row["first_quartile"], sign * row["third_quartile"]))
            ends = sign * row["median"], low, high
            found.append(estimate(row["level"], title(row["method"]), ends, row["method"], n=row["n"]))
    return found
