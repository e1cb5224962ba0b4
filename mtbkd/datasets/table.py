"""Table: your own data from one CSV file, a row an example.

The file has a header. One column holds the label; others may hold ids, the split (train, val, test or ood:<name>) and a
domain; the rest, or those you name, are numeric features. Without a split column the rows are split at random, 60 % train,
20 % val and 20 % test, with the same shares in every class.
"""

import csv
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd import seeds
from mtbkd.artefacts import Dataset
from mtbkd.datasets import Shape
from mtbkd.datasets.preprocess import LabelShare, hide_labels, standardise, stratified_split
from mtbkd.errors import ContractError, nearest

SIMULATED = False
RAW: tuple[str, ...] = ()
SPLIT_SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


class Settings(BaseModel):
    """Where the file lies and what its columns mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(description="the CSV file, relative to the folder that snakemake runs in")
    label: str = Field(description="column of the class; an empty cell is an unlabelled training example")
    id: str | None = Field(None, description="column of the examples' ids; their row numbers when left out")
    split: str | None = Field(None, description="column of the splits; a random split when left out")
    domain: str | None = Field(None, description="column of the domains that teachers may specialise in")
    features: tuple[str, ...] | None = Field(None, min_length=1, description="numeric columns; all others when left out")
    standardise: bool = Field(True, description="centre and scale features by mean and deviation of the training rows")
    label_share: LabelShare = 1.0


def describe(settings: Settings) -> Shape | None:
    """Only the file can tell."""
    return None


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read the file: x (1, N, F), validated; ContractError names file, row and column of what is wrong."""
    path = Path(settings.path)
    columns = _read(path, settings)
    features = settings.features or tuple(c for c in columns if c not in _named(settings))
    x = np.stack([_numbers(path, c, columns[c]) for c in features], axis=1)
    class_names, y = _codes(columns[settings.label])
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0))
    split = np.array(columns[settings.split]) if settings.split else stratified_split(y, SPLIT_SHARES, rng)
    scaled = standardise(x, split == "train")[0] if settings.standardise else x.astype(np.float32)
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), path)
    domain_names, domain = _codes(columns[settings.domain]) if settings.domain else ((), None)
    ids = columns[settings.id] if settings.id else [str(i) for i in range(len(y))]
    return Dataset(
        name=name,
        x=scaled[None],
        y=hidden[None],
        split=split,
        class_names=class_names,
        ids=np.array(ids),
        domain=None if domain is None else domain[None],
        domain_names=domain_names,
        teacher_y=y[None] if settings.label_share < 1 else None,
        card={
            "kind": "table",
            "settings": settings.model_dump(mode="json"),
            "source": settings.path,
            "licence": "yours: not stated",
            "features": list(features),
            "seed": seed,
            "simulated": False,
        },
    ).validate(path)


def _named(settings: Settings) -> tuple[str | None, ...]:
    return settings.label, settings.id, settings.split, settings.domain


def _read(path: Path, settings: Settings) -> dict[str, list[str]]:
    """Column -> cells; every column that the settings name is there."""
    if not path.is_file():
        raise ContractError(path, "file", "nothing", "a CSV file", "the path is relative to the folder snakemake runs in")
    with open(path, newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.reader(handle))
    if len(rows) < 2:
        raise ContractError(path, "rows", len(rows), "a header and at least one row")
    header, body = rows[0], [row for row in rows[1:] if row]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise ContractError(path, f"row {number}", f"{len(row)} cells", f"{len(header)}, as in the header")
    for column in filter(None, (*_named(settings), *(settings.features or ()))):
        if column not in header:
            raise ContractError(path, "columns", f"no '{column}'", ", ".join(header), nearest(column, header))
    return {name: [row[i].strip() for row in body] for i, name in enumerate(header)}


def _numbers(path: Path, column: str, cells: list[str]) -> np.ndarray:
    """The cells of a numeric column as float64 (N,)."""
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        try:
            values[i] = float(cell)
        except ValueError:
            values[i] = np.nan
        if not np.isfinite(values[i]):
            raise ContractError(path, f"row {i + 2}, column '{column}'", repr(cell), "a finite number",
                                "leave the column out by naming the features, or fill the cell")  # fmt: skip
    return values


def _codes(cells: list[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names in sorted order (numbers by value) and the code int64 (N,) of every cell; -1 where empty."""
    numeric = all(cell.lstrip("-").isdigit() for cell in cells if cell)
    names = sorted(set(filter(None, cells)), key=int if numeric else str)
    code = {name: i for i, name in enumerate(names)}
    return tuple(names), np.array([code.get(cell, -1) for cell in cells], dtype=np.int64)
