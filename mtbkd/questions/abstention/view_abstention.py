"""Error rate by share of examples answered, to point at."""

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.questions.abstention.figure_abstention import LOOKS, MEASURES, PANELS, beside, called, shown
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Record, Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, along, estimate
from mtbkd.report.figures.material import Question

NAN = float("nan")
POINTS = 40  # of a line
DASHES = dict(zip(LOOKS, ((1, 0), (8, 2), (2, 2), (6, 2, 1, 2)), strict=True))


def interactive(question: Question) -> Spec:
    """The method told of with every measure, and all students and teachers beside it by the largest probability."""
    scores, curves = question.table("scores"), question.table("curves")
    main, students, panels = shown(scores, question.settings), question.students(scores), []
    roles = beside(scores, main)
    groups = {label: Group(colour) for label, colour, _ in MEASURES.values()}
    for method, role in roles.items():
        label, colour = called(method, role, students)
        groups[label] = Group(colour, dash=DASHES[role])
    for split in list(dict.fromkeys(curves["split"]))[:PANELS]:
        here = curves[curves["split"] == split]
        name = split.removeprefix("ood:")
        own = [
            point
            for measure, (label, *_) in MEASURES.items()
            for point in _points(here[(here["method"] == main) & (here["measure"] == measure)], label, main)
        ]
        panels.append(Panel(f"{students[main].title}, {name}", own, AXIS, kin={"method": main}))
        largest = here[here["measure"] == "max_prob"]
        others = [
            point
            for method, role in roles.items()
            for point in _points(largest[largest["method"] == method], called(method, role, students)[0],
                                 method if method in students else None)
        ]  # fmt: skip
        panels.append(Panel(f"by the largest probability, {name}", others, AXIS))
    x = views.number("at", "examples answered (%)", nice=False)
    return along(panels, groups, x, {method: each._asdict() for method, each in students.items()})


AXIS = "wrong answers (%)"


def _points(rows: Frame, label: str, method: str | None) -> list[Record]:
    """At evenly spaced shares."""
    few = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), POINTS)).round().astype(int))] if len(rows) else rows
    return [estimate(100 * row["coverage"], label, (100 * row["risk"], NAN, NAN), method) for row in few.to_dict("records")]
