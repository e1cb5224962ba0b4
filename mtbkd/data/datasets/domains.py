"""Domains for tables without a domain column, for specialist teachers.

By cluster of the inputs (scikit-learn's KMeans), by group of classes, or by a column of categories. N rows, F features.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.explain import distinct

FEWEST = 2  # domains
SMALLEST = 10  # rows of a cluster, over all splits
TRIES = 10  # starts of KMeans
CUT = 3.0  # deviations; far outliers would be clusters of their own

Group = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class Domains(BaseModel):
    """How rows are divided into the domains that teachers may specialise in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["cluster", "classes", "column"] = Field(
        description="cluster: KMeans of the standardised inputs of each replicate, the largest cluster first; "
        "classes: groups of classes; column: one domain a value of a column of categories"
    )
    count: int | None = Field(None, ge=FEWEST, le=100, description="with `by: cluster`: number of clusters")
    groups: Annotated[tuple[Group, ...], Field(min_length=FEWEST)] | None = Field(
        None, description="with `by: classes`: groups of class names, each class in one group"
    )
    column: Annotated[str, Field(min_length=1)] | None = Field(None, description="with `by: column`: name of the column")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        needs = {"cluster": "count", "classes": "groups", "column": "column"}
        for by, key in needs.items():
            given = getattr(self, key) is not None
            if given != (by == self.by):
                found = f"{key} with `by: {self.by}`" if given else f"no {key}"
                raise ValueError(f"found {found}; allowed: `by: {self.by}` with {needs[self.by]} alone")
        distinct(tuple(name for group in self.groups or () for name in group))
        return self

    def names(self, class_names: Sequence[str], columns: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Names of the domains of a table with these classes and values by column of categories; ValueError if none fit."""
        if self.by == "cluster":
            return tuple(f"cluster {i + 1}" for i in range(self.count or 0))
        if self.by == "classes":
            return self._groups_of(class_names)
        if self.column is None or self.column not in columns:
            known = ", ".join(columns) or "none: this table has no column of categories"
            raise ValueError(f"domains.column: found {self.column}; allowed: {known}{_hint(self.column, columns)}")
        return tuple(columns[self.column])

    def _groups_of(self, class_names: Sequence[str]) -> tuple[str, ...]:
        named = [name for group in self.groups or () for name in group]
        for name in named:
            if name not in class_names:
                raise ValueError(f"domains.groups: found {name}; allowed: {', '.join(class_names)}{_hint(name, class_names)}")
        if missing := [name for name in class_names if name not in named]:
            raise ValueError(f"domains.groups: found no group with {', '.join(missing)}; allowed: every class in one group")
        return tuple(f"group {i + 1}" for i in range(len(self.groups or ())))

    def told(self) -> str:
        """For the card."""
        if self.by == "cluster":
            return f"clusters of the standardised inputs of each replicate, cut off at {CUT:g} deviations, the largest first"
        if self.by == "classes":
            return "; ".join(f"group {i + 1}: {', '.join(group)}" for i, group in enumerate(self.groups or ()))
        return f"values of the column {self.column}"


def _hint(name: str | None, known: Mapping[str, Sequence[str]] | Sequence[str]) -> str:
    close = nearest(str(name), list(known))
    return f". Hint: {close}" if close else ""


def codes(
    asked: Domains,
    x: np.ndarray,
    y: np.ndarray,
    class_names: Sequence[str],
    column: np.ndarray | None,
    seed: int,
    where: object,
) -> np.ndarray:
    """The domain int64 (N,) of every row.

    Args:
        asked: the setting.
        x: standardised inputs (N, F).
        y: classes (N,), all known.
        class_names: K names.
        column: codes (N,) of the column's values, where the domains go by column.
        seed: of KMeans.
        where: named in the ContractError that is raised where a cluster has too few rows.
    """
    if asked.by == "column":
        assert column is not None
        return column.astype(np.int64)
    if asked.by == "classes":
        group_of = {name: i for i, group in enumerate(asked.groups or ()) for name in group}
        return np.array([group_of[name] for name in class_names], np.int64)[y]
    from sklearn.cluster import KMeans

    count = asked.count or 0
    x = x.clip(-CUT, CUT)
    if (different := len(np.unique(x, axis=0))) < count:
        raise ContractError(where, "domains", f"{different} different rows", f"at least {count}, one per cluster")
    model: Any = KMeans(count, n_init=TRIES, random_state=seed % 2**32)  # type: ignore[arg-type]
    label = model.fit_predict(x)
    sizes = np.bincount(label, minlength=count)
    if sizes.min() < SMALLEST:
        found = f"clusters of {', '.join(map(str, sorted(sizes, reverse=True)))} rows"
        raise ContractError(where, "domains", found, f"at least {SMALLEST} rows in each", "request fewer clusters")
    rank = np.empty(count, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[label]
