"""What the trained families share: pick a specialist's examples, train all replicates together, report its accuracy."""

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.artefacts import Dataset, Logits, ids_digest
from mtbkd.bounds import Batch, PositiveOrInfinite, Rate, Steps
from mtbkd.device import resolve_device
from mtbkd.errors import ContractError, nearest
from mtbkd.explain import distinct
from mtbkd.lazy import lazy_import
from mtbkd.optimise import Training, maximise
from mtbkd.posterior import Shared, make_problem
from mtbkd.seeds import derive
from mtbkd.signals import none
from mtbkd.students import Student, init_ensemble
from mtbkd.teachers import accuracy_card

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

__all__ = ["TrainedSettings", "train"]


Column = Annotated[int, Field(ge=0, le=10_000_000)]


class TrainedSettings(BaseModel):
    """Training of a teacher by cross-entropy; the families add their architecture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dropout: float = Field(0.1, ge=0, lt=1, description="rate on the hidden layers while training")
    exposure: float = Field(0.0, ge=0, le=1, description="share of the other domains' examples that the teacher sees")
    steps: Steps = Field(2_000, description="minibatch steps")
    batch_size: Batch = Field(64, description="examples a minibatch")
    learning_rate: Rate = Field(0.01, description="Adam's at the start of its cosine decay")
    weight_scale: PositiveOrInfinite = Field(
        float("inf"), description="standard deviation of a Gaussian prior on the weights (weight decay)"
    )
    features: Annotated[tuple[Column, ...], AfterValidator(distinct)] | None = Field(
        None, description="columns that the teacher sees (tabular data); all when absent"
    )


def seen_examples(dataset: Dataset, domain: str | None, exposure: float, seed: int, first_replicate: int) -> np.ndarray:
    """Rows that a specialist learns from, bool (R, N): its domain's, and a random share ``exposure`` of the others'.

    Rows of the split ``teachers`` where the dataset has one, else training rows.
    """
    train = np.broadcast_to(dataset.split == dataset.teachers_split, dataset.y.shape)
    if domain is None:
        return train
    if dataset.domain is None or domain not in dataset.domain_names:
        known = ", ".join(dataset.domain_names) or "none: the dataset has no domains"
        raise ContractError(f"teacher on {dataset.name}", "domain", domain, known, nearest(domain, dataset.domain_names))
    own = dataset.domain == dataset.domain_names.index(domain)
    rows = [np.random.default_rng(derive(seed, "exposure", replicate=first_replicate + r)) for r in range(len(own))]
    exposed = np.stack([rng.random(own.shape[1]) < exposure for rng in rows])
    return train & (own | exposed)


def seen_card(dataset: Dataset) -> dict[str, list[str]]:
    """What a card says of a teacher that learnt from rows of its own; {} where it learnt from the student's training rows."""
    return {} if dataset.teachers_split == "train" else {"seen": [dataset.teachers_split]}


def _columns(dataset: Dataset, features: tuple[int, ...] | None) -> np.ndarray:
    if features is None:
        return dataset.x
    if dataset.x.ndim != 3 or max(features) >= dataset.x.shape[2]:
        raise ContractError(f"teacher on {dataset.name}", "features", list(features), f"columns of shape {dataset.x.shape[2:]}")
    return dataset.x[:, :, list(features)]


def train(
    name: str, student: Student, settings: TrainedSettings, domain: str | None, dataset: Dataset,
    seed: int, first_replicate: int, device: str,
) -> Logits:  # fmt: skip
    """Train one teacher on every replicate of ``dataset`` in one batched run and return its logits on all examples."""
    device = resolve_device(device)
    x = student.inputs(torch.as_tensor(_columns(dataset, settings.features)).to(device))
    labels = dataset.teacher_y if dataset.teacher_y is not None else dataset.y
    seen = seen_examples(dataset, domain, settings.exposure, seed, first_replicate) & (labels >= 0)
    if (seen.sum(1) < 2).any():
        raise ContractError(f"teacher {name} on {dataset.name}", "training examples", int(seen.sum(1).min()), "at least 2",
                            "raise exposure or choose another domain")  # fmt: skip
    rows = _fixed_size(seen, seed, first_replicate)
    replicates = range(first_replicate, first_replicate + dataset.num_replicates)
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
        logits = torch.cat([student.apply(params[r : r + 1], x[r : r + 1]) for r in range(len(rows))]).cpu().numpy()
    covered = np.ones(dataset.num_examples, bool)
    card = {"domain": domain, "settings": settings.model_dump(mode="json"), "num_params": student.num_params,
            "examples_seen": float(seen.sum(1).mean()), "accuracy": accuracy_card(logits, dataset, covered),
            **seen_card(dataset)}  # fmt: skip
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)


def _fixed_size(seen: np.ndarray, seed: int, first_replicate: int) -> np.ndarray:
    """Row numbers (R, n) of the seen examples; replicates with fewer than the most repeat some, drawn at random."""
    size = int(seen.sum(1).max())
    rows = []
    for r, mask in enumerate(seen):
        own = np.flatnonzero(mask)
        rng = np.random.default_rng(derive(seed, "teacher padding", replicate=first_replicate + r))
        rows.append(np.concatenate([own, rng.choice(own, size - len(own))]))
    return np.stack(rows)
