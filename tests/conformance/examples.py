"""Small settings and data for any registered part, so that a new one is tested by what is here."""

import csv
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError
from mtbkd.contracts.artefacts import SPLITS, Dataset

# Sizes that settle in seconds, for every Settings that has a field of that name.
SMALL: dict[str, Any] = {
    "n_train": 60, "n_val": 20, "n_test": 30, "n_ood": 10, "n_teachers": 10, "share": 0.2,
    "steps": 600, "burn_in": 100, "thin": 5, "chains": 2, "draws": 100, "tune": 200, "samples": 2,
    "hidden": (6,), "channels": (4,), "particles": 60, "warmup": 300, "starts": 4,
}  # fmt: skip
# What parts must be told; ``write_files`` makes the files.
FILES: dict[str, dict[str, Any]] = {
    "mtbkd.questions.exact.question": {"methods": ["labels_map"]},
    "mtbkd.questions.curves.question": {"teachers": {"both": ["b1", "b3"]}, "methods": ["labels_map"], "steps": [20]},
    "mtbkd.questions.search.question": {"methods": {"kd_equal": "kd_map"}, "posterior": {"kappa": [0.5, 2]}, "steps": [20]},
    "mtbkd.questions.tables.question": {"groups": {"A": ["iris"], "B": ["wine"]}},
    "mtbkd.data.datasets.mlbench": {"table": "Soybean", "teachers_share": 0.3, "domains": {"by": "cluster", "count": 3}},
    "mtbkd.data.datasets.scikit": {
        "table": "wine",
        "label_share": 0.5,
        "domains": {"by": "classes", "groups": [["class_0", "class_2"], ["class_1"]]},
    },
    "mtbkd.data.datasets.table": {"path": "table.csv", "label": "class", "id": "name", "domain": "place"},
    "mtbkd.teachers.released": {"path": "logits.csv"},
    "mtbkd.students.module": {"path": "tests.conformance.networks.Net"},
    "mtbkd.teachers.sklearn": {"estimator": "sklearn.ensemble.RandomForestClassifier"},
}
# Collections of images that are tested on tiny files of our own in their format, in place of these raw files.
IMAGE_FILES: dict[str, tuple[str, ...]] = {
    f"mtbkd.data.datasets.{kind}": registry.part("dataset", kind).RAW
    for kind in ("cifar100", "svhn", "usps", "digit_five", "digit_usps_mnist")
}
# The part of a collection that mirrors hold.
RELEASES: dict[str, dict[str, Any]] = {"mtbkd.data.datasets.cifar10": {"release": "first_10k"}}
# Shapes of an example that a network may take: the first one that it accepts is used.
FEATURES = ((3,), (2, 8, 8))


def names(kind: str) -> list[Any]:
    """Parameters of a test over every registered part of ``kind``."""
    return [pytest.param(name, id=name) for name in registry.KINDS[kind]]


def every_part() -> list[Any]:
    """Parameters (kind, name) of a test over the whole registry."""
    return [pytest.param(kind, name, id=f"{kind}-{name}") for kind, parts in registry.KINDS.items() for name in parts]


def small(module: ModuleType, folder: Path | None = None) -> BaseModel:
    """The part's Settings with the small sizes that it knows; a part that reads a file of the user's finds FILES there."""
    known = module.Settings.model_fields
    needed = FILES.get(module.__name__, {}) | RELEASES.get(module.__name__, {})
    paths = {"path": str((folder or Path()) / needed["path"])} if folder and "path" in needed else {}
    if own := IMAGE_FILES.get(module.__name__):
        paths = {"files": {key: {"path": str((folder or Path()) / key)} for key in own}}
    return module.Settings.model_validate({name: value for name, value in SMALL.items() if name in known} | needed | paths)


def features_of(student: ModuleType) -> tuple[int, ...]:
    """The first of FEATURES that the architecture takes."""
    for features in FEATURES:
        try:
            student.num_params(small(student), features, 3)
        except MtbkdError:
            continue
        return features
    raise AssertionError(f"{student.__name__} takes none of the shapes {FEATURES}: add one that it takes")


def dataset(features: tuple[int, ...], replicates: int = 2, seed: int = 0) -> Dataset:
    """Three separable classes in two domains: x (R, 90, *features)."""
    rng = np.random.default_rng(seed)
    split = np.repeat(SPLITS, (50, 20, 20))
    y = rng.integers(0, 3, (replicates, len(split)))
    x = rng.normal(size=(replicates, len(split), *features)) + (y - 1).reshape(*y.shape, *[1] * len(features)) * 1.5
    return Dataset(
        name="toy", x=x.astype(np.float32), y=y, split=split, class_names=("a", "b", "c"),
        ids=np.array([f"toy{i}" for i in range(len(split))]),
        domain=rng.integers(0, 2, y.shape), domain_names=("east", "west"),
    ).validate()  # fmt: skip


def write_files(folder: Path) -> None:
    """The files that FILES names: the toy dataset of the first shape of FEATURES, and logits of its examples."""
    data = dataset(FEATURES[0], 1)
    rng = np.random.default_rng(1)
    logits = 2 * np.eye(3)[data.y[0]] + rng.normal(size=(data.num_examples, 3))
    domain = data.domain if data.domain is not None else np.zeros_like(data.y)
    with open(folder / "table.csv", "w", newline="") as handle:
        rows = zip(data.ids, data.y[0], domain[0], *data.x[0].T, strict=True)
        csv.writer(handle).writerows([["name", "class", "place", "a", "b", "c"], *rows])
    with open(folder / "logits.csv", "w", newline="") as handle:
        rows = zip(data.ids, *logits.T, strict=True)
        csv.writer(handle).writerows([["id", *data.class_names], *rows])
