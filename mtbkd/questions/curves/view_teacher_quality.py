"""What distillation adds to labels alone, against the quality of the teachers, to point at."""

from mtbkd.questions.curves.crossing import differences, judged_metrics
from mtbkd.questions.curves.figure_teacher_quality import GAINS, shown_counts, teacher_accuracy
from mtbkd.questions.curves.view_label_curve import line_of, looks
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Panel, along, estimate
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK


def interactive(question: Question) -> Spec:
    rows = question.table("scores")
    found, students, quality = differences(rows), question.students(rows), teacher_accuracy(rows)
    names = {name: f"{name} ({score:.2f})" for name, score in quality.items()}
    panels = []
    for metric in judged_metrics(rows):
        for n in shown_counts([int(each) for each in rows["labels"].unique()]):
            own = found[(found["metric"] == metric) & (found["labels"] == n) & (found["kind"] == "student")]
            points = [
                estimate(names[row["teachers"]], line_of(students[row["method"]], row["transfer"]),
                         (row["advantage"], row["low"], row["high"]), row["method"], n=row["n"])
                for row in own.to_dict("records") if row["teachers"] in names
            ]  # fmt: skip
            panels.append(Panel(f"{n:,} labels", points, GAINS[metric], {"labels alone": (0.0, BLACK)}, {"metric": metric}))
    x = {"field": "at", "type": "ordinal", "sort": list(names.values()), "title": "teachers (mean accuracy of each)"}
    return along(panels, looks(students), x, {method: each._asdict() for method, each in students.items()}, columns=3)
