"""Scores of each class of the test split, to point at."""

from mtbkd.questions.abstention.figure_classes import METRICS, in_order
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows, of_students
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import TEACHER_MARK, TEACHERS
from mtbkd.report.numbers import estimate as estimated
from mtbkd.report.titles import teacher

NAN = float("nan")


def interactive(question: Question) -> Spec:
    """Every student, and the teachers."""
    table = question.table("classes")
    students = question.students(question.table("scores"))
    names = in_order(question)
    panels = []
    for metric, axis in METRICS.items():
        points = []
        for name, label in names.items():
            own = table[(table["metric"] == metric) & (table["class"] == name) & (table["method"] != "teachers:best")]
            for method, rows in own.groupby("method", sort=False):
                known = students.get(str(method))
                found = estimated(rows)
                points.append(
                    estimate(label, known.title if known else teacher(str(method)), (found.mean, found.low, found.high),
                             known.method if known else None, n=found.n)
                )  # fmt: skip
        panels.append(Panel("", points, axis))
    groups = of_students(students)
    groups |= {p["group"]: Group(TEACHERS, TEACHER_MARK) for panel in panels for p in panel.rows if p["group"] not in groups}
    return in_rows(panels, groups, {method: each._asdict() for method, each in students.items()})
