"""Calibrate teachers before they are weighed, pooled or heard: temperature or vector scaling, teacher by teacher.

The map of a teacher is learnt from the labels of validation rows, or of other rows that it has not seen (``unseen``), never
from test rows. It is cross-fitted: these rows are scaled by maps learnt from the other folds, so that weights and choices
between teachers that read their labels see no teacher that was fitted to them; all others are scaled by the map of all of them.
A student's settings are tuned on validation labels, too: a map chooses none of them and is the same for all candidates.

Shapes: R replicates, N examples, M rows that maps learn from, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mtbkd.base.errors import ContractError
from mtbkd.base.folds import stratified_folds
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.pooling import unseen
from mtbkd.pooling.temperature import inverse_temperature
from mtbkd.pooling.vector import log_softmax, slopes_and_shifts

FOLDS = 5
Scaling = Annotated[
    Literal["none", "temperature", "vector"],
    Field(description="calibration of every teacher by validation labels, before weights and signal: one temperature, or a "
                      "slope and a shift for each class"),
]  # fmt: skip


@dataclass(frozen=True)
class Map:
    """log q_k = slope_k log p_k + shift_k + constant, for slope and shift (K,), or (1,): all classes alike."""

    slope: np.ndarray
    shift: np.ndarray

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Log-probabilities (..., K) of ``logits``, in their precision."""
        slope, shift = self.slope.astype(logits.dtype), self.shift.astype(logits.dtype)
        return log_softmax(slope * log_softmax(logits) + shift)


IDENTITY = Map(np.ones(1), np.zeros(1))


def fitted(scaling: str, logits: np.ndarray, y: np.ndarray) -> Map:
    """The map of the kind ``scaling`` learnt from ``logits`` (M, K) with labels ``y`` (M,)."""
    if scaling == "vector":
        return Map(*slopes_and_shifts(logits, y))
    return Map(np.array([inverse_temperature(logits, y)]), np.zeros(1))


def scaled(teachers: Sequence[Logits], dataset: Dataset, scaling: str, seed: int) -> list[Logits]:
    """The teachers with calibrated logits, log-probabilities float32 (R, N, K); their cards say how, under ``scaling``.

    Raises:
        ContractError: a teacher that saw the rows whose labels maps learn from or does not cover them, or too few labels.
    """
    return list(teachers) if scaling == "none" else [_scaled(teacher, dataset, scaling, seed) for teacher in teachers]


def _scaled(teacher: Logits, dataset: Dataset, scaling: str, seed: int) -> Logits:
    rows = _rows(teacher, dataset)
    logits = np.array(np.broadcast_to(teacher.logits, (dataset.num_replicates, *teacher.logits.shape[1:])))
    slopes = []
    for r, own in enumerate(logits):
        y, fold = dataset.y[r, rows], stratified_folds(dataset.y[r, rows], FOLDS, derive(seed, "scaling"))
        whole = fitted(scaling, own[rows], y)
        held_out = {f: fitted(scaling, own[rows[fold != f]], y[fold != f]) for f in range(FOLDS)}
        said = whole(own)
        for f, each in held_out.items():
            said[rows[fold == f]] = each(own[rows[fold == f]])
        own[:] = np.where(teacher.covered[:, None], said, 0)
        slopes.append(float(whole.slope.mean()))
    split = dataset.split[rows[0]]
    told: dict[str, Any] = {
        "kind": scaling, "split": str(split), "labels": len(rows), "folds": FOLDS, "slope": float(np.mean(slopes)),
        "learnt": f"{scaling} scaling by {len(rows):,} labels of the split {split}; its own rows are scaled by the labels of "
                  f"other rows ({FOLDS} folds)",
    }  # fmt: skip
    return replace(teacher, logits=logits, card={**teacher.card, "scaling": told}).validate(dataset)


def _rows(teacher: Logits, dataset: Dataset) -> np.ndarray:
    """Rows (M,) whose labels the map learns from."""
    where, rows = f"scaling of teacher {teacher.teacher} on {dataset.name}", unseen.judging_rows(dataset, [teacher])
    split = str(dataset.split[rows[0]])
    if unseen.saw({teacher.teacher: teacher.card}, split):
        raise ContractError(where, "labels", f"only of the split {split}, which the teacher saw in training",
                            "labels that it has not seen", "use teacher_scaling: none, or out-of-fold predictions")  # fmt: skip
    if not teacher.covered[rows].all():
        raise ContractError(where, "teachers", f"no logits on the split {split}", "a teacher that covers it")
    if len(rows) < 2 * FOLDS:
        raise ContractError(
            where, "labels", f"{len(rows)} of the split {split}", f"at least {2 * FOLDS}", "use teacher_scaling: none"
        )
    return rows
