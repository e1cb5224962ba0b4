"""What the mixture prior gains on labels alone, table by table, to point at."""

from mtbkd.evaluation.over_tables import levels_of
from mtbkd.questions.tables.figure_table_gains import shown
from mtbkd.questions.tables.students import student
from mtbkd.questions.tables.verdicts import at_labels, gain, regime_title, select
from mtbkd.report.figures.interactive import Spec
from mtbkd.report.figures.interactive_groups import Group, Panel, estimate, in_rows
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import BLACK, GROUPS


def interactive(question: Question) -> Spec:
    method, own, rows = shown(question)
    groups = {regime_title(r): Group(hue) for r, hue in zip(dict.fromkeys(own["regime"]), GROUPS, strict=False)}
    panels = []
    for level in levels_of(own):
        found = {}
        for row in select(own, level=level).to_dict("records"):
            name, regime = f"{row['table']} ({row['group']})", regime_title(row["regime"])
            found[row["group"], row["table"], regime] = estimate(
                name, regime, gain(row), method, row["verdict"] != "open", row["n"]
            )
        points = [found[(*place, regime)] for place in rows for regime in groups if (*place, regime) in found]
        panels.append(Panel(at_labels(level), points, "log-likelihood gained (nats)", {"labels alone": (0.0, BLACK)}))
    known = {method: student(method)._asdict()} if method else {}
    return in_rows(panels, groups, known, columns=3)
