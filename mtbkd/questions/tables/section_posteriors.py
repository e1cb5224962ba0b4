"""What the page says of the posteriors of a linear student: beside its MAP, and with and without teachers."""

from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.questions.tables.section_ranks import COVERAGE, MARKS, View
from mtbkd.questions.tables.uncertainty import MAP, METRICS, NO_TEACHERS
from mtbkd.questions.tables.verdicts import at_labels, regime_title, select, title
from mtbkd.report.numbers import NONE, count, listed, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, text

HEADS = {"nll": "NLL", "accuracy": "Accuracy", "ece": "ECE", "coverage": "Coverage", "aurc": "AURC"}
ENDS = {"accuracy": "higher is better", "coverage": COVERAGE}
ASKED = {
    MAP: "Is the posterior better than its MAP estimate?",
    NO_TEACHERS: "Do teachers improve the posterior?",
}
SHOWN = ("nll", "ece", "aurc")  # in sentences


def posteriors_told(view: View) -> str:
    """How many draws passed their gates, and what those say on NLL, calibration and accuracy."""
    own = view.uncertainty
    if own.empty:
        return ""
    fits = own.drop_duplicates(["table", "regime", "method"])
    good, of = int(fits["passed"].sum()), int(fits["fits"].sum())
    start = f"Uncertainty: of {of} posteriors of a linear student ({_where(own)}), {good} passed all gates on their draws"
    start += ", and only these are counted" if good < of else ""
    answers = [_answer(select(own, comparison=comparison), asked) for comparison, asked in ASKED.items()]
    return " ".join([f"{start}.", *filter(None, answers)])


def _where(own: Frame) -> str:
    labels, regimes = (own[name].drop_duplicates() for name in ("labels", "regime"))
    samplers = listed(list(own["inference"].drop_duplicates()))
    return f"{samplers}; {at_labels(str(labels.iloc[0]))}, {listed(list(map(regime_title, regimes)))}"


def _answer(rows: Frame, asked: str) -> str:
    """``Does it? By NLL better on Vehicle (3 of 4 students), worse on wine (1 of 4), open elsewhere. NLL better in 3, ...``"""
    if rows.empty:
        return ""
    told = [_counted(select(rows, metric=metric), metric) for metric in SHOWN]
    pairs = len(select(rows, metric="nll"))
    return f"{asked} {_verdict(select(rows, metric='nll'))}. Of {count(pairs, 'pair')} of table and student: {'; '.join(told)}."


def _verdict(rows: Frame) -> str:
    """On which tables ``rows`` of NLL are decided."""
    words = {}
    for word in MARKS:
        decided = [(table, int((own["verdict"] == word).sum()), len(own)) for table, own in rows.groupby("table", sort=False)]
        words[word] = listed([f"{table} ({n} of {count(of, 'student')})" for table, n, of in decided if n])
    if not any(words.values()):
        return "Not shown on any table, by NLL"
    lead = "Yes" if words["better"] and not words["worse"] else "In part" if words["better"] else "No"
    elsewhere = ", open elsewhere" if (rows["verdict"] == "open").any() else ""
    return f"{lead}: by NLL {', '.join(f'{word} on {names}' for word, names in words.items() if names)}{elsewhere}"


def _counted(rows: Frame, metric: str) -> str:
    """``NLL better in 2, worse in 1 and open in 13, mean difference -.01 [-.02, +.01]``."""
    words = rows["verdict"].value_counts()
    each = listed([f"{word} in {words[word]}" for word in ("better", "worse", "open") if words.get(word, 0)])
    over = interval(rows.groupby("table", sort=False)["difference"].mean())
    ends = f" {show_interval(over.low, over.high, True)}".rstrip()
    name = HEADS[metric] if HEADS[metric].isupper() else HEADS[metric].lower()
    return f"{name} {each}, mean difference {show(over.mean, True)}{ends}"


def posteriors_table(view: View) -> Table:
    """A row a table and student: the posterior's scores, below each the difference to its MAP; then NLL vs labels."""
    own, name = view.uncertainty, f"{view.name}-posteriors"
    if own.empty:
        return Table(name, "", [], [])
    hint = "mean over splits; below: difference from the MAP of the same posterior, 95 % interval, corrected resampled t"
    heads = [Column(HEADS[metric], True, hint, ENDS.get(metric, "lower is better")) for metric in METRICS]
    against = Column("NLL vs labels", True, "posterior minus the posterior of labels alone, 95 % interval", "lower is better")
    passed = Column("Fits that passed", True, "the gates on their draws; only these are counted")
    lines = []
    for (table, group, method), each in own.groupby(["table", "group", "method"], sort=False):
        modes, labels = (select(each, comparison=comparison) for comparison in (MAP, NO_TEACHERS))
        cells = [_cell(select(modes, metric=metric)) for metric in METRICS]
        lines.append(Row([text(f"{table} ({group})"), text(title(method)), *cells, _difference(select(labels, metric="nll")),
                          _passed(each.iloc[0])]))  # fmt: skip
    caption = f"Posteriors of a linear student compared with its MAP estimate ({_where(own)})"
    return Table(name, caption, [Column("Table"), Column("Student"), *heads, against, passed], lines)


def _cell(rows: Frame) -> Cell:
    """The posterior's score, and below it the difference to the MAP's."""
    if rows.empty:
        return text(NONE)
    row = rows.iloc[0]
    return Cell(show(row["value"]), _ends(row), row["value"], MARKS.get(row["verdict"], ""))


def _difference(rows: Frame) -> Cell:
    if rows.empty:
        return text(NONE)
    row = rows.iloc[0]
    below = f"{show_interval(row['low'], row['high'], True)}; {row['verdict']}".removeprefix("; ")
    return Cell(show(row["difference"], True), below, row["difference"], MARKS.get(row["verdict"], ""))


def _ends(row: Any) -> str:
    ends = f"{show(row['difference'], True)} {show_interval(row['low'], row['high'], True)}".strip()
    return f"{ends}; {row['verdict']}" if row["verdict"] in MARKS else ends


def _passed(row: Any) -> Cell:
    good, of = row["passed"], row["fits"]
    return Cell(f"{good} of {of}", "", good / of, "" if good == of else "warn")
