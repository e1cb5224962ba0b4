"""Real tables of the R package mlbench: 14 classification tasks of the UCI repository, read from its data frames by rdata.

Preprocessing, the same for all tables:
- ids and what only names a row are dropped (``Spec.dropped``), and columns of one value;
- numbers, ordered factors (as ranks) and factors of two levels (as 0 and 1) are one feature each, and one more that says where
  a value is missing, if any is; a missing value becomes the mean of the training rows of the replicate (SimpleImputer);
- other factors are one feature a level, of 0 and 1; missing is a level of its own;
- every feature is centred and scaled by the training rows of the replicate.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, resampled
from mtbkd.data.datasets.mlbench_tables import SPECS, Spec

if TYPE_CHECKING:
    import pandas as pd

SIMULATED = False
RESAMPLED = True
RAW = tuple(f"mlbench/{table}.rda" for table in SPECS)
MISSING = "missing"


class Settings(resampled.Splits):
    """The table, and the shares of its splits."""

    table: Literal[tuple(SPECS)] = Field(description="name of the table in mlbench")  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _fits_the_table(self) -> Self:
        describe(self)
        return self


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return resampled.shape(settings, SPECS[settings.table].known)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Key of the raw file to download."""
    return (f"mlbench/{settings.table}.rda",)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read the table, split it once per replicate: x (R, N, F), validated; ContractError if the file is another."""
    spec, path = SPECS[settings.table], raw / raw_files(settings)[0]
    table = encoded(read(path, settings.table), spec)
    spec.known.check(table, path)
    card = {
        "kind": "mlbench",
        "source": f"UCI table {settings.table}, as a data frame of the R package mlbench 2.1-8 (Leisch, Dimitriadou)",
        "licence": "GPL-2 (package); data from the UCI repository",
        "Columns left out": spec.why_dropped or "none but those of one value",
        "Categories": "ordered and two-valued ones as ranks, others as one feature a value, where missing is a value",
        "imputed": "mean of the training rows, and a feature that says where" if _holes(table) else "none are missing",
    }
    return resampled.prepare(name, table, settings, seed, replicates, card)


def read(path: Path, table: str) -> "pd.DataFrame":
    """The data frame ``table`` of an .rda file; ContractError if there is none."""
    import rdata

    try:
        found = rdata.read_rda(path)
    except FileNotFoundError:
        raise ContractError(path, "file", "missing", "the raw file", "run the rule that downloads it") from None
    except Exception as error:  # rdata has no error of its own
        raise ContractError(path, "content", f"{type(error).__name__}: {error}", "an R data frame") from error
    if table not in found:
        raise ContractError(path, "objects", ", ".join(found) or "none", table)
    return found[table]


class _Feature(NamedTuple):
    name: str
    values: np.ndarray  # float64 (M,), NaN where missing


def encoded(frame: "pd.DataFrame", spec: Spec) -> resampled.Table:
    """The frame as numbers; see the module's docstring."""
    label = frame[spec.label].cat
    columns = [c for c in frame.columns if c != spec.label and c not in spec.dropped]
    features = [feature for column in columns for feature in _features(frame[column], column in spec.ranked)]
    varying = [f for f in features if np.nanmin(f.values) < np.nanmax(f.values) or np.isnan(f.values).any()]
    return resampled.Table(
        x=np.stack([feature.values for feature in varying], axis=1),
        y=label.codes.to_numpy().astype(np.int64),
        class_names=tuple(map(str, label.categories)),
        features=tuple(feature.name for feature in varying),
        columns={c: _categories(frame[c]) for c in spec.known.columns},
    )


def _features(column: Any, ranked: bool) -> Iterator[_Feature]:
    """The numbers that one column (pandas.Series of M rows) becomes."""
    name = str(column.name)
    missing = column.isna().to_numpy()
    if column.dtype == "category" and not (ranked or column.cat.ordered or len(column.cat.categories) <= 2):
        values, codes = _categories(column)
        for code, value in enumerate(values):
            yield _Feature(f"{name}={value}", (codes == code).astype(np.float64))
        return
    numbers = column.cat.codes if column.dtype == "category" else column
    values = numbers.to_numpy(np.float64, na_value=np.nan)
    yield _Feature(name, np.where(missing, np.nan, values))
    if missing.any():
        yield _Feature(f"{name}={MISSING}", missing.astype(np.float64))


def _categories(column: Any) -> tuple[tuple[str, ...], np.ndarray]:
    """Values that occur, in the order of the factor, ``missing`` last, and the code (M,) of each row's."""
    text = column.astype("object").where(column.notna(), MISSING).astype(str).to_numpy()
    known = [*map(str, column.cat.categories), MISSING]
    values = tuple(value for value in known if (text == value).any())
    return values, np.array([values.index(value) for value in text])


def _holes(table: resampled.Table) -> bool:
    return bool(np.isnan(table.x).any())
