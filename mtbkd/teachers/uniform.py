"""An uninformative teacher: uniform class probabilities. A control, not a model.

What a student gains from it is what smoothing alone gives: kd with it is label smoothing spread over the transfer set
(Szegedy et al. 2016), tip with it the same Dirichlet prior, centred on the uniform distribution, at every example.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.teachers import accuracy_card

INFORMED = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """It reads nothing."""
    return ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Logits 0 (R, N, K) on every split; its accuracy is that of always naming the first class."""
    logits = np.zeros((*dataset.y.shape, dataset.num_classes), np.float32)
    covered = np.ones(dataset.num_examples, bool)
    card = {"settings": {}, "source": "uniform: no training", "accuracy": accuracy_card(logits, dataset, covered)}
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)
