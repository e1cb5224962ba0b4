"""Tables passed between rules: Parquet files with a seal, read and written a part at a time where they may be large."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base.errors import write_fault
from mtbkd.base.lazy import lazy_import, pd
from mtbkd.base.reading import AGAIN, damage, regular_file
from mtbkd.base.seals import check_seal, seal
from mtbkd.base.writing import atomic

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet
else:
    pa, parquet = lazy_import("pyarrow"), lazy_import("pyarrow.parquet")

# A pandas DataFrame: pandas' own annotations do not describe what indexing returns, so that true ones raise false alarms.
Frame = Any


ROWS = 2**16  # of a group that is written at once
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula at the start of a cell


def cell(value: Any) -> Any:
    """A value of a CSV file for people: foreign text that a spreadsheet would take for a formula gets an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_csv(frame: Frame, path: str | Path) -> None:
    """Write a table for people, completely or not at all."""
    with atomic(path) as temporary:
        text = {name: column.map(cell) for name, column in frame.items() if column.dtype.kind == "O"}
        frame.assign(**text).to_csv(temporary, index=False)


def write_table(frame: Frame, path: str | Path) -> None:
    """Write one sealed table, completely or not at all."""
    with atomic(path) as temporary:
        try:
            frame.to_parquet(temporary, index=False)
            seal(temporary, path)
        except (OSError, MemoryError) as error:
            raise write_fault(error, temporary, path) from error


def write_parts(parts: "Iterable[pa.Table]", schema: "pa.Schema", path: str | Path) -> None:
    """Write one sealed table from parts that come one after another, completely or not at all; small ones are joined."""
    with atomic(path) as temporary:
        try:
            with parquet.ParquetWriter(temporary, schema) as writer:
                waiting: list[pa.Table] = []
                for part in parts:
                    waiting.append(part)
                    if sum(each.num_rows for each in waiting) >= ROWS:
                        writer.write_table(pa.concat_tables(waiting))
                        waiting = []
                if waiting:
                    writer.write_table(pa.concat_tables(waiting))
            seal(temporary, path)
        except (OSError, MemoryError) as error:
            raise write_fault(error, temporary, path) from error


def read_table(
    path: str | Path, expected: str, rule: str, columns: Sequence[str] | None = None, where: Any = None
) -> Frame:  # fmt: skip
    """The table at ``path``.

    Args:
        path: a file of ``write_table`` or ``write_parts``.
        expected: what should be there, for messages.
        rule: the rule that makes it.
        columns: those to read; by default all.
        where: which rows to read, filters as pyarrow takes them; by default all.

    Raises:
        ContractError: nothing there, another kind of file, or content that changed since it was written.
    """
    check_seal(regular_file(path, expected, f"run the rule {rule}"))
    with damage(path, expected, AGAIN) as file:
        return pd.read_parquet(file, columns=None if columns is None else list(columns), filters=where)


def read_arrow(
    path: str | Path, expected: str, rule: str, columns: Sequence[str] | None = None, where: Any = None
) -> "pa.Table":  # fmt: skip
    """The same as pyarrow has it: a fraction of the memory."""
    check_seal(regular_file(path, expected, f"run the rule {rule}"))
    with damage(path, expected, AGAIN) as file:
        if not parquet.read_metadata(file).num_rows:
            where = None  # a column without values has no type that a filter could compare
        return parquet.read_table(file, columns=None if columns is None else list(columns), filters=where)


def read_schema(path: str | Path, expected: str, rule: str) -> "pa.Schema":
    """Its columns."""
    regular_file(path, expected, f"run the rule {rule}")
    with damage(path, expected, AGAIN) as file:
        return parquet.read_schema(file)
