"""The section on searches for a paper's settings: how near the nearest candidate comes, and the configured one."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.questions.search import section_students as student_search
from mtbkd.questions.search.candidates import BEST, CONFIRMED, NAME, RANKED
from mtbkd.report.numbers import count, settings_words, show
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, number, text
from mtbkd.report.verdict_card import Card

TITLE = "Which unstated settings come closest to a paper's numbers?"
EXPLAINED = """\
Papers publish the scores of their teachers and students, but not every setting behind them. A grid of values of the unstated
settings was tried: "exposure" is the share of the other domains' training examples that a teacher sees, "dropout" the dropout
rate of the hidden units in training, "steps" the length of training, "domain axis" the feature whose range is cut into the
domains. Candidates were trained on training examples and scored on validation examples, averaged over newly drawn data sets;
test examples were not used. In a search over students, all students of a candidate share its settings and nothing is tuned:
"kappa" is the strength of the teachers in pseudo-labels per example, "lambda" the sharpness of the mixture (kappa = lambda:
the paper's prior), "label share" the share of the labels that the students use (0: teachers only), "outside temperature"
divides a teacher's logits outside its domain. Students are MAP fits from one start, as a proxy for the posterior; dropout is
represented by the mean of its draws. Differences are divided by the standard deviation of one published run about our mean,
which includes our variation over data sets and the published rounding. Candidates are ranked on data sets that no experiment
of this study reports; the closest and the configured candidates are refitted on further data sets.
"""


def section(name: str, tables: Mapping[str, Frame], content: Mapping[str, Any]) -> Section:
    """How near the nearest candidate comes, and the configured one; every printed number folded away."""
    rows, table = tables["candidates"], content["published"]
    if content["subject"] == "students":
        return _of_students(name, rows, table)
    order = _order(rows)
    fitted = {table: [teacher["column"] for teacher in content["teachers"]]}
    numbers = number_table(name, rows, order, NAME["teachers"])
    card = _card("Which teachers come closest to the paper?", order, "root mean square difference", table)
    return Section([_summary(rows, order, table)], [best_table(name, order)], [numbers], fitted=fitted, cards=[card])


def _card(question: str, order: Frame, unit: str, table: str) -> Card:
    """The rank of what the experiments use among all candidates, and how near the closest comes."""
    nearest, rank = order.iloc[0], int(order.index[order["configured"].astype(bool)][0])
    answer = "Those configured" if rank == 0 else f"Not those configured: rank {rank + 1} of {len(order)}"
    source = published.source(table)
    place = f"{settings_words(json.loads(nearest['settings']))}; {source.paper}, {source.place}"
    return Card(question, answer, f"{unit} {show(nearest['distance'])}", place, "")


def _of_students(name: str, rows: Frame, table: str) -> Section:
    ranked, confirmed = (rows[rows["part"] == part] for part in (RANKED, CONFIRMED))
    order = _order(ranked)
    told = student_search.summary(ranked, confirmed, order, table)
    tables = [student_search.best_table(name, ranked, confirmed, order), student_search.strength_table(name, ranked)]
    numbers = number_table(f"students-{name}", confirmed, order, NAME["students"])
    card = _card("Which student settings come closest to the paper?", order, "distance (1: the paper's own)", table)
    return Section([told], [each for each in tables if each is not None], [numbers], cards=[card])


def _order(rows: Frame) -> Frame:
    """One row a candidate, the nearest first."""
    return rows.drop_duplicates("candidate").sort_values(["distance", "candidate"]).reset_index(drop=True)


def _summary(rows: Frame, order: Frame, table: str) -> str:
    nearest, source = order.iloc[0], published.source(table)
    rank = int(order.index[order["configured"].astype(bool)][0])
    own = rows[rows["candidate"] == nearest["candidate"]]
    worst = own.loc[own["difference"].abs().idxmax()]
    noise = distance_se(own)
    close = order[order["distance"] <= nearest["distance"] + 2 * noise]
    others = (
        f"{count(len(close) - 1, 'other candidate')} {'is' if len(close) == 2 else 'are'} indistinguishable"
        if len(close) > 1
        else "no other is as close"
    )
    told = (
        f"{count(len(order), 'candidate')} compared with the teacher rows of {source.paper}, {source.place}. The closest "
        f"({settings_words(json.loads(nearest['settings']))}) has a distance of {show(nearest['distance'])} (the root mean "
        f"square difference of {count(len(own), 'published number')}), with a standard error of {show(noise)} over data sets. "
        f"Within two standard errors, {others}. The largest single difference is "
        f"{show(worst['difference'], signed=True)} ({worst['column']}, {published.words(worst['quantity'])})."
    )
    if rank == 0:
        return f"{told} The configured teachers are this candidate."
    configured = order.iloc[rank]
    apart = "among those that cannot be distinguished" if rank < len(close) else "clearly farther"
    words = settings_words(json.loads(configured["settings"]))
    return (
        f"{told} The configured teachers are not the closest ({words}). They have rank {rank + 1} of {len(order)}. Their "
        f"distance is {show(configured['distance'])}, {apart}."
    )


def distance_se(rows: Frame) -> float:
    """Standard error of a candidate's distance, by the delta method, its numbers taken as independent."""
    return float(np.sqrt(((rows["difference"] * rows["se"]) ** 2).sum()) / (len(rows) * rows["distance"].iloc[0]))


def best_table(name: str, order: Frame) -> Table:
    """The nearest candidates, and the configured one wherever it stands."""
    head = student_search.closest_head(order, "root mean square difference over all published teacher numbers")
    head += [Column("Configured", hint="the setting that the experiments use")]
    rows = [Row([*cells, configured]) for _, cells, configured in student_search.closest(order)]
    return Table(f"search-{name}", f"{name}: the {min(BEST, len(order))} closest of {len(order)} candidates", head, rows)


def number_table(name: str, rows: Frame, order: Frame, ours: str) -> Table:
    """Every printed number beside the nearest candidate's and the configured one's; ``ours``: column with our names."""
    chosen = {
        "Nearest": order["candidate"].iloc[0],
        "Configured": order.loc[order["configured"].astype(bool), "candidate"].iloc[0],
    }
    rows = rows.sort_values(["column", "quantity"])
    found = {title: rows[rows["candidate"] == candidate].to_dict("records") for title, candidate in chosen.items()}
    shown = list(found) if len(set(chosen.values())) > 1 else ["Nearest"]
    head = [Column("Printed column"), Column(f"Our {ours}"), Column("Printed quantity"), Column("Published", True)]
    for title in shown:
        head += [Column(title, True, "mean over data sets, with its standard error"), Column("\N{MINUS SIGN} published", True)]
    lines = []
    for records in zip(*(found[title] for title in shown), strict=True):
        first = records[0]
        cells = [
            text(first["column"]),
            text(first[ours]),
            text(published.words(first["quantity"]), first["quantity"]),
            number(first["published"]),
        ]
        lines.append(Row([*cells, *_pairs(records)]))
    words = "of the closest candidate, which is the configured one" if len(shown) == 1 else "of the closest and configured one"
    return Table(f"search-numbers-{name}", f"{name}: every published number next to that {words}", head, lines)


def _pairs(records: Sequence[Mapping[str, Any]]) -> list[Cell]:
    cells = []
    for record in records:
        cells.append(Cell(show(record["ours"]), f"se {show(record['se'])}", record["ours"]))
        cells.append(number(record["difference"], signed=True))
    return cells
