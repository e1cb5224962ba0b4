"""What the columns of a table mean: labels, splits, domains, ids, numeric features. N rows, F features, K classes."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.delimited import NUMBER, Sheet, listed, short
from mtbkd.base.errors import ContractError, nearest
from mtbkd.contracts.artefacts import SPLITS, TEACHERS

# Words that programs write for a missing value. In a label they may also be classes (Na, None), so that nobody may guess.
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "?", "#N/A", "<NA>", "NaT")
STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda v: float(v.mean()),
    "median": lambda v: float(np.median(v)),
}
LONGEST = 200
SPLIT_RULE = "train, val, test, teachers or ood:<name>"


def feature_names(sheet: Sheet, roles: Sequence[str | None], named: Sequence[str] | None) -> list[str]:
    """The columns of features: those named, or all without another role; ContractError if one of these looks like an id."""
    taken = [sheet.find(role) for role in roles if role is not None]
    if named is not None:
        chosen = [sheet.find(name) for name in named]
        if twice := [c for c in chosen if c in taken or chosen.count(c) > 1]:  # 1e5 and 100000 may name one column
            raise ContractError(sheet.path, "features", f"'{short(twice[0])}' in two roles", "one role per column")
        return chosen
    left = [column for column in sheet.header if column not in taken]
    for column in left:
        ways = f'set `id: "{column}"` if it holds ids, or name the numeric columns under `features`'
        if column in sheet.unnamed:
            raise ContractError(sheet.path, "columns", f"a column without a name (number {sheet.header.index(column) + 1})",
                                "a name for every feature", ways)  # fmt: skip
        if column.casefold() in ("id", "ids", "index"):
            raise ContractError(sheet.path, "columns", f"'{column}', which no setting mentions", "features only", ways)
    if not left:
        raise ContractError(sheet.path, "columns", f"no feature is left besides {listed(taken)}", "at least one numeric column")
    return left


def labels(sheet: Sheet, column: str, missing: Sequence[str] | None) -> list[str]:
    """The cells (N,) of the label's column, "" where there is no label; ContractError for a word that may mean so."""
    cells = sheet.column(column)
    if missing is None:
        odd = [i for i, cell in enumerate(cells) if cell in MISSING]
        if odd:
            words = list(dict.fromkeys(cells[i] for i in odd))
            hint = f"set `missing: [{', '.join(map(repr, words))}]` if they mean 'no label', `missing: []` if they are classes"
            found = f"{listed(map(repr, words))} in {len(odd)} rows"
            raise ContractError(sheet.path, sheet.place(odd[0], sheet.find(column)), found, "a class or an empty cell", hint)
    filled = [cell for cell in cells if cell and cell not in (missing or ())]
    if (kinds := len(set(filled))) < 2 or kinds == len(filled) > 2:
        raise ContractError(sheet.path, f"column '{column}'", f"{kinds} different labels in {len(filled)} labelled rows",
                            "two or more classes, several rows per class", "is this the column of the label?")  # fmt: skip
    return ["" if cell in (missing or ()) else cell for cell in cells]


