"""Tables passed between rules: Parquet files with a seal."""

from pathlib import Path
from typing import Any

from mtbkd.base.errors import write_fault
from mtbkd.base.lazy import pd
from mtbkd.base.reading import AGAIN, damage, regular_file
from mtbkd.base.seals import check_seal, seal
from mtbkd.base.writing import atomic

# A pandas DataFrame: pandas' own annotations do not describe what indexing returns, so that true ones raise false alarms.
Frame = Any


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


def read_table(path: str | Path, expected: str, rule: str) -> Frame:
    """The table at ``path``.

    Args:
        path: a file of ``write_table``.
        expected: what should be there, for messages.
        rule: the rule that makes it.

    Raises:
        ContractError: nothing there, another kind of file, or content that changed since it was written.
    """
    check_seal(regular_file(path, expected, f"run the rule {rule}"))
    with damage(path, expected, AGAIN) as file:
        return pd.read_parquet(file)
