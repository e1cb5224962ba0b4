"""What each multi-teacher method gains, to point at."""

from mtbkd.questions.baselines.contest import REFERENCE
from mtbkd.questions.baselines.figure_literature_gains import UNITS, WORDS, colour
from mtbkd.questions.baselines.section import gains, titles_of
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK
from mtbkd.report.titles import Student


def interactive(question: Question) -> Spec:
    tables = {name: question.table(name) for name in ("scores", "comparisons", "costs")}
    titles, panels = titles_of(tables), []
    for metric, axis in UNITS.items():
        for reference in (each for each in WORDS if each in titles):
            found = gains(tables, reference, metric)
            points = [
                estimate(titles[m], titles[m], (row["gain"], row["low"], row["high"]), m, bool(row["clear"]))
                for m in titles
                if m != REFERENCE and (row := found.get(m))
            ]
            panels.append(Panel(WORDS[reference], points, f"{axis}; right is better", {titles[reference]: (0.0, BLACK)},
                                {"metric": metric}))  # fmt: skip
    groups = {title: Group(colour(method)) for method, title in titles.items()}
    signals = {"tip": "tip", REFERENCE: "none"}
    known = {m: Student(m, title, signals.get(m, ""), "map")._asdict() for m, title in titles.items()}
    return in_rows(panels, groups, known, of_rows=True)
