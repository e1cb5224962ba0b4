"""Nearest class mean: logits -||x - m_k||^2 / 2, with m_k the mean of the labelled training rows of class k.

This is linear discriminant analysis with unit covariance and equal priors.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.teachers import accuracy_card


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sharpness: float = Field(1.0, gt=0, le=1_000, description="factor on the logits")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """It reads nothing but the data."""
    return ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Logits (R, N, K) on every split; rows of other domains than ``domain`` are left out of the means."""
    x, y = dataset.x.reshape(*dataset.x.shape[:2], -1), dataset.y if dataset.teacher_y is None else dataset.teacher_y
    own = (dataset.split == "train") & (y >= 0)
    if domain is not None and dataset.domain is not None:
        own &= dataset.domain == dataset.domain_names.index(domain)
    member = np.eye(dataset.num_classes)[y] * own[..., None]  # (R, N, K)
    means = np.einsum("rnk,rnf->rkf", member, x) / np.maximum(member.sum(1), 1)[..., None]
    distance = ((x[:, :, None] - means[:, None]) ** 2).sum(-1)
    logits = (-settings.sharpness * distance / 2).astype(np.float32)
    covered = np.ones(dataset.num_examples, bool)
    card = {
        "domain": domain,
        "settings": settings.model_dump(mode="json"),
        "source": "trained here: class means",
        "accuracy": accuracy_card(logits, dataset, covered),
    }
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)
