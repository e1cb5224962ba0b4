"""Table: your own data from one CSV file, one row per example.

The file has a header. One column holds the label; others may hold ids, the split (train, val, test, teachers for rows that
only teachers learn from, or ood:<name>) and a domain; the rest, or those you name, are numeric features. Without splits the
labelled rows are split at random, 60 % train, 20 % val and 20 % test, with the same shares in every class; rows without label
are training rows.

Teachers that you train elsewhere must not see the test rows: split first, ``mtbkd split table.csv --label y --out splits.csv``,
and name that file under ``splits``.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mtbkd.base import delimited, seeds
from mtbkd.base.delimited import Encoding, Separator, Sheet
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.base.explain import distinct
from mtbkd.contracts.artefacts import TEACHERS, Dataset
from mtbkd.data.datasets import Shape, domains, table_columns
from mtbkd.data.datasets.domains import Domains
from mtbkd.data.datasets.doubts import suspect_features
from mtbkd.data.preprocess import LabelShare, Scaling, hide_labels, scaling, stratified_split

SIMULATED = False
RAW: tuple[str, ...] = ()
SPLIT_SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
ROW_NUMBERS = "row numbers, from 0"

# YAML reads a column named 2020 or 1e5 as a number.
Name = Annotated[str, Field(min_length=1), BeforeValidator(lambda name: str(name) if type(name) in (int, float) else name)]


class Settings(BaseModel):
    """Where the file lies and what its columns mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, description="CSV file, plain or gzipped, relative to the working directory of snakemake")
    label: Name = Field(description="column with the class; an empty cell is an unlabelled training example")
    id: Name | None = Field(None, description="column with the example ids; default: row numbers from 0")
    split: Name | None = Field(None, description="column with the splits; default: a random split")
    splits: str | None = Field(
        None, min_length=1, description="CSV file of ids and splits as written by `mtbkd split`, instead of a column"
    )
    domain: Name | None = Field(None, description="column with the domains that teachers may specialise in")
    domains: Domains | None = Field(None, description="domains by clusters of the inputs or by groups of classes")
    features: tuple[Name, ...] | None = Field(
        None, min_length=1, description="feature columns, numeric; default: all other columns"
    )
    separator: Separator = Field(",", description="separator between cells")
    encoding: Encoding | None = Field(None, description="encoding of the file; default: UTF-8")
    missing: tuple[Name, ...] | None = Field(
        None, description="words for a missing label or feature, in addition to the empty cell; [] for none"
    )
    impute: Literal["mean", "median"] | None = Field(
        None,
        description="fill missing features with this statistic of the training rows; default: missing features are an error",
    )
    standardise: bool = Field(True, description="standardise features by mean and standard deviation of the training rows")
    label_share: LabelShare = 1.0

    @model_validator(mode="after")
    def _one_meaning_a_column(self) -> Self:
        distinct(tuple(filter(None, (*self.roles(), *(self.features or ())))))
        if self.split and self.splits:
            raise ValueError("allowed: one of split (a column) and splits (a file)")
        if self.domains and (self.domain or self.domains.by == "column"):
            raise ValueError("allowed: one of domain (a column) and domains (by: cluster or by: classes)")
        return self

    def roles(self) -> tuple[str | None, ...]:
        """The columns that are no features."""
        return self.label, self.id, self.split, self.domain


def describe(settings: Settings) -> Shape | None:
    """Known only from the file."""
    return None


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read the file: x (1, N, F), validated; ContractError names file, line and column of what is wrong."""
    path = Path(settings.path)
    sheet = delimited.read(path, settings.separator, settings.encoding)
    columns = table_columns.feature_names(sheet, settings.roles(), settings.features)
    labels = table_columns.labels(sheet, settings.label, settings.missing)
    class_names, y = table_columns.classes(sheet, settings.label, labels)
    ids = sheet.refuse_repeats(settings.id) if settings.id else [str(i) for i in range(len(y))]
    split = _splits(sheet, settings, y, ids, seed)
    x, filled = table_columns.features(sheet, columns, split == "train", settings.impute, settings.missing)
    table_columns.refuse_unlabelled(sheet, settings.label, y, split)
    known = scaling(x, split == "train") if settings.standardise else Scaling.none(len(columns))
    scaled = known.apply(x)
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), path)
    hidden[split == TEACHERS] = -1
    domain_names, domain = _domains(sheet, settings, scaled, y, class_names, seed)
    return Dataset(
        name=name,
        x=scaled[None],
        y=hidden[None],
        split=split,
        class_names=class_names,
        ids=np.array(ids),
        domain=None if domain is None else domain[None],
        domain_names=domain_names,
        teacher_y=y[None] if settings.label_share < 1 or (split == TEACHERS).any() else None,
        card={
            "kind": "table",
            "settings": settings.model_dump(mode="json"),
            "source": settings.path,
            "licence": "yours: not stated",
            "ids": f"column '{settings.id}'" if settings.id else ROW_NUMBERS,
            **({"id_column": settings.id} if settings.id else {}),
            "features": columns,
            "scaling": known.card(),
            **filled,
            **({"domains": settings.domains.told()} if settings.domains else {}),
            "warnings": suspect_features(x, columns, y, split, known),
            "seed": seed,
            "simulated": False,
        },
    ).validate(path)


def _splits(sheet: Sheet, settings: Settings, y: np.ndarray, ids: list[str], seed: int) -> np.ndarray:
    """The split (N,) of every row: of the column, of the file, or drawn."""
    if settings.split:
        return table_columns.splits(sheet, settings.split)
    if settings.splits:
        return table_columns.splits_by_id(Path(settings.splits), ids)
    return draw_splits(y, np.random.default_rng(seeds.derive(seed, "data", replicate=0)))


def _domains(
    sheet: Sheet, settings: Settings, x: np.ndarray, y: np.ndarray, class_names: tuple[str, ...], seed: int
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names and codes (N,) of the domains: of the column, or made; (), None where there are none."""
    if settings.domain:
        return table_columns.classes(sheet, settings.domain, table_columns.domains(sheet, settings.domain))
    if settings.domains is None:
        return (), None
    if settings.domains.by == "classes" and (y < 0).any():
        raise ContractError(
            sheet.path, "domains", f"{int((y < 0).sum())} rows without label", "a label in every row, by: classes"
        )
    try:
        names = settings.domains.names(class_names, {})
    except ValueError as error:  # only the file tells its classes
        raise ConfigError(f"{sheet.path}: {error}") from None
    of = seeds.derive(seed, "data", replicate=0, part="domains")
    return names, domains.codes(settings.domains, x, y, class_names, None, of, sheet.path)


def draw_splits(y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random splits (N,) by SPLIT_SHARES within the classes of ``y`` (N,); rows without label (-1) are training rows."""
    split = np.full(len(y), "train", dtype="<U5")
    split[y >= 0] = stratified_split(y[y >= 0], SPLIT_SHARES, rng)
    return split
