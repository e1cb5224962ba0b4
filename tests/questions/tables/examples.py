"""A small table of three clusters with a teacher for each, and the question's settings for it."""

from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.inference.optimise import Training
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables.fitting import Study
from mtbkd.questions.tables.spec import Part, Settings

REPLICATES = range(2)
SIZES = {"train": 60, "val": 10, "test": 50, "teachers": 20}
DOMAINS = ("cluster 1", "cluster 2", "cluster 3")
SETTINGS: dict[str, Any] = {
    "groups": {"A": ["iris"]},
    "labels": [20, "all"],
    "grids": {"kappa": [0.1, 1], "teacher_temperature": [0.5, 1], "prior_scale": [1, 3], "lambda": ["kappa", 5]},
}


def dataset() -> Dataset:
    """Two classes, told apart by another column in each of three clusters."""
    rng, split = np.random.default_rng(3), np.repeat(list(SIZES), list(SIZES.values()))
    shape = (len(REPLICATES), len(split))
    domain = rng.integers(3, size=shape)
    x = rng.normal(size=(*shape, 3))
    y = (np.take_along_axis(x, domain[..., None], -1)[..., 0] > 0).astype(np.int64)
    x[..., 0] += 6 * (domain == 1)
    return Dataset(
        name="iris", x=x.astype(np.float32), y=np.where(split == "teachers", -1, y), split=split, class_names=("a", "b"),
        ids=np.array([f"row{i}" for i in range(len(split))]), domain=domain.astype(np.int64), domain_names=DOMAINS, teacher_y=y,
    ).validate()  # fmt: skip


def teachers(data: Dataset) -> list[Logits]:
    """Specialists that are right and sure in their own cluster and undecided elsewhere."""
    assert data.teacher_y is not None and data.domain is not None
    sure = np.where(data.teacher_y[..., None] == np.arange(2), 2.0, -2.0)
    covered = data.split != "teachers"
    return [
        Logits(f"t{g}", (sure * (data.domain == g)[..., None] * covered[:, None]).astype(np.float32), covered,
               ids_digest(data.ids), {"domain": name}).validate(data)
        for g, name in enumerate(DOMAINS)
    ]  # fmt: skip


def inputs(steps: int = 30) -> Inputs:
    student = {"architecture": "mlp", "settings": {"hidden": [4]}}
    training = Training.model_validate({"steps": steps, "restarts": 1})
    return Inputs(name="tables", seed=5, device="cpu", replicates=len(REPLICATES), student=student, training=training)


def part(**changed: Any) -> Part:
    settings = Settings.model_validate({**SETTINGS, **changed})
    return Part(table="iris", group="A", kind="scikit", regime="clusters", settings=settings)


def study(data: Dataset, **changed: Any) -> Study:
    return Study(part(**changed).settings, inputs(), data, teachers(data), REPLICATES)
