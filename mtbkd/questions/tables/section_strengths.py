"""What the page says of ways to choose the strength of the teachers: by held-out labels, or by the evidence of all of them."""

from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.questions.tables.section_ranks import MARKS, View
from mtbkd.questions.tables.strength_gains import REFERENCE, WAYS
from mtbkd.questions.tables.verdicts import at_labels, select
from mtbkd.report.numbers import NONE, count, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, number, text

BY_EVIDENCE = ("evidence", "evidence_average")
SPREAD = (REFERENCE, "evidence")


def strengths_told(view: View) -> list[str]:
    """What each way of the evidence gains on cross-validation at every number of labels, and how far choices scatter."""
    found = select(view.strength_gains, metric="nll")
    told = [_gain(select(found, way=way, labels=n), way, n) for n in dict.fromkeys(found["labels"]) for way in BY_EVIDENCE]
    return [*filter(None, told), *([_noise(view.strengths)] if len(view.strengths) else [])]


def _gain(rows: Frame, way: str, labels: int) -> str:
    """One sentence with the mean difference over tables."""
    if rows.empty:
        return ""
    mean = interval(rows["difference"]).mean
    words = rows["verdict"].value_counts()
    decided = [f"{word} on {name(words[word])}" for word in ("better", "worse") if words.get(word, 0)]
    told = " and ".join(decided) or "decided on no table"
    way_words = f"Choosing \N{GREEK SMALL LETTER KAPPA} by {WAYS[way]}" if way == "evidence" else f"An {WAYS[way]}"
    return f"{way_words} changes NLL by {show(mean, True)} nats against cross-validation with {at_labels(str(labels))}: {told}."


def name(tables: Any) -> str:
    return {1: "one table", 2: "two tables", 3: "three tables"}.get(int(tables), "many tables")


def _noise(rows: Frame) -> str:
    own = select(rows, way="evidence", metric="nll")["log_evidence_se"]
    return f"The Monte Carlo error of the log-evidence is {show(float(own.median()))} nats in the median fit."


def strengths_table(view: View) -> Table:
    """A row a table and number of labels: NLL of every way, below it the difference to cross-validation; chosen kappas."""
    title = f"{view.name}-strengths"
    gains = select(view.strength_gains, metric="nll")
    if gains.empty:
        return Table(title, "", [], [])
    hint = "mean over splits; below: difference from cross-validation, 95 % interval, corrected resampled t"
    heads = [Column(f"NLL, {words}", True, hint, "lower is better") for words in WAYS.values()]
    scatter = "factor of one standard deviation over splits"
    heads += [Column(f"Spread of \N{GREEK SMALL LETTER KAPPA}, {WAYS[way]}", True, scatter) for way in SPREAD]
    lines = []
    for (table, group, labels), own in gains.groupby(["table", "group", "labels"], sort=False):
        by_way = {row["way"]: row for row in own.to_dict("records")}
        cells = [_cell(by_way.get(way), own) for way in WAYS]
        chosen = select(view.strengths, table=table, labels=labels, metric="nll")
        cells += [number(_spread(select(chosen, way=way))) for way in SPREAD]
        lines.append(Row([text(f"{table} ({group})"), Cell(f"{labels:,}", "", labels), *cells]))
    splits = count(int(gains["n"].max()), "split")
    caption = f"Ways to choose the strength of the teachers: the posterior of a linear student on {splits} of each table"
    return Table(title, caption, [Column("Table"), Column("Labels", True), *heads], lines)


def _cell(row: Any, own: Frame) -> Cell:
    if row is None:  # the reference itself
        value = own["reference_value"].iloc[0]
        return Cell(show(value), "", value)
    ends = f"{show(row['difference'], True)} {show_interval(row['low'], row['high'], True)}".strip() or NONE
    return Cell(show(row["value"]), ends, row["value"], MARKS.get(row["verdict"], ""))


def _spread(rows: Frame) -> float:
    return float(np.exp(np.log(rows["kappa"]).std()))
