"""Teachers without a student, on the same test examples: each one, and the pools that a student must beat.

``mean``: of the teachers' probabilities. ``sharpened_mean``: the mean raised to 1/T, T chosen on the n labels from the
teacher temperatures. ``best``: the teacher that is right on most of the n labels. ``routed``: every test row asks the teacher
of its own domain, which only an oracle could do.
Shapes: R replicates, N examples, n labels, M test examples, G teachers, K classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.evaluation.metrics import FLOOR, nll
from mtbkd.questions.curves.budget import Order

Rows = list[dict[str, Any]]
Named = dict[tuple[str, str], list[np.ndarray]]


def reference_probs(dataset: Dataset, teachers: Sequence[Logits], order: Order, n: int, temperatures: Sequence[float]) -> Named:
    """(method, kind) -> test probabilities (M, K) of every replicate."""
    prob, test = softmax(stack_logits(list(teachers))), dataset.rows("test")
    found: Named = {(each.teacher, "teacher"): list(prob[:, test, g]) for g, each in enumerate(teachers)}
    mean = prob.mean(2)
    found["mean", "reference"] = list(mean[:, test])
    sharpened, best = [], []
    for r, rows in enumerate(order.rows[:, :n]):
        y = dataset.y[r, rows]
        losses = [nll(tempered(mean[r, rows], t), y).value for t in temperatures]
        sharpened.append(tempered(mean[r, test], temperatures[int(np.argmin(losses))]))
        right = (prob[r, rows].argmax(-1) == y[:, None]).mean(0)
        best.append(prob[r, test, int(right.argmax())])
    found["sharpened_mean", "reference"], found["best", "reference"] = sharpened, best
    if (expert := experts(dataset, teachers)) is not None:
        at = np.arange(len(test))
        found["routed", "reference"] = [own[test][at, expert[r, test]] for r, own in enumerate(prob)]
    return found


def experts(dataset: Dataset, teachers: Sequence[Logits]) -> np.ndarray | None:
    """Position (R, N) of the teacher of each row's own domain; None unless every domain has exactly one."""
    named = [each.card.get("domain") for each in teachers]
    if dataset.domain is None or sorted(map(str, named)) != sorted(dataset.domain_names):
        return None
    return np.array([named.index(name) for name in dataset.domain_names])[dataset.domain]


def teacher_rows(dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> Rows:
    """Accuracy of every teacher on the test rows: all, those of its own domain, and the others."""
    test, rows = dataset.rows("test"), []
    right = stack_logits(list(teachers))[:, test].argmax(-1) == dataset.y[:, test, None]
    for g, teacher in enumerate(teachers):
        domain = teacher.card.get("domain")
        masks = {"all": np.ones(right.shape[:2], bool)}
        if domain is not None and dataset.domain is not None:
            own = dataset.domain[:, test] == dataset.domain_names.index(domain)
            masks |= {"own": own, "other": ~own}
        for where, mask in masks.items():
            rows += [
                {"teacher": teacher.teacher, "domain": domain or "", "rows": where, "replicate": replicate,
                 "accuracy": float(right[r, mask[r], g].mean()) if mask[r].any() else np.nan, "n": int(mask[r].sum())}
                for r, replicate in enumerate(replicates)
            ]  # fmt: skip
    return rows


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities in double precision, over the last axis."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def tempered(prob: np.ndarray, temperature: float) -> np.ndarray:
    """``prob`` (..., K) raised to 1 / ``temperature``, normalised."""
    return softmax(np.log(np.maximum(prob, FLOOR)) / temperature)
