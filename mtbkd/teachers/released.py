"""Released teachers: logits from files, the authors' or your own.

The authors' files carry logits although they are named probs, no ids, and a header in some files only: rows are those of
their data files in order, which the known test accuracy checks. Your own file is a CSV with a column ``id`` and one column
a class, named by the class; its rows may come in any order.
"""

import csv
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.artefacts import Dataset, Logits, ids_digest
from mtbkd.errors import ContractError, nearest
from mtbkd.teachers import accuracy_card

# Raw files of the authors' release, by the splits that their rows are, in the order of the data files.
SOURCES = {
    "mtbkd/esm2_650m": {("train", "val"): "mtbkd/ESM_650M_probs_sample.csv", ("test",): "mtbkd/ESM_650M_probs_test.csv"},
    "mtbkd/prott5": {("train", "val"): "mtbkd/T5_probs_sample.csv", ("test",): "mtbkd/T5_probs_test.csv"},
}


class Settings(BaseModel):
    """Where the values lie; exactly one of ``source`` and ``path``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["mtbkd/esm2_650m", "mtbkd/prott5"] | None = Field(None, description="a release that mtbkd knows")
    path: str | None = Field(None, description="your own CSV: a column id and one column a class")
    values: Literal["logits", "probabilities"] = Field("logits", description="what the numbers are")
    expected_accuracy: float | None = Field(
        None, ge=0, le=1, description="known accuracy on the test split, to three decimals: catches rows in another order"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.source is None) == (self.path is None):
            raise ValueError("allowed: exactly one of source and path")
        return self


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Raw files that the source needs; your own file is no raw file."""
    return tuple(SOURCES[settings.source].values()) if settings.source else ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Read the logits, in the order of ``dataset``; ContractError names the file and the row of what is wrong."""
    values, covered = _by_position(settings, dataset, raw) if settings.source else _by_id(Path(str(settings.path)), dataset)
    where = settings.source or settings.path
    if settings.values == "probabilities":
        values = _log(values, covered, where)
    logits = values[None].astype(np.float32)
    accuracy = accuracy_card(logits, dataset, covered)
    expected = settings.expected_accuracy
    if expected is not None and abs(accuracy.get("test", -1) - expected) > 1e-3:
        raise ContractError(where, "accuracy on the test split", accuracy.get("test", "no test rows"), f"{expected}",
                            "are the rows in another order than the data?")  # fmt: skip
    card = {"settings": settings.model_dump(mode="json"), "source": where, "accuracy": accuracy}
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset, where)


def _by_position(settings: Settings, dataset: Dataset, raw: Path) -> tuple[np.ndarray, np.ndarray]:
    values = np.zeros((dataset.num_examples, dataset.num_classes))
    covered = np.zeros(dataset.num_examples, bool)
    for splits, key in SOURCES[str(settings.source)].items():
        table = _read_matrix(raw / key, dataset.num_classes)
        rows = np.flatnonzero(np.isin(dataset.split, splits))
        if len(table) != len(rows):
            raise ContractError(raw / key, "rows", len(table), f"{len(rows)}, the examples of {' + '.join(splits)}")
        values[rows], covered[rows] = table, True
    return values, covered


def _by_id(path: Path, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise ContractError(path, "file", "nothing", "a CSV file with an id column and one column a class")
    with open(path, newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    columns = list(rows[0]) if rows else []
    for column in ("id", *dataset.class_names):
        if column not in columns:
            raise ContractError(path, "columns", f"no '{column}' among {columns}", f"id, {', '.join(dataset.class_names)}",
                                nearest(column, columns))  # fmt: skip
    by_id = {row["id"]: (i, row) for i, row in enumerate(rows, start=2)}
    if len(by_id) < len(rows):
        raise ContractError(path, "id", "repeated ids", "one row an id")
    covered = np.array([i in by_id for i in dataset.ids.tolist()])
    for split in dataset.splits():
        at = dataset.split == split
        if covered[at].any() and not covered[at].all():
            missing = dataset.ids[at & ~covered]
            raise ContractError(path, "id", f"{len(missing)} ids of '{split}' missing, the first is {missing[0]}",
                                "all examples of a split, or none")  # fmt: skip
    values = np.zeros((dataset.num_examples, dataset.num_classes))
    for n in np.flatnonzero(covered):
        number, row = by_id[dataset.ids[n]]
        values[n] = _numbers(path, number, [row[c] for c in dataset.class_names])
    return values, covered


def _read_matrix(path: Path, num_classes: int) -> np.ndarray:
    """Numbers (rows, K) of a CSV without ids, with or without a header that counts the columns."""
    with open(path, newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    header = bool(rows) and rows[0] == [str(k) for k in range(len(rows[0]))]
    first = 2 if header else 1
    for number, row in enumerate(rows[header:], start=first):
        if len(row) != num_classes:
            raise ContractError(path, f"row {number}", f"{len(row)} columns", f"{num_classes}, one a class")
    return np.stack([_numbers(path, number, row) for number, row in enumerate(rows[header:], start=first)])


def _numbers(path: Path, number: int, cells: list[str]) -> np.ndarray:
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise ContractError(path, f"row {number}", str(error), "numbers") from None
    if not np.isfinite(values).all():
        raise ContractError(path, f"row {number}", "NaN or infinite values", "finite numbers")
    return values


def _log(prob: np.ndarray, covered: np.ndarray, where: object) -> np.ndarray:
    rows = prob[covered]
    if (rows <= 0).any():
        raise ContractError(where, "probabilities", f"{int((rows <= 0).sum())} values <= 0", "values > 0",
                            "a probability of 0 has no logit: smooth the teacher")  # fmt: skip
    if not np.allclose(rows.sum(1), 1, atol=1e-3):
        raise ContractError(where, "probabilities", "rows that do not sum to 1", "probabilities",
                            "set values: logits if these are logits")  # fmt: skip
    return np.log(prob, where=covered[:, None], out=np.zeros_like(prob))
