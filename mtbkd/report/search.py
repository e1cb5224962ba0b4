"""The section on the search for a paper's teachers: how near the nearest candidate comes, and the configured one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.frames import Frame, read_table
from mtbkd.lazy import lazy_import
from mtbkd.published import tables as published
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, listed, show
from mtbkd.report.table import Cell, Column, Row, Table, number, text

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

BEST = 5


@dataclass(frozen=True)
class Part:
    """What the page shows of one search; ``summary`` is a few sentences."""

    name: str
    summary: str
    best: Table
    numbers: Table


def section(files: Mapping[str, str], sources: Mapping[str, str]) -> list[Part]:
    """One part a search; ``files``: search -> its table, ``sources``: search -> name of the published table."""
    return [_part(name, _read(file), sources[name]) for name, file in files.items()]


def all_candidates(files: Mapping[str, str]) -> Frame:
    """Rows of tables/teacher_search.csv: every printed number of every candidate of every search."""
    return pd.concat([_read(file) for file in files.values()], ignore_index=True)


def _read(path: str) -> Frame:
    return read_table(path, "the candidates of a search", "teacher_search")


def _part(name: str, rows: Frame, table: str) -> Part:
    order = rows.drop_duplicates("candidate").sort_values(["distance", "candidate"]).reset_index(drop=True)
    return Part(name, _summary(rows, order, table), best_table(name, order), number_table(name, rows, order))


def _words(settings: Mapping[str, Any]) -> str:
    return listed([f"{key.replace('_', ' ')} {value}" for key, value in settings.items()]) or "the configured settings"


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
        f"{_words(json.loads(nearest['settings']))}: its distance, the root mean square difference of "
        f"{count(len(own), 'printed number')}, is {show(nearest['distance'])}, with a standard error of {show(noise)} from the "
        f"data sets drawn; within two of these, {others}. The largest single difference is "
        f"{show(worst['difference'], signed=True)} ({worst['column']}, {published.words(worst['quantity'])})."
    )
    if rank == 0:
        return f"{told} The configured teachers are this candidate."
    configured = order.iloc[rank]
    apart = "one of those that cannot be told apart" if rank < len(close) else "clearly farther"
    return (
        f"{told} The configured teachers are not the nearest: they have {_words(json.loads(configured['settings']))}, rank "
        f"{rank + 1} of {len(order)}, distance {show(configured['distance'])}, {apart}."
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


def number_table(name: str, rows: Frame, order: Frame) -> Table:
    """Every printed number beside the nearest candidate's and the configured teachers'."""
    chosen = {
        "Nearest": order["candidate"].iloc[0],
        "Configured": order.loc[order["configured"].astype(bool), "candidate"].iloc[0],
    }
    rows = rows.sort_values(["column", "quantity"])
    found = {title: rows[rows["candidate"] == candidate].to_dict("records") for title, candidate in chosen.items()}
    shown = list(found) if len(set(chosen.values())) > 1 else ["Nearest"]
    head = [Column("Printed column"), Column("Our teacher"), Column("Printed quantity"), Column("Published", True)]
    for title in shown:
        head += [Column(title, True, "mean over data sets, with its standard error"), Column("\N{MINUS SIGN} published", True)]
    lines = []
    for records in zip(*(found[title] for title in shown), strict=True):
        first = records[0]
        cells = [
            text(first["column"]),
            text(first["teacher"]),
            text(published.words(first["quantity"]), first["quantity"]),
            number(first["published"]),
        ]
        lines.append(Row([*cells, *_pairs(records)]))
    words = "of the nearest candidate, which is the configured one" if len(shown) == 1 else "of the nearest and the configured"
    return Table(f"search-numbers-{name}", f"{name}: every printed teacher number beside that {words}", head, lines)


def _pairs(records: Sequence[Mapping[str, Any]]) -> list[Cell]:
    cells = []
    for record in records:
        cells.append(Cell(show(record["ours"]), f"se {show(record['se'])}", record["ours"]))
        cells.append(number(record["difference"], signed=True))
    return cells
