"""The section on searches for a paper's settings: how near the nearest candidate comes, and the configured one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import lazy_import
from mtbkd.data.published import tables as published
from mtbkd.questions.search import section_students as student_search
from mtbkd.questions.search.run import BEST, CONFIRMED, NAME, RANKED
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, settings_words, show
from mtbkd.report.table import Cell, Column, Row, Table, number, text

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")


@dataclass(frozen=True)
class Part:
    """What the page shows of one search; ``summary`` is a few sentences, ``strength`` for students only."""

    name: str
    subject: str
    summary: str
    best: Table
    numbers: Table
    strength: Table | None = None


def section(files: Mapping[str, str], searches: Mapping[str, Mapping[str, Any]]) -> list[Part]:
    """One part a search; ``files``: search -> its table, ``searches``: search -> its specification."""
    return [_part(_read(file), searches[key]) for key, file in files.items()]


def all_candidates(files: Mapping[str, str]) -> dict[str, Frame]:
    """teacher_search and student_search -> every printed number of every candidate of all such searches."""
    kinds = dict.fromkeys(key.partition("/")[0] for key in files)
    return {
        kind: pd.concat([_read(file) for key, file in files.items() if key.startswith(f"{kind}/")], ignore_index=True)
        for kind in kinds
    }


def _read(path: str) -> Frame:
    return read_table(path, "the candidates of a search", "search")


def _part(rows: Frame, asked: Mapping[str, Any]) -> Part:
    name, table = asked["name"], asked["published"]
    if asked["subject"] == "students":
        return _student_part(name, rows, table)
    order = _order(rows)
    numbers = number_table(name, rows, order, NAME["teachers"])
    return Part(name, "teachers", _summary(rows, order, table), best_table(name, order), numbers)


def _student_part(name: str, rows: Frame, table: str) -> Part:
    ranked, confirmed = (rows[rows["part"] == part] for part in (RANKED, CONFIRMED))
    order = _order(ranked)
    summary = student_search.summary(ranked, confirmed, order, table)
    best = student_search.best_table(name, ranked, confirmed, order)
    numbers = number_table(f"students-{name}", confirmed, order, NAME["students"])
    return Part(name, "students", summary, best, numbers, student_search.strength_table(name, ranked))


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
        f"{count(len(close) - 1, 'other candidate')} cannot be told apart from it" if len(close) > 1 else "no other is as near"
    )
    told = (
        f"{count(len(order), 'candidate')} against the teacher rows of {source.paper}, {source.place}. The nearest has "
        f"{settings_words(json.loads(nearest['settings']))}: its distance, the root mean square difference of "
        f"{count(len(own), 'printed number')}, is {show(nearest['distance'])}, with a standard error of {show(noise)} from the "
        f"data sets drawn; within two of these, {others}. The largest single difference is "
        f"{show(worst['difference'], signed=True)} ({worst['column']}, {published.words(worst['quantity'])})."
    )
    if rank == 0:
        return f"{told} The configured teachers are this candidate."
    configured = order.iloc[rank]
    apart = "one of those that cannot be told apart" if rank < len(close) else "clearly farther"
    words = settings_words(json.loads(configured["settings"]))
    return (
        f"{told} The configured teachers are not the nearest: they have {words}, rank {rank + 1} of {len(order)}, distance "
        f"{show(configured['distance'])}, {apart}."
    )


def distance_se(rows: Frame) -> float:
    """Standard error of a candidate's distance, by the delta method, its numbers taken as independent."""
    return float(np.sqrt(((rows["difference"] * rows["se"]) ** 2).sum()) / (len(rows) * rows["distance"].iloc[0]))


def best_table(name: str, order: Frame) -> Table:
    """The nearest candidates, and the configured one wherever it stands."""
    keys = list(json.loads(order["settings"].iloc[0]))
    head = [Column("Rank", True), *(Column(key.replace("_", " ")) for key in keys)]
    head += [Column("Distance", True, "root mean square difference of all printed teacher numbers", "lower is better")]
    head += [Column("Configured", hint="the setting that the experiments use")]
    rows = []
    for rank, row in order.iterrows():
        assert isinstance(rank, int)
        if rank >= BEST and not row["configured"]:
            continue
        settings = json.loads(row["settings"])
        cells = [Cell(str(rank + 1), "", rank + 1), *(text(settings[key]) for key in keys), number(row["distance"])]
        rows.append(Row([*cells, text(f"{MARKS['passed']} yes" if row["configured"] else "no")]))
    return Table(f"search-{name}", f"{name}: the {min(BEST, len(order))} nearest of {len(order)} candidates", head, rows)


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
    words = "of the nearest candidate, which is the configured one" if len(shown) == 1 else "of the nearest and the configured"
    return Table(f"search-numbers-{name}", f"{name}: every printed number beside that {words}", head, lines)


def _pairs(records: Sequence[Mapping[str, Any]]) -> list[Cell]:
    cells = []
    for record in records:
        cells.append(Cell(show(record["ours"]), f"se {show(record['se'])}", record["ours"]))
        cells.append(number(record["difference"], signed=True))
    return cells
