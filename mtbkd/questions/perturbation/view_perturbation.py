"""Mean deviance against the size of the noise, to point at."""

from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.perturbation.figure_perturbation import NAMES, PUBLISHED
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, along, estimate, of_students
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY

NAN = float("nan")


def interactive(question: Question) -> Spec:
    curve, printed = question.table("curve"), question.table("published")
    students = question.students(curve)
    ours = []
    for (method, gamma), rows in curve.groupby(["method", "gamma"], sort=False):
        found = interval(rows["mean_deviance"], range_of("mean_deviance"))
        ours.append(estimate(float(gamma), students[method].title, found[:3], method, n=found.n))
    published = [
        estimate(row["gamma"], f"published: {NAMES.get(row['column'], row['column'])}", (row["mean_deviance"], NAN, NAN))
        for row in printed.to_dict("records")
    ]
    groups = of_students(students)
    groups |= {name: Group(PUBLISHED[i % 3]) for i, name in enumerate(dict.fromkeys(row["group"] for row in published))}
    alike = {"all classes alike": (float(curve["uniform"].iloc[0]), GREY)}
    panels = [Panel("ours", ours, "mean deviance (nats)", alike), Panel("published", published, "mean deviance (nats)", alike)]
    x = views.number("at", "size of the noise, gamma", nice=False)
    return along(panels, groups, x, {method: each._asdict() for method, each in students.items()})