def classes(sheet: Sheet, column: str, cells: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names (K,) in sorted order (whole numbers by value) and the code int64 (N,) of every cell; -1 where empty."""
    first: dict[str, int] = {}
    for i, cell in enumerate(cells):
        first.setdefault(cell, i)
    first.pop("", None)
    for name, row in first.items():
        delimited.refuse_invisible(name, sheet.path, sheet.place(row, column))
        if len(name) > LONGEST:
            raise ContractError(sheet.path, sheet.place(row, column), f"a name of {len(name)} characters", f"at most {LONGEST}")
    _refuse_twins(sheet, column, first)
    numeric = all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in first)
    names = sorted(first, key=(lambda name: (int(name), name)) if numeric else str)
    code = {name: i for i, name in enumerate(names)}
    return tuple(names), np.array([code.get(cell, -1) for cell in cells], dtype=np.int64)


def _refuse_twins(sheet: Sheet, column: str, first: dict[str, int]) -> None:
    """ContractError if two names are the same number or the same text, written in two ways: 1 and 1.0, 1 and 01."""
    seen: dict[object, str] = {}
    for name in first:
        alike = float(name) if NUMBER.fullmatch(name) else " ".join(unicodedata.normalize("NFKC", name).split())
        if alike in seen:
            other = seen[alike]
            found = f"'{short(name)}', and '{short(other)}' on {sheet.place(first[other])}"
            raise ContractError(sheet.path, sheet.place(first[name], column), found, "one spelling per class")
        seen[alike] = name


def domains(sheet: Sheet, column: str) -> list[str]:
    """The cells (N,) of the domain's column; ContractError if one is empty."""
    cells = sheet.column(column)
    if "" in cells:
        raise ContractError(sheet.path, sheet.place(cells.index(""), column), "an empty cell", "a domain in every row")
    return cells


def splits(sheet: Sheet, column: str) -> np.ndarray:
    """The splits (N,) of a column; ContractError names the first cell that is none, with the nearest legal word."""
    cells = sheet.column(column)
    for row, cell in enumerate(cells):
        check_split(cell, sheet.path, sheet.place(row, sheet.find(column)))
    _refuse_lacking(cells, sheet.path, column)
    return np.array(cells)


def check_split(name: str, path: Path, place: str) -> None:
    """ContractError, with the nearest legal word, if ``name`` is no split."""
    if name not in (*SPLITS, TEACHERS) and not re.fullmatch(r"ood:[A-Za-z0-9_.-]{1,100}", name):
        close = {"training": "train", "valid": "val", "validation": "val", "dev": "val"}.get(name.lower())
        hint = f"did you mean '{close}'?" if close else nearest(name.lower(), SPLITS)
        raise ContractError(path, place, f"'{short(name)}'", SPLIT_RULE, hint)


def splits_by_id(path: Path, ids: Sequence[str]) -> np.ndarray:
    """The splits (N,) of a file with the columns id and split; ContractError unless its ids are those of the table."""
    sheet = delimited.read(path, expected="a CSV file with the columns id and split")
    own, found = sheet.refuse_repeats("id"), splits(sheet, "split")
    of = dict(zip(own, found.tolist(), strict=True))
    for told, lacking in (
        ("of the table are missing", [i for i in ids if i not in of]),
        ("that are not in the table", set(own) - set(ids)),
    ):
        if lacking:
            names = listed(sorted(map(repr, lacking)), 3)
            raise ContractError(path, "id", f"{len(lacking)} ids {told}: {names}", "the ids of the table",
                                "make it again: mtbkd split, with the same --id")  # fmt: skip
    return np.array([of[i] for i in ids])


def _refuse_lacking(cells: Sequence[str], path: Path, column: str) -> None:
    for split in SPLITS:
        if split not in cells:
            raise ContractError(path, f"column '{column}'", f"no row of '{split}'", "rows of train, val and test")


def refuse_unlabelled(sheet: Sheet, column: str, y: np.ndarray, split: np.ndarray) -> None:
    """ContractError if a row of val, test or teachers has no label."""
    odd = np.flatnonzero((y < 0) & np.isin(split, ("val", "test", TEACHERS)))
    if len(odd):
        found = f"no label in {len(odd)} rows of val, test or teachers"
        raise ContractError(sheet.path, sheet.place(odd[0], column), found, "a label outside train", "leave these rows out")
    lacking = [name for name in SPLITS if not (split == name).any()]
    if lacking:
        raise ContractError(sheet.path, "rows", f"{int((y >= 0).sum())} labelled, too few: none is left for {listed(lacking)}",
                            "rows for train, val and test", "at least five rows per class")  # fmt: skip


def features(
    sheet: Sheet, columns: Sequence[str], train: np.ndarray, impute: str | None, missing: Sequence[str] | None
) -> tuple[np.ndarray, dict[str, Any]]:
    """Numbers float64 (N, F), and what the card says of those that were filled.

    Args:
        columns: F names.
        train: bool (N,), the rows whose statistics fill the holes.
        impute: the statistic, or None: holes are refused, all counted in one message.
        missing: words for a hole beside the empty cell; those that programs write where None.
    """
    words = {"", *(MISSING if missing is None else missing)}
    x = np.stack([sheet.numbers(column, words) for column in columns], axis=1)
    x[np.isin(x, [float(word) for word in words if NUMBER.fullmatch(word)])] = np.nan  # -999 is also -999.0
    holes = {c: np.flatnonzero(np.isnan(v)) for c, v in zip(columns, x.T, strict=True) if np.isnan(v).any()}
    if not holes:
        return x, {}
    if impute is None:
        column, rows = next(iter(holes.items()))
        found = f"{sum(map(len, holes.values()))} missing values in {len(holes)} columns ({listed(holes)})"
        raise ContractError(sheet.path, sheet.place(rows[0], column), found, "a number in every cell",
                            "set `impute: median` or `impute: mean`, or drop columns with `features`")  # fmt: skip
    values = {}
    for column, rows in holes.items():
        j = columns.index(column)
        known = x[train & np.isfinite(x[:, j]), j]
        if not len(known):
            raise ContractError(sheet.path, f"column '{column}'", "no value in any training row", "values to impute from")
        x[rows, j] = values[column] = STATISTICS[impute](known)
    told = ", ".join(f"{short(column)} {len(rows)} of {len(x)}" for column, rows in list(holes.items())[:12])
    more = f" and {len(holes) - 12} more columns" if len(holes) > 12 else ""
    return x, {
        "imputed": f"missing values filled with the {impute} of the training rows: {told}{more}",
        "imputation": {"statistic": impute, "values": values},
    }
