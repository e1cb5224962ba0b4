"""MCC of every location under every method, to point at."""

from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.multilabel.figure_location_scores import rows_of
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows, of_students
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import TEACHER_MARK, TEACHERS
from mtbkd.report.titles import teacher


def interactive(question: Question) -> Spec:
    students = question.students(question.table("scores"))
    points, others = [], {}
    for label, own in rows_of(question):
        for method, rows in own[own["method"] != "teachers:best"].groupby("method", sort=False):
            known = students.get(str(method))
            title = known.title if known else teacher(str(method))
            others |= {} if known else {title: Group(TEACHERS, TEACHER_MARK)}
            found = interval(rows["value"], range_of(str(rows["metric"].iloc[0])))
            points.append(estimate(label, title, found[:3], known.method if known else None, n=found.n))
    panel = Panel("", points, "Matthews' correlation (0: guessing, 1: perfect)")
    known = {method: each._asdict() for method, each in students.items()}
    return in_rows([panel], {**others, **of_students(students)}, known)
