"""Distance of predictions to people's votes, to point at."""

from mtbkd.questions.votes.figure_votes import called
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK


def interactive(question: Question) -> Spec:
    scores, differences = question.table("scores"), question.table("differences")
    students, panels, groups = question.students(scores), [], {}
    for metric, (title, axis) in METRICS.items():
        own = differences[differences["metric"] == metric].sort_values("value")
        points = []
        for row in own.to_dict("records"):
            name, colour, mark = called(row["method"], students)
            groups[name] = Group(colour, mark)
            known = row["method"] if row["method"] in students else None
            points.append(estimate(name, name, (row["value"], row["low"], row["high"]), known))
        reference = called(str(differences["reference"].iloc[0]), students)[0]
        if points:
            panels.append(Panel(title, points, axis, {reference: (0.0, BLACK)}))
    return in_rows(panels, groups, {method: each._asdict() for method, each in students.items()}, of_rows=True)


METRICS = {
    "cross_entropy": ("Distance to the votes", "cross-entropy, difference (nats); left is nearer"),
    "corr_total_entropy": ("Uncertain where people disagree", "rank correlation, difference; right is better"),
}
