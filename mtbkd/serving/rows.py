"""New rows of a table for a student that learnt from one: columns are found by name, in any order. N rows, F inputs."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.delimited import Sheet, listed, short
from mtbkd.base.errors import ContractError, nearest
from mtbkd.data.datasets.table_columns import MISSING
from mtbkd.serving.bundle import Bundle


class Rows(NamedTuple):
    """``ids``; ``x`` float64 (N, F) as the user has them, finite; ``told``: what was read, a line each."""

    ids: list[str]
    x: np.ndarray
    told: tuple[str, ...]


def read(path: Path, bundle: Bundle, id_column: str | None, separator: str = ",", encoding: str | None = None) -> Rows:
    """Read a CSV or Parquet file; ids are in ``id_column``, in that of training where the file has it, or row numbers.

    Raises:
        ContractError: the student reads no table; a column that it learnt from is not there; a cell that is no number, or is
            empty though the student knows nothing to fill it with.
    """
    card = bundle.card
    if card.inputs.encoders or len(card.inputs.features) > 1:
        kind = "protein chains" if card.inputs.encoders else f"images of shape {card.inputs.features}"
        hint = "--fasta" if card.inputs.encoders else "--images"
        raise ContractError(f"student {card.method}", "inputs", kind, "a student of tables", hint)
    sheet = _parquet(path) if path.suffix == ".parquet" else delimited.read(path, separator, encoding)
    learnt = card.data.get("id_column")
    id_column = id_column or (learnt if learnt in sheet.header else None)
    ids = sheet.refuse_repeats(sheet.find(id_column)) if id_column else [str(i) for i in range(len(sheet.rows))]
    columns = _columns(sheet, bundle, id_column)
    x = np.stack([sheet.numbers(column, {"", *MISSING}) for column in columns], axis=1)
    known: Mapping[str, float] = card.data.get("imputation", {}).get("values", {})
    told = [f"{len(x):,} rows, {len(columns)} columns, ids: {f"column '{short(id_column)}'" if id_column else 'row numbers'}"]
    for j, column in enumerate(columns):
        holes = np.flatnonzero(np.isnan(x[:, j]))
        if not len(holes):
            continue
        if column not in known:
            raise ContractError(path, sheet.place(holes[0], column), "a missing value", "a number in every cell",
                                "students fitted with --impute fill the columns that had holes then")  # fmt: skip
        x[holes, j] = known[column]
        told.append(f"filled as in training, column {short(column)}: {len(holes):,} missing values")
    used = {*columns, id_column}
    if others := [column for column in sheet.header if column not in used]:
        told.append(f"columns left alone: {listed(others)}")
    return Rows(ids, x, tuple(told))


def _columns(sheet: Sheet, bundle: Bundle, id_column: str | None) -> Sequence[str]:
    """The columns that the student reads, in its order."""
    names, count = bundle.card.inputs.names, prod(bundle.card.inputs.features)
    if not names:
        left = [column for column in sheet.header if column != id_column]
        if len(left) != count:
            expected = f"{count}, as the student learnt columns without names"
            raise ContractError(sheet.path, "columns", f"{len(left)}: {listed(left)}", expected)
        return left
    if lacking := [name for name in names if name not in sheet.header]:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        found, expected = f"no '{short(lacking[0])}'{more} among {listed(sheet.header)}", f"those of training: {listed(names)}"
        raise ContractError(sheet.path, "columns", found, expected, nearest(lacking[0], sheet.header))
    return names


def _parquet(path: Path) -> Sheet:
    """A Parquet file as a sheet of text, so that one reader checks both."""
    from mtbkd.base.reading import damage, regular_file

    regular_file(path, "a table")
    with damage(path, "a Parquet file", "write it again") as file:
        import pandas as pd

        frame = pd.read_parquet(file)
    # pandas keeps an index that has a name, the ids as a rule, apart from the columns
    frame = frame.reset_index([name for name in frame.index.names if name is not None and name not in frame])
    if frame.columns.has_duplicates or not len(frame):
        raise ContractError(path, "content", f"{len(frame)} rows, columns {listed(map(str, frame.columns))}",
                            "rows, and each column once")  # fmt: skip
    cells = zip(*(["" if v is None or v is pd.NA or v != v else repr(v) if isinstance(v, float) else str(v)
                   for v in frame[c].tolist()] for c in frame), strict=True)  # fmt: skip
    return Sheet(path, tuple(map(str, frame.columns)), tuple(cells), tuple(range(1, len(frame) + 1)))
