"""Mean ranks of the students over tables, to point at."""

from mtbkd.questions.tables.figure_critical_difference import panels_of
from mtbkd.questions.tables.students import colour, student
from mtbkd.questions.tables.verdicts import at_labels, regime_title
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import GREY

NAN = float("nan")


def interactive(question: Question) -> Spec:
    """In order of their rank in the first regime; a line where a student is a critical difference behind the best."""
    panels, known = [], {}
    for regime, rows in panels_of(question):
        ordered = rows.sort_values("rank").to_dict("records")
        known |= {row["method"]: student(row["method"]) for row in ordered}
        points = [estimate(known[row["method"]].title, known[row["method"]].title, (row["rank"], NAN, NAN), row["method"],
                           n=row["tables"]) for row in ordered]  # fmt: skip
        behind = {"a critical difference behind the best": (ordered[0]["rank"] + ordered[0]["critical_difference"], GREY)}
        axis = f"mean rank by NLL, {at_labels(ordered[0]['level'])}, {ordered[0]['tables']} tables; 1 is best"
        panels.append(Panel(regime_title(regime), points, axis, behind, {"metric": "nll"}))
    groups = {each.title: Group(colour(each.method)) for each in known.values()}
    return in_rows(panels, groups, {method: each._asdict() for method, each in known.items()}, of_rows=True, least=320)
