"""Teachers and the ceiling beside the methods, on the same test examples and with the same labels to choose by.

``teachers:best`` is the teacher that is right on most of the n labels of the budget, ``teachers:mean`` the mean of the
teachers' probabilities, ``bayes`` the true probabilities, which no method can beat but by luck.
Shapes: R replicates, N examples, G teachers, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtbkd.base.blocks import block_range
from mtbkd.base.frames import Frame
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.pooling import unseen
from mtbkd.questions.curves.budget import Order, budgets, label_order
from mtbkd.questions.curves.spec import References
from mtbkd.questions.curves.spec import References as Spec
from mtbkd.questions.curves.tables import frame, score_rows
from mtbkd.questions.inputs import Inputs

__all__ = ["Spec", "references", "run"]
Rows = list[dict[str, Any]]


def references(spec: References, dataset: Dataset, teachers: Mapping[str, Sequence[Logits]], replicates: range) -> Rows:
    """Rows of scores of every teacher, best, mean and ceiling for every set, budget and replicate.

    Args:
        spec: the settings.
        dataset: with R = len(replicates), or R = 1 (real data).
        teachers: set -> its teachers, whose logits cover training, validation and test split.
        replicates: their numbers.
    """
    order, test = label_order(dataset, spec.seed, replicates), dataset.rows("test")
    counts = budgets(spec.labels, order.labelled, f"curve {spec.curve}")
    found: Rows = []

    def add(prob: np.ndarray, r: int, labels: Sequence[int], **told: str) -> None:
        truth = None if dataset.true_prob is None else dataset.true_prob[order.data[r], test].astype(np.float64)
        scored = score_rows(prob, dataset.y[order.data[r], test], truth)
        scored = [row for row in scored if (told["kind"], row["metric"]) != ("ceiling", "mse_prob")]
        place = {**told, "signal": "", "weights": "", "inference": "", "replicate": replicates[r]}
        found.extend(
            {**place, **row, "labels": n, "all_labels": counts[n], "transfer": t}
            for n in labels for t in spec.transfer for row in scored
        )  # fmt: skip

    for name, own in teachers.items():
        for split in ("train", "val"):
            unseen.warn(f"best of teachers {name} on {dataset.name}", own, split)
    for r in range(len(replicates)):
        if dataset.true_prob is not None:
            truth = dataset.true_prob[order.data[r], test].astype(np.float64)
            add(truth, r, list(counts), method="bayes", teachers="", kind="ceiling")
        for name, own in teachers.items():
            logits = stack_logits(list(own))
            logits = logits[r if logits.shape[0] > 1 else 0].astype(np.float64)
            prob = np.exp(logits[test] - np.logaddexp.reduce(logits[test], -1, keepdims=True))
            for g, teacher in enumerate(own):
                add(prob[:, g], r, list(counts), method=teacher.teacher, teachers=name, kind="teacher")
            add(prob.mean(1), r, list(counts), method="teachers:mean", teachers=name, kind="teacher")
            for n in counts:
                add(prob[:, _best(logits, dataset, order, r, n)], r, [n], method="teachers:best", teachers=name, kind="teacher")
    return found


def _best(logits: np.ndarray, dataset: Dataset, order: Order, r: int, n: int) -> int:
    """Position of the teacher that is right on most of the first n labels, of ``logits`` (N, G, K)."""
    rows = order.rows[r, :n]
    return int((logits[rows].argmax(-1) == dataset.y[order.data[r], rows, None]).mean(0).argmax())


def run(inputs: Inputs, spec: References) -> dict[str, Frame]:
    """The references on one block."""
    known = {teacher.teacher: teacher for teacher in inputs.teachers()}
    sets = {title: [known[name] for name in own] for title, own in spec.sets.items()}
    rows = references(spec, inputs.dataset(), sets, block_range(inputs.blocks[0]))
    return {"scores": frame("scores", [{"curve": spec.curve, **row} for row in rows])}
