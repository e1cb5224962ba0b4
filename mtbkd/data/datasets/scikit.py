"""Tables that come with scikit-learn, offline: wine, breast_cancer, iris, digits (64 pixels, no colours)."""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, resampled
from mtbkd.data.datasets.resampled import Known

SIMULATED = False
RESAMPLED = True
RAW: tuple[str, ...] = ()
DIGITS = dict(zip("0123456789", (178, 182, 177, 183, 181, 182, 181, 179, 174, 180), strict=True))
KNOWN = {
    "wine": Known(13, {"class_0": 59, "class_1": 71, "class_2": 48}),
    "breast_cancer": Known(30, {"malignant": 212, "benign": 357}),
    "iris": Known(4, {"setosa": 50, "versicolor": 50, "virginica": 50}),
    "digits": Known(64, DIGITS),
}
# Titles at UCI, where the tables come from; all are CC BY 4.0 there.
SOURCES = {
    "wine": "Wine (Aeberhard, Forina 1991)",
    "breast_cancer": "Breast Cancer Wisconsin (Diagnostic) (Wolberg et al. 1993)",
    "iris": "Iris (Fisher 1936)",
    "digits": "Optical Recognition of Handwritten Digits (Alpaydin, Kaynak 1998)",
}


class Settings(resampled.Splits):
    """The table, and the shares of its splits."""

    table: Literal["wine", "breast_cancer", "iris", "digits"] = Field(description="the table")

    @model_validator(mode="after")
    def _fits_the_table(self) -> Self:
        describe(self)
        return self


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return resampled.shape(settings, KNOWN[settings.table])


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Split the table once per replicate: x (R, N, F), validated."""
    card = {
        "kind": "scikit",
        "source": f"scikit-learn load_{settings.table}, from UCI '{SOURCES[settings.table]}'",
        "licence": "CC BY 4.0 (UCI)",
    }
    return resampled.prepare(name, _table(settings.table), settings, seed, replicates, card)


def _table(name: str) -> resampled.Table:
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    features = tuple(map(str, found.feature_names))
    class_names = tuple(map(str, found.target_names))
    return resampled.Table(found.data.astype(np.float64), found.target.astype(np.int64), class_names, features)
