"""What the page says of a search for the settings of a paper's students: a paragraph and its tables.

Distances here are in units of what one printed run may differ by (``candidates``). Every printed number that a search
looks at is ``fitted``: it chose the settings, so that nearness is no reproduction.
"""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.questions.search.candidates import BEST, FITTED
from mtbkd.questions.search.students import AS_CONFIGURED
from mtbkd.report.judgement import MARKS
from mtbkd.report.numbers import count, setting, settings_words, show
from mtbkd.report.table import Cell, Column, Row, Table, number, text

ERROR, ACCURACY = "mse_p", "acc_overall"


def summary(ranked: Frame, confirmed: Frame, order: Frame, table: str) -> str:
    """How near the nearest candidate comes, on data that did not choose it, and what stays apart.

    Args:
        ranked, confirmed: rows on the data sets that ranked the candidates, and on others.
        order: a row a candidate, the nearest first.
        table: the published table.
    """
    nearest, source = order.iloc[0], published.source(table)
    again = _distances(confirmed)
    rank = int(order.index[order["configured"].astype(bool)][0])
    configured = order.iloc[rank]
    own = _students(confirmed[confirmed["candidate"] == nearest["candidate"]])
    worst = own.loc[own["scaled"].abs().idxmax()]
    apart = own[own["scaled"].abs() > 2]
    best = min(again, key=lambda candidate: again[candidate])
    other = "" if best == nearest["candidate"] else (
        f" Of the candidates fitted there, another comes closest: {show(again[best])} "
        f"({settings_words(_settings(confirmed, best))})."
    )  # fmt: skip
    found = settings_words(json.loads(nearest["settings"]))
    return (
        f"{count(len(order), 'candidate')} vs {count(len(own), 'student number')} of {source.paper}, {source.place}. "
        f"All students of a candidate share its settings. The paper's own settings would have a distance of 1. "
        f"The closest ({found}) has {show(nearest['distance'])} on the data that ranked it, "
        f"{show(again[nearest['candidate']])} on others.{other} The configured students, tuned on validation data, have "
        f"rank {rank + 1}. Their distances are {show(configured['distance'])} and {show(again[configured['candidate']])}. "
        f"{_order_kept(ranked)} "
        f"Not explained by the closest: {count(len(apart), 'number')} of {len(own)} are more than two units away. Farthest: "
        f"{worst['column']}, {published.words(worst['quantity'])}: paper {worst['published']:g}, ours {show(worst['ours'])}. "
        f"Every number here is {FITTED}: none counts as reproduced."
    )


def _students(rows: Frame) -> Frame:
    return rows[~rows["column"].map(published.is_teacher)]


def _distances(rows: Frame) -> dict[int, float]:
    first = rows.drop_duplicates("candidate")
    return dict(zip(first["candidate"].tolist(), first["distance"].tolist(), strict=True))


def _settings(rows: Frame, candidate: int) -> dict[str, Any]:
    return json.loads(rows.loc[rows["candidate"] == candidate, "settings"].iloc[0])


def _order_kept(ranked: Frame) -> str:
    """How the printed order of the students by their squared error fares under settings tuned and not."""
    kept = {candidate: order_kept(own) for candidate, own in _by_candidate(ranked).items()}
    asked = next(iter(kept.values()))[1]
    if not asked:
        return ""
    configured = int(ranked.loc[ranked["configured"].astype(bool), "candidate"].iloc[0])
    whole = sum(pairs == asked for candidate, (pairs, _) in kept.items() if candidate != configured)
    return (
        f"Of the {count(asked, 'pair')} of students with different published squared errors, the configured keep the order in "
        f"{kept[configured][0]}; {whole} of the {count(len(kept) - 1, 'candidate')} without tuning keep it in all."
    )


def _by_candidate(rows: Frame) -> dict[int, Frame]:
    rows = _students(rows)
    return {int(str(candidate)): own for candidate, own in rows[rows["quantity"] == ERROR].groupby("candidate")}


