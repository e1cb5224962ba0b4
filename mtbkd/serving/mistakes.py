"""Every mistake in a table and its teachers' files: readers stop at the first, here their steps are tried one by one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.delimited import Sheet
from mtbkd.base.errors import MtbkdError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.data.datasets import table, table_columns
from mtbkd.serving.advice import Reading, logits_of
from mtbkd.teachers import released, released_files
from mtbkd.teachers.released_files import Given

TEXT = (".csv", ".tsv", ".txt")


class Mistakes(list[str]):
    """What was wrong, each once, in the order in which it was met."""

    def tried[T](self, read: Callable[[], T]) -> T | None:
        """What ``read`` returns, or None and its mistake."""
        try:
            return read()
        except MtbkdError as error:
            if str(error) not in self:
                self.append(str(error))
            return None


def of_table(settings: table.Settings, mistakes: Mistakes) -> None:
    """Collect what is wrong with a table, as far as one mistake does not hide another."""
    sheet = mistakes.tried(lambda: delimited.read(Path(settings.path), settings.separator, settings.encoding))
    if sheet is None:
        return
    found = [mistakes.tried(partial(sheet.find, role)) for role in filter(None, settings.roles())]
    if settings.label in sheet.header:
        labels = mistakes.tried(lambda: table_columns.labels(sheet, settings.label, settings.missing))
        mistakes.tried(lambda: table_columns.classes(sheet, settings.label, labels or ()))
    ids = None
    if settings.id is None or settings.id in sheet.header:
        ids = mistakes.tried(
            lambda: sheet.refuse_repeats(settings.id) if settings.id else [str(i) for i in range(len(sheet.rows))]
        )
    if settings.split in sheet.header:
        mistakes.tried(lambda: table_columns.splits(sheet, str(settings.split)))
    if settings.splits and ids is not None:
        mistakes.tried(lambda: table_columns.splits_by_id(Path(str(settings.splits)), ids))
    if None not in found or settings.features:  # else a column that is taken for a feature may be the one that was meant
        _of_features(settings, sheet, mistakes)


def _of_features(settings: table.Settings, sheet: Sheet, mistakes: Mistakes) -> None:
    roles = [role for role in settings.roles() if role in sheet.header]
    named = [mistakes.tried(lambda name=name: sheet.find(name)) for name in settings.features or ()]
    chosen = [name for name in named if name is not None] if settings.features else None
    columns = mistakes.tried(lambda: table_columns.feature_names(sheet, roles, chosen))
    holes = {"", *(table_columns.MISSING if settings.missing is None else settings.missing)}
    sound = [c for c in columns or () if mistakes.tried(lambda c=c: sheet.numbers(c, holes)) is not None]
    if sound:
        every = np.ones(len(sheet.rows), bool)
        mistakes.tried(lambda: table_columns.features(sheet, sound, every, settings.impute, settings.missing))


def of_teacher(name: str, path: Path, dataset: Dataset | None, how: Reading, mistakes: Mistakes) -> Logits | None:
    """The teacher, or None and what is wrong with its file; without a dataset only what the file shows by itself."""
    if dataset is not None:
        found = mistakes.tried(lambda: logits_of(name, path, None, dataset, how))
        if found is not None:
            return found
    given = mistakes.tried(lambda: released_files.read(path, how.id))
    if given is None and any(suffix in TEXT for suffix in path.suffixes):
        given = _read_in_parts(path, how.id, mistakes)
    if given is not None and dataset is not None:
        mistakes.tried(lambda: released.in_class_order(path, given, dataset, how.missing_class == "floor"))
        mistakes.tried(lambda: released.positions(path, given, dataset, False))
    return None


def _read_in_parts(path: Path, id_column: str, mistakes: Mistakes) -> Given | None:
    """Ids and class names of a text file whose other cells may be wrong, with numbers of no meaning."""
    sheet = mistakes.tried(lambda: released_files.sheet_of(path))
    if sheet is None or id_column not in sheet.header:
        return None
    names = [column for column in sheet.header if column != id_column]
    for column in names:
        mistakes.tried(lambda column=column: sheet.numbers(column))
    ids = mistakes.tried(lambda: sheet.refuse_repeats(id_column))
    ids = list(dict.fromkeys(sheet.column(id_column))) if ids is None else ids
    return Given(np.zeros((len(ids), len(names))), ids, names, [sheet.place(i) for i in range(len(ids))])
