"""How near each candidate of a search comes to the published numbers, to point at."""

from mtbkd.questions.search.figure_candidates import shown, unit
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import DARK, GREY

MOST = 40
NAN = float("nan")


def interactive(question: Question) -> Spec:
    told, of_one = unit(question)
    names = {f"{each.rank}. {each.words}": each for each in shown(question, MOST)}
    points = [estimate(name, name, (each.distance, NAN, NAN), filled=each.configured) for name, each in names.items()]
    lines = {"the paper's own settings": (1.0, GREY)} if of_one else {}
    return in_rows(
        [Panel("", points, f"{told}; left is nearer", lines)], {name: Group(DARK) for name in names}, {}, of_rows=True
    )