def order_kept(rows: Frame) -> tuple[int, int]:
    """Pairs of printed columns whose ``published`` values differ: how many are in the same order by ``ours``, and how many."""
    pairs = list(combinations(zip(rows["published"], rows["ours"], strict=True), 2))
    asked = [(a, b) for a, b in pairs if a[0] != b[0]]
    return sum((a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in asked), len(asked)


def closest_head(order: Frame, unit: str) -> list[Column]:
    """Columns of the cells of ``closest``; ``unit``: what a distance is."""
    settings = [Column(key.replace("_", " ")) for key in json.loads(order["settings"].iloc[0])]
    return [Column("Rank", True), *settings, Column("Distance", True, unit, "lower is better")]


def closest(order: Frame) -> Iterator[tuple[Mapping[str, Any], list[Cell], Cell]]:
    """The nearest candidates and the configured one: row; cells of rank, settings and distance; whether it is configured."""
    keys = list(json.loads(order["settings"].iloc[0]))
    for rank, row in enumerate(order.to_dict("records"), 1):
        if rank <= BEST or row["configured"]:
            own = json.loads(row["settings"])
            cells = [Cell(str(rank), "", rank), *(text(setting(own[key])) for key in keys), number(row["distance"])]
            yield row, cells, text(f"{MARKS['passed']} yes" if row["configured"] else "no")


def best_table(name: str, ranked: Frame, confirmed: Frame, order: Frame) -> Table:
    """The nearest candidates, and the configured one wherever it stands."""
    again = _distances(confirmed)
    unit = "root mean square over all published student numbers, in units of the deviation expected of one published run"
    head = closest_head(order, unit)
    head += [Column("On other data", True, "the same on data sets not used for the ranking", "lower is better")]
    head += [Column("Difference", True, "root mean square difference of the published student numbers, on the other data")]
    head += [Column("Teachers", True, "root mean square difference of the published teacher numbers; does not rank", "")]
    head += [Column("Configured"), Column("Verdict", hint="a search tuned the settings to match these numbers")]
    rows = []
    for row, cells, configured in closest(order):
        own = confirmed[confirmed["candidate"] == row["candidate"]]
        teachers = own["column"].map(published.is_teacher)
        cells += [number(again[row["candidate"]]), number(_size(own[~teachers])), number(_size(own[teachers]))]
        rows.append(Row([*cells, configured, text(FITTED)]))
    return Table(
        f"search-students-{name}", f"{name}: the {min(BEST, len(order))} closest of {len(order)} candidates", head, rows
    )


def _size(rows: Frame) -> float:
    return math.sqrt(np.mean(rows["difference"] ** 2)) if len(rows) else math.nan


def strength_table(name: str, ranked: Frame) -> Table | None:
    """Squared error of every student by the strength of the teachers alone; None where the search does not vary it so."""
    configured = json.loads(ranked.loc[ranked["configured"].astype(bool), "settings"].iloc[0])
    ranked = ranked.sort_values("candidate", kind="stable")
    shown = {text_: strength_of(json.loads(text_), configured) for text_ in ranked["settings"].unique()}
    shown = {settings: words for settings, words in shown.items() if words}
    errors = _students(ranked[ranked["quantity"] == ERROR])
    columns = list(dict.fromkeys(errors["column"]))
    if len(shown) < 2 or not columns:
        return None
    head = [
        Column("Strength", hint="weight of the teachers in pseudo-labels per example"),
        *(Column(c, True) for c in columns),
    ]
    head += [Column("Published order", hint="pairs of students with different published errors in the published order")]
    printed = errors.drop_duplicates("column").set_index("column")["published"]
    rows = [Row([text("published"), *(number(printed[c]) for c in columns), text("")])]
    for settings, words in shown.items():
        own = errors[errors["settings"] == settings].set_index("column")
        kept, asked = order_kept(own)
        cells = [Cell(show(own.loc[c, "ours"]), f"se {show(own.loc[c, 'se'])}", own.loc[c, "ours"]) for c in columns]
        rows.append(Row([text(words), *cells, text(f"{kept} of {asked}")]))
    caption = f"{name}: squared error of the probabilities by teacher strength, all else as configured"
    return Table(f"search-strength-{name}", caption, head, rows)


def strength_of(settings: Mapping[str, Any], configured: Mapping[str, Any]) -> str:
    """``kappa = lambda = 5`` for a candidate that differs from the configured one by this alone; "" for others."""
    strength = ("kappa", "lambda", "beta")
    if any(settings[key] != value for key, value in configured.items() if key not in strength):
        return ""
    if settings["lambda"] == AS_CONFIGURED:
        return f"{AS_CONFIGURED}, tuned"
    kappa = settings.get("kappa", settings.get("beta", 1) * settings["lambda"])
    return f"{'kappa = lambda' if 'kappa' in settings else 'lambda'} = {kappa:g}" if kappa == settings["lambda"] else ""
