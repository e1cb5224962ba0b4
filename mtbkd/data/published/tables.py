"""The papers' printed numbers: one CSV per table, and sources.csv: where each is from and what it may be compared with.

A table that can be set beside an experiment has a column ``row`` (a quantity) and one column per method; T1, T2, ... are
the teachers in order. Its quantities are ``acc_overall``, ``acc_b<i>`` (the i-th domain), ``mse_p`` and ``mae_p`` (squared
and absolute error of P(Y=1) where there are two classes, which is our mean over classes). Of a method with draws, ``mse_p`` is
the error of the mode of each probability's kernel density, which MT-BKD predicts with, not that of their mean.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd.base import delimited
from mtbkd.base.errors import ContractError, nearest

FOLDER = Path(__file__).parent
SOURCES = "sources"
METRIC_OF = {"acc_overall": "accuracy", "acc_kde": "accuracy_kde_mode", "mse_p": "mse_prob", "mae_p": "mae_prob"}
OF_MODE = {"mse_prob": "mse_prob_kde_mode"}  # what the papers print of a method with draws


@dataclass(frozen=True)
class Source:
    """Where a table is from.

    Attributes:
        table, paper, place: its name here, the paper, the place in it.
        dataset_kind: module of mtbkd/data/datasets that makes such data, or "".
        examples: examples of all splits together, or None where that does not decide.
        dataset_settings, student: settings without which numbers cannot be compared.
        note: what else to know.
    """

    table: str
    paper: str
    place: str
    dataset_kind: str
    examples: int | None
    dataset_settings: dict[str, Any]
    student: dict[str, Any]
    note: str


@dataclass(frozen=True)
class Number:
    """A printed number; ``half_unit`` is half a unit of its last digit: it was rounded from ``value`` +- ``half_unit``."""

    quantity: str
    column: str
    value: float
    half_unit: float


def names() -> list[str]:
    """All tables."""
    return sorted(path.stem for path in FOLDER.glob("*.csv") if path.stem != SOURCES)


def read(table: str) -> list[dict[str, str]]:
    """The rows of a table as printed; ContractError names the tables there are."""
    path = FOLDER / f"{table}.csv"
    if table not in names():
        raise ContractError("published", "table", f"'{table}'", ", ".join(names()), nearest(table, names()))
    return delimited.read(path).records()


def source(table: str) -> Source:
    """Where ``table`` is from."""
    row = next((row for row in delimited.read(FOLDER / f"{SOURCES}.csv").records() if row["table"] == table), None)
    if row is None:
        raise ContractError(FOLDER / f"{SOURCES}.csv", "table", "no row", f"a row for '{table}'")
    loaded = {name: json.loads(row[name]) for name in ("dataset_settings", "student")}
    return Source(**{**row, **loaded, "examples": int(row["examples"]) if row["examples"] else None})


def numbers(table: str) -> list[Number]:
    """Every number of a table with a column ``row``; [] for the others."""
    rows = read(table)
    if not rows or "row" not in rows[0]:
        return []
    pairs = [(row["row"], column, text) for row in rows for column, text in row.items() if column != "row" and text]
    return [Number(quantity, column, float(text), half_unit(text)) for quantity, column, text in pairs]


def half_unit(text: str) -> float:
    """.005 for ``0.83``."""
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def metric_of(quantity: str, domain_names: Sequence[str]) -> tuple[str, str] | None:
    """(metric, domain) of metrics.parquet for a printed quantity, or None where we have no such number."""
    if quantity in METRIC_OF:
        return METRIC_OF[quantity], "all"
    found = re.fullmatch(r"acc_b(\d+)", quantity)
    if found and 1 <= int(found[1]) <= len(domain_names):
        return "accuracy", domain_names[int(found[1]) - 1]
    return None


def words(quantity: str) -> str:
    """A printed quantity in words."""
    errors = {"mse_p": "squared", "mae_p": "absolute"}
    known = {name: f"{kind} error of the probabilities" for name, kind in errors.items()}
    known |= {"acc_overall": "accuracy", "acc_kde": "accuracy of the class with the largest mode of its probability"}
    found = re.fullmatch(r"acc_b(\d+)", quantity)
    return f"accuracy on domain {found[1]}" if found else known.get(quantity, quantity)


def columns_of(table: str) -> set[str]:
    """The columns of a table that can stand beside an experiment; empty for the others."""
    return {number.column for number in numbers(table)}


def is_teacher(column: str) -> bool:
    """Whether a printed column is one of a teacher."""
    return re.fullmatch(r"T\d+", column) is not None


def method_of(column: str, teachers: Sequence[str], columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Our teachers or methods that a printed column stands for; ``columns`` is method -> its columns."""
    found = re.fullmatch(r"T(\d+)", column)
    if found:
        return list(teachers[int(found[1]) - 1 : int(found[1])])
    return [method for method, names in columns.items() if column in names]
