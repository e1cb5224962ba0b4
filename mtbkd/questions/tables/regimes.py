"""A table's dataset and teachers under a regime. Teachers learn from rows of their own, which no student sees.

Shapes: R replicates (resampled splits), N positions, G teachers, K classes.
"""

from pathlib import Path
from typing import Any, NamedTuple

from mtbkd.base import registry
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.questions.tables.spec import Part

TEACHERS = 3
SHARES = {"teachers_share": 0.35, "val_share": 0.1, "test_share": 0.25}  # the student's labels are of train and val together
FAMILY = "sklearn"
FOREST = "sklearn.ensemble.RandomForestClassifier"
OTHERS = {
    "logistic": ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000}),
    "neighbours": ("sklearn.neighbors.KNeighborsClassifier", {"n_neighbors": 10}),
}


class Asked(NamedTuple):
    """One teacher: name, domain, settings of the family ``sklearn``."""

    name: str
    domain: str | None
    settings: dict[str, Any]


def asked_teachers(regime: str, trees: int) -> list[Asked]:
    """The teachers of ``regime``."""
    forest = {"estimator": FOREST, "arguments": {"n_estimators": trees}}
    numbers = range(1, TEACHERS + 1)
    if regime == "clusters":
        return [Asked(f"cluster_{i}", f"cluster {i}", forest) for i in numbers]
    if regime == "features":
        return [Asked(f"columns_{i}", None, {**forest, "features": {"subset": i, "of": TEACHERS}}) for i in numbers]
    others = [Asked(name, None, {"estimator": path, "arguments": rest}) for name, (path, rest) in OTHERS.items()]
    return [Asked("forest", None, forest), *others]


def dataset_settings(part: Part) -> dict[str, Any]:
    """Settings of the table's kind of dataset."""
    domains = {"domains": {"by": "cluster", "count": TEACHERS}} if part.regime == "clusters" else {}
    return {"table": part.table, "rows": part.settings.rows, **SHARES, **domains}


def make_dataset(part: Part, seed: int, replicates: range, raw: Path) -> Dataset:
    """The table, split anew in every replicate."""
    module = registry.part("dataset", part.kind)
    return module.prepare(part.table, module.Settings.model_validate(dataset_settings(part)), seed, replicates, raw)


def make_teachers(part: Part, dataset: Dataset, seed: int, first_replicate: int, raw: Path) -> list[Logits]:
    """The teachers of the regime on all positions that a student sees."""
    module, rest = registry.part("teacher", FAMILY), (dataset, seed, first_replicate, "cpu", raw)
    asked = asked_teachers(part.regime, part.settings.trees)
    return [module.train(each.name, each.domain, module.Settings.model_validate(each.settings), *rest) for each in asked]
