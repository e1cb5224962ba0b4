"""Shared by the trained families: select a specialist's examples, train all replicates together, report accuracy."""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Batch, PositiveOrInfinite, Rate, Steps
from mtbkd.base.device import resolve_device
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import TEACHERS, Dataset, Logits, ids_digest
from mtbkd.inference.optimise import Training, maximise
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.signals import none
from mtbkd.students import Student, init_ensemble
from mtbkd.teachers import accuracy_card
from mtbkd.teachers.columns import Features, select
from mtbkd.teachers.examples import labelled_examples, labels_of
from mtbkd.teachers.folds import Folds, cross_fitted, folds_card

__all__ = ["TrainedSettings", "train"]


class TrainedSettings(BaseModel):
    """Training of a teacher by cross-entropy; the families add their architecture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dropout: float = Field(0.1, ge=0, lt=1, description="dropout rate of the hidden layers during training")
    exposure: float = Field(0.0, ge=0, le=1, description="share of the other domains' examples that the teacher sees")
    steps: Steps = Field(2_000, description="minibatch steps")
    batch_size: Batch = Field(64, description="examples per minibatch")
    learning_rate: Rate = Field(0.01, description="initial learning rate of Adam, with cosine decay")
    weight_scale: PositiveOrInfinite = Field(
        float("inf"), description="standard deviation of a Gaussian prior on the weights (weight decay)"
    )
    features: Features = None
    folds: Folds = None


def train(
    name: str, student: Student, settings: TrainedSettings, domain: str | None, dataset: Dataset,
    seed: int, first_replicate: int, device: str,
) -> Logits:  # fmt: skip
    """Train one teacher on every replicate of ``dataset`` in one batched run, and one a fold if asked; all logits."""
    device = resolve_device(device)
    x = student.inputs(torch.as_tensor(select(dataset, settings.features, seed, first_replicate)).to(device))
    labels = labels_of(dataset)
    seen = labelled_examples(name, dataset, domain, settings.exposure, seed, first_replicate)

    def fit(rows: np.ndarray, base: int) -> np.ndarray:
        return _logits(name, student, settings, x, labels, rows, base, first_replicate)

    covered = dataset.split != TEACHERS  # learnt by heart
    logits = np.where(covered[:, None], cross_fitted(fit, seen, labels, settings.folds, dataset, seed), 0)
    card = {"domain": domain, "settings": settings.model_dump(mode="json"), "num_params": student.num_params,
            "examples_seen": float(seen.sum(1).mean()), "accuracy": accuracy_card(logits, dataset, covered),
            **folds_card(settings.folds, dataset)}  # fmt: skip
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)


def _logits(
    name: str, student: Student, settings: TrainedSettings, x: "torch.Tensor", labels: np.ndarray, seen: np.ndarray,
    seed: int, first_replicate: int,
) -> np.ndarray:  # fmt: skip
    """Logits (R, N, K) of all examples ``x`` (R, N, *inputs) by a fit to the rows ``seen`` (R, N)."""
    device = x.device
    rows = _fixed_size(seen, seed, first_replicate)
    replicates = range(first_replicate, first_replicate + len(rows))
    index = torch.as_tensor(rows, device=device)
    at = torch.arange(len(rows), device=device).unsqueeze(1)
    y = torch.as_tensor(labels, device=device)
    units = torch.arange(len(rows), device=device)
    one = torch.ones(len(rows), device=device)
    problem = make_problem(
        student, x[at, index], y[at, index], units, none, none.Settings(),
        Shared(one, one, one * settings.weight_scale, one, one),
    )  # fmt: skip
    training = Training.model_validate(settings.model_dump(include={"steps", "batch_size", "learning_rate"}))
    start = init_ensemble(student, [derive(seed, "teacher", name=name, replicate=r) for r in replicates]).to(device)
    generator = torch.Generator(device).manual_seed(derive(seed, "teacher minibatch", name=name, first=first_replicate))
    params = maximise(problem, start, units, training, generator, settings.dropout)
    with torch.no_grad():
        return torch.cat([student.apply(params[r : r + 1], x[r : r + 1]) for r in range(len(rows))]).cpu().numpy()


def _fixed_size(seen: np.ndarray, seed: int, first_replicate: int) -> np.ndarray:
    """Row numbers (R, n) of the seen examples; replicates with fewer than the most repeat some, drawn at random."""
    size = int(seen.sum(1).max())
    rows = []
    for r, mask in enumerate(seen):
        own = np.flatnonzero(mask)
        rng = np.random.default_rng(derive(seed, "teacher padding", replicate=first_replicate + r))
        rows.append(np.concatenate([own, rng.choice(own, size - len(own))]))
    return np.stack(rows)
