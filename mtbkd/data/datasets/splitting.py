"""Split a table before teachers are trained: ids and splits in a file that the dataset's setting ``splits`` reads back.

Without groups the split is the one of the dataset kind ``table``: the same shares in every class. With a column of groups no
group stands in two splits (scikit-learn's StratifiedGroupKFold: of five folds one is test, one val). N rows.
"""

import argparse
import csv

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.base.explain import validate
from mtbkd.base.writing import atomic
from mtbkd.contracts.artefacts import SPLITS
from mtbkd.data.datasets import table_columns
from mtbkd.data.datasets.table import Settings, draw_splits

FOLDS = 5  # one for test, one for val: 20 % each


def run(asked: argparse.Namespace) -> None:
    """Read the table, draw, write; ContractError for anything wrong with the file or the options."""
    if asked.out.exists():
        raise ContractError(
            asked.out, "--out", "a file that exists", "a new name", "teachers may have been trained on that split"
        )
    if asked.seed < 0:
        raise ContractError("--seed", "value", asked.seed, "an integer >= 0")
    settings = _settings(asked)
    sheet = delimited.read(asked.table, settings.separator, settings.encoding)
    labels = table_columns.labels(sheet, settings.label, settings.missing)
    _, y = table_columns.classes(sheet, settings.label, labels)
    ids = sheet.refuse_repeats(settings.id) if settings.id else [str(i) for i in range(len(y))]
    split = draw_splits(y, np.random.default_rng(asked.seed))
    if asked.group is not None:
        split = grouped_splits(sheet, asked.group, y, asked.seed)
    table_columns.refuse_unlabelled(sheet, settings.label, y, split)
    with atomic(asked.out) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("id", "split"), *zip(ids, split.tolist(), strict=True)])
    print(f"{asked.out}: " + ", ".join(f"{name} {int((split == name).sum()):,}" for name in SPLITS))


def _settings(asked: argparse.Namespace) -> Settings:
    """The options as the settings of a table, checked like these."""
    names = ("label", "id", "separator", "encoding", "missing")
    content = {name: value for name in names if (value := getattr(asked, name)) is not None}
    settings, mistakes = validate(Settings, {"path": str(asked.table), **content})
    if settings is None:
        raise ConfigError("; ".join(f"--{mistake}" if mistake.path else f"options: {mistake.text}" for mistake in mistakes))
    return settings


def grouped_splits(sheet: delimited.Sheet, column: str, y: np.ndarray, seed: int) -> np.ndarray:
    """Splits (N,) in which no group of the column stands twice; ContractError if that cannot be."""
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.array(sheet.column(column))
    empty = np.flatnonzero(groups == "")
    if len(empty):
        raise ContractError(sheet.path, sheet.place(empty[0], column), "an empty cell", "a group in every row")
    labelled = y >= 0
    mixed = sorted(set(groups[labelled]) & set(groups[~labelled]))
    if mixed:
        raise ContractError(sheet.path, f"column '{column}'", f"groups of labelled and unlabelled rows, such as '{mixed[0]}'",
                            "groups with a label in every row or in none", "unlabelled rows are training rows")  # fmt: skip
    count = len(set(groups[labelled]))
    if count < FOLDS or np.bincount(y[labelled]).max() < FOLDS:
        expected = f"at least {FOLDS}, and as many rows of a class"
        raise ContractError(sheet.path, f"column '{column}'", f"{count} groups of labelled rows", expected)
    split = np.full(len(y), "train", dtype="<U5")
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    rows = np.flatnonzero(labelled)
    for name, (_, held) in zip(("test", "val"), folds.split(rows, y[labelled], groups[labelled]), strict=False):
        split[rows[held]] = name
    return split
