"""Shared by tables that are resplit in every replicate: row sampling, splits, scaling, hidden labels, domains.

Replicate r deals the rows of the table at random to the positions of the dataset; which position belongs to which split is the
same for all replicates, so an id names a position, not a row. Every split has the table's shares of the classes. Replicate r
depends on (seed, r) only. Shapes: R replicates, N positions, F features, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base import seeds
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import SPLITS, TEACHERS, Dataset
from mtbkd.data.datasets import Shape, domains
from mtbkd.data.datasets.domains import Domains
from mtbkd.data.preprocess import LabelShare, Scaling, hide_labels, scaling, stratified_split

LEAST_TRAIN = 0.05  # of all rows


@dataclass(frozen=True)
class Table:
    """One table, encoded as numbers.

    Attributes:
        x: float64 (M, F), NaN where a value is missing.
        y: int64 (M,).
        class_names: K names.
        features: F names.
        columns: column of categories -> (values, code int (M,) of each row's), what domains may go by.
    """

    x: np.ndarray
    y: np.ndarray
    class_names: tuple[str, ...]
    features: tuple[str, ...]
    columns: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)

    def of_classes(self, names: tuple[str, ...]) -> "Table":
        """The rows of the classes ``names`` only."""
        code = np.array([names.index(name) if name in names else -1 for name in self.class_names])[self.y]
        kept = code >= 0
        columns = {name: (values, codes[kept]) for name, (values, codes) in self.columns.items()}
        return Table(self.x[kept], code[kept], names, self.features, columns)


class Splits(BaseModel):
    """How the rows are dealt to the splits, and what teachers may specialise in; training rows are what the shares leave."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teachers_share: float = Field(0.0, ge=0, lt=1, description="share of the rows whose labels are for training teachers only")
    val_share: float = Field(0.15, gt=0, lt=1, description="share of the validation rows")
    test_share: float = Field(0.25, gt=0, lt=1, description="share of the test rows")
    label_share: LabelShare = 1.0
    labels: int | None = Field(
        None, ge=1, le=10_000_000, description="number of labelled training rows, instead of label_share"
    )
    rows: int | None = Field(
        None, ge=20, le=10_000_000, description="number of rows to use, redrawn in every replicate, stratified by class; "
        "default: all"
    )  # fmt: skip
    min_class_rows: int = Field(
        10, ge=4, le=10_000_000, description="classes with fewer rows, after `rows`, are dropped with their rows"
    )
    cut: float | None = Field(
        5.0, ge=0.1, le=1e6, description="standardised inputs are clipped at this many standard deviations of the "
        "training rows; null: no clipping"
    )  # fmt: skip
    domains: Domains | None = Field(None, description="domains that teachers may specialise in; default: none")

    @model_validator(mode="after")
    def _shares_leave_training_rows(self) -> Self:
        taken = self.teachers_share + self.val_share + self.test_share
        if taken > 1 - LEAST_TRAIN + 1e-9:
            found = f"teachers_share, val_share and test_share of {taken:.4g} in all"
            raise ValueError(f"found {found}; allowed: at most {1 - LEAST_TRAIN:g}; the rest are training rows")
        if self.labels is not None and self.label_share != 1:
            raise ValueError("found labels and label_share; allowed: one of them")
        return self

    def kept(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Class -> rows of the table, of the classes that are large enough; ValueError if fewer than two are."""
        share = min(1, self.rows / sum(counts.values())) if self.rows else 1
        kept = {name: count for name, count in counts.items() if count * share >= self.min_class_rows}
        if len(kept) < 2:
            raise ValueError(
                f"found {len(kept)} classes of at least min_class_rows = {self.min_class_rows} rows; allowed: at least 2"
            )
        return kept

    def shares(self, available: int) -> dict[str, float]:
        """Split -> share of the ``available`` rows; rows that are not used are of the split ''."""
        used = min(1.0, self.rows / available) if self.rows else 1.0
        own = {"val": self.val_share, "test": self.test_share, TEACHERS: self.teachers_share}
        shares = {"train": 1 - sum(own.values()), **own}
        found = {split: share * used for split, share in shares.items() if share > 0}
        return {**found, "": 1 - used} if used < 1 else found


class Known(NamedTuple):
    """What a table is known to hold: F, class -> rows, column of categories -> its values."""

    features: int
    counts: Mapping[str, int]
    columns: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def check(self, table: Table, where: object) -> None:
        """ContractError unless ``table`` is the one that is known."""
        counts = dict(zip(table.class_names, np.bincount(table.y).tolist(), strict=True))
        found = Known(len(table.features), counts, {name: values for name, (values, _) in table.columns.items()})
        for what in self._fields:
            if (own := getattr(found, what)) != (expected := getattr(self, what)):
                raise ContractError(where, what, own, expected, "is this another table or release?")


def shape(settings: Splits, known: Known) -> Shape:
    """What a configuration is checked against; ValueError if the settings do not fit the table."""
    class_names = tuple(settings.kept(known.counts))
    names = settings.domains.names(class_names, known.columns) if settings.domains else ()
    return Shape((known.features,), class_names, names)


class Replicate(NamedTuple):
    """One split of a table: x (N, F), y (N,), the student's y (N,), domain (N,) or None, and the scaling of x."""

    x: np.ndarray
    y: np.ndarray
    student_y: np.ndarray
    domain: np.ndarray | None
    scaling: Scaling


def prepare(
    name: str, whole: Table, settings: Splits, seed: int, replicates: range, card: Mapping[str, Any]
) -> Dataset:  # fmt: skip
    """Split the table once per replicate: x (R, N, F), validated."""
    where = f"dataset {name}"
    counts = dict(zip(whole.class_names, np.bincount(whole.y, minlength=len(whole.class_names)).tolist(), strict=True))
    kept = settings.kept(counts)
    table = whole.of_classes(tuple(kept))
    parts = [_rows(table.y, settings, seeds.derive(seed, "data", replicate=r)) for r in replicates]
    split = np.repeat(list(parts[0]), [len(rows) for rows in parts[0].values()])
    drawn = [
        _replicate(table, np.concatenate(list(rows.values())), split, settings, seed, r, where)
        for r, rows in zip(replicates, parts, strict=True)
    ]
    hides = settings.label_share < 1 or settings.labels is not None or TEACHERS in parts[0]
    left_out = {name: count for name, count in counts.items() if name not in kept}
    names = settings.domains.names(table.class_names, {c: v for c, (v, _) in table.columns.items()}) if settings.domains else ()
    return Dataset(
        name=name,
        x=np.stack([each.x for each in drawn]),
        y=np.stack([each.student_y for each in drawn]),
        split=split,
        class_names=table.class_names,
        ids=np.array([f"{s}{i}" for s, rows in parts[0].items() for i in range(len(rows))]),
        domain=np.stack([each.domain for each in drawn if each.domain is not None]) if settings.domains else None,
        domain_names=names,
        teacher_y=np.stack([each.y for each in drawn]) if hides else None,
        card={
            **card,
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
            "replicates": [replicates[0], replicates[-1]],
            "simulated": False,
            "resampled": True,
            "labelled_train": int(((drawn[0].student_y >= 0) & (split == "train")).sum()),
            "ids": "positions in the split: each replicate deals other rows of the table to them",
            "features": list(table.features),
            "scaling": drawn[0].scaling.card(),
            "cut": settings.cut,
            **_told(settings, len(whole.y), table, left_out),
        },
    ).validate()


def _rows(y: np.ndarray, settings: Splits, seed: int) -> dict[str, np.ndarray]:
    """Split -> rows (n,) of the table in random order; the sizes depend on the classes and shares only."""
    rng = np.random.default_rng(seed)
    dealt = stratified_split(y, settings.shares(len(y)), rng)
    order = [split for split in (*SPLITS, TEACHERS) if (dealt == split).any()]
    return {split: rng.permutation(np.flatnonzero(dealt == split)) for split in order}


def _replicate(
    table: Table, rows: np.ndarray, split: np.ndarray, settings: Splits, seed: int, replicate: int, where: str
) -> Replicate:
    """The rows (N,) of the table as the examples of one replicate."""
    train, y = split == "train", table.y[rows]
    filled = _filled(table.x[rows], train)
    known = scaling(filled, train)
    x = known.apply(filled)
    if settings.cut is not None:
        x = x.clip(-settings.cut, settings.cut)
    share = settings.label_share
    if settings.labels is not None:
        if settings.labels > (n := int(train.sum())):
            raise ContractError(where, "labels", settings.labels, f"at most {n}, the training rows")
        share = settings.labels / int(train.sum())
    student_y = hide_labels(y, split, share, seeds.derive(seed, "data", replicate=replicate, part="hidden"), where)
    student_y[split == TEACHERS] = -1
    domain = None
    if settings.domains:
        column = table.columns[settings.domains.column][1][rows] if settings.domains.column else None
        of = seeds.derive(seed, "data", replicate=replicate, part="domains")
        domain = domains.codes(settings.domains, x, y, table.class_names, column, of, where)
    return Replicate(x, y, student_y, domain, known)


def _filled(x: np.ndarray, train: np.ndarray) -> np.ndarray:
    """``x`` (N, F) with the mean of the training rows where a value is missing; 0 where no training row has one."""
    if not np.isnan(x).any():
        return x
    from sklearn.impute import SimpleImputer

    return np.asarray(SimpleImputer(keep_empty_features=True).fit(x[train]).transform(x))


def _told(settings: Splits, available: int, table: Table, left_out: Mapping[str, int]) -> dict[str, str]:
    """Sentences for the card."""
    kept = len(table.y)
    repeated = kept - len(np.unique(table.x, axis=0))
    told = {"Splits": "every replicate is another random split of one table with its shares of the classes: test sets of two "
            "replicates overlap, so intervals of single scores are somewhat too narrow; those of "
            "differences allow for it"}  # fmt: skip
    if left_out:
        rows = ", ".join(f"{name} ({count})" for name, count in left_out.items())
        told["Classes left out"] = f"fewer than {settings.min_class_rows} rows: {rows}"
    if settings.rows and settings.rows < kept:
        told["Rows"] = f"{settings.rows:,} of {available:,}, drawn anew in every replicate"
    if repeated:
        told["Equal rows"] = f"{repeated:,} of {kept:,} rows repeat another one in every feature: some stand in two splits"
    if settings.teachers_share:
        told["Rows of teachers"] = f"{settings.teachers_share:.0%} of the rows; no student learns, tunes or is scored on them"
    if settings.domains:
        told["domains"] = settings.domains.told()
    return told
