"""A small bench: three classes, three teachers, a network of 4 hidden units, some labels hidden."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.inference.optimise import Training
from mtbkd.questions.baselines.bench import Bench
from mtbkd.students.mlp import Mlp
from tests.conformance.examples import dataset

STUDENT = Mlp((2, 4, 3))


def toy(replicates: int = 2, hidden_labels: int = 0) -> Dataset:
    """Data (R, 90, 2) whose first training labels are hidden."""
    data = dataset((2,), replicates)
    y = data.y.copy()
    y[:, :hidden_labels] = -1
    return replace(data, y=y, teacher_y=data.y)


def teachers(data: Dataset, count: int = 3, noise: float = 1.0) -> list[Logits]:
    """Teachers that know each label with noise, the later ones more of it."""
    labels = data.y if data.teacher_y is None else data.teacher_y
    rng, found = np.random.default_rng(5), []
    for g in range(count):
        logits = 2 * np.eye(3)[labels] + noise * (g + 1) * rng.normal(size=(*labels.shape, 3))
        covered = np.ones(data.num_examples, bool)
        found.append(Logits(f"t{g}", logits.astype(np.float32), covered, ids_digest(data.ids)))
    return found


def bench(data: Dataset | None = None, count: int = 3, double: bool = False, **values: Any) -> Bench:
    """One unit a replicate; ``values`` replace attributes, share, temperature and prior_scale as one number."""
    data = data or toy()
    kind = torch.float64 if double else torch.float32
    stacked = torch.stack([torch.as_tensor(each.logits) for each in teachers(data, count)], 2).to(kind)
    x, split, units = torch.as_tensor(data.x).to(kind), torch.as_tensor(data.split == "train"), data.num_replicates
    val = torch.as_tensor(data.split == "val")
    numbers = {"share": 0.5, "temperature": 2.0, "prior_scale": 1.0}
    columns = {name: torch.full((units,), float(values.pop(name, number)), dtype=kind) for name, number in numbers.items()}
    content = {
        "student": STUDENT, "x": x[:, split], "y": torch.as_tensor(data.y)[:, split], "logits": stacked[:, split],
        "val_x": x[:, val], "val_logits": stacked[:, val], "data_row": torch.arange(units), "replicates": tuple(range(units)),
        "training": Training(steps=40, batch_size=16), "seed": 3,
    }  # fmt: skip
    return Bench(**{**content, **columns, **values})
