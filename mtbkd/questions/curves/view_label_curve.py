"""Scores against the number of labels, to point at."""

import math

from mtbkd.evaluation.intervals import interval
from mtbkd.evaluation.metrics import range_of
from mtbkd.questions.curves.figure_label_curve import MEAN, TITLES, lines_of, panels_of
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, along, estimate
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY, TEACHERS, inference_mark, signal_colour
from mtbkd.report.titles import Student

DASHED = (4, 3)


def interactive(question: Question) -> Spec:
    table, panels = question.table("scores"), []
    students = question.students(table)
    for title, teachers, metric in panels_of(table):
        rows, points = table[table["metric"] == metric], []
        for (method, _, transfer), own in lines_of(rows, teachers):
            for labels, each in own.groupby("labels"):
                found = interval(each["value"], range_of(metric))
                points.append(estimate(int(labels), line_of(students[method], transfer), found[:3], method, n=found.n))
        mean = float(rows[(rows["method"] == MEAN) & (rows["teachers"] == teachers)]["value"].mean())
        ceiling = float(rows[rows["kind"] == "ceiling"]["value"].mean())
        lines = {"ceiling": (ceiling, GREY), "mean of the teachers": (mean, TEACHERS)}
        lines = {label: line for label, line in lines.items() if math.isfinite(line[0])}
        panels.append(Panel(title, points, TITLES[metric], lines, {"metric": metric}))
    known = {method: each._asdict() for method, each in students.items()}
    return along(panels, looks(students), views.logarithmic("at", "labels (logarithmic)"), known)


def line_of(student: Student, transfer: bool) -> str:
    """A line's name: labels alone do not use other examples."""
    return student.title if student.signal == "none" else f"{student.title}, others {'kept' if transfer else 'dropped'}"


def looks(students: dict[str, Student]) -> dict[str, Group]:
    """Name of a line -> its look."""
    return {
        line_of(each, transfer): Group(
            signal_colour(each.signal), inference_mark(each.inference), (1, 0) if transfer or each.signal == "none" else DASHED
        )
        for each in students.values()
        for transfer in (False, True)
    }
