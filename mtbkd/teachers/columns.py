"""Which columns of a table a teacher sees: all, some by number, or one of several disjoint parts."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.errors import ContractError
from mtbkd.base.explain import distinct
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset

Column = Annotated[int, Field(ge=0, le=10_000_000)]
Columns = Annotated[tuple[Column, ...], Field(min_length=1), AfterValidator(distinct)]


class Part(BaseModel):
    """One of several disjoint parts of the columns, which together are all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subset: int = Field(ge=1, le=10_000, description="number of this part, from 1")
    of: int = Field(ge=2, le=10_000, description="number of parts, of equal size if possible")
    by: Literal["random", "contiguous"] = Field(
        "random", description="columns redrawn for every replicate, the same for all teachers; or contiguous"
    )

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.subset > self.of:
            raise ValueError(f"found subset {self.subset} of {self.of}; allowed: 1..{self.of}")
        return self


Features = Annotated[Columns | Part | None, Field(description="columns that the teacher sees (tables only); default: all")]


def fault(features: Features, shape: tuple[int, ...], dataset: str) -> str:
    """What is allowed instead of ``features`` where examples of ``dataset``, of ``shape``, do not have them; "" if they do."""
    if features is None:
        return ""
    if len(shape) != 1:
        return f"nothing, as examples of {dataset} have no columns"
    if isinstance(features, Part):
        return "" if features.of <= shape[0] else f"at most {shape[0]} parts (the columns of {dataset})"
    return "" if max(features) < shape[0] else f"0..{shape[0] - 1} (the columns of {dataset})"


def columns_seen(features: Features, count: int, seed: int, replicate: int) -> np.ndarray:
    """Numbers of the columns, int (F,) in ascending order for parts and as named otherwise."""
    if features is None:
        return np.arange(count)
    if not isinstance(features, Part):
        return np.array(features)
    order = np.arange(count)
    if features.by == "random":
        order = np.random.default_rng(derive(seed, "features", of=features.of, replicate=replicate)).permutation(count)
    return np.sort(np.array_split(order, features.of)[features.subset - 1])


def select(dataset: Dataset, features: Features, seed: int, first_replicate: int) -> np.ndarray:
    """The teacher's view of ``dataset.x``, (R, N, *features); ContractError if it lacks such columns."""
    if features is None:
        return dataset.x
    if allowed := fault(features, dataset.x.shape[2:], dataset.name):
        found = features.model_dump() if isinstance(features, Part) else list(features)
        raise ContractError(f"teacher on {dataset.name}", "features", found, allowed)
    count = dataset.x.shape[2]
    return np.stack([x[:, columns_seen(features, count, seed, first_replicate + r)] for r, x in enumerate(dataset.x)])
