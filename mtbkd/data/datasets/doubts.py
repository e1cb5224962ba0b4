"""Warnings about formally valid data: features that leak the label, classes that no student can learn.

Each returns sentences for the card, the log and the page. N examples, F features, K classes, R replicates.
"""

from collections.abc import Sequence

import numpy as np

from mtbkd.base.delimited import listed
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.preprocess import Scaling

FEWEST = 10  # rows from which order is no chance: 10 fall into one in 10! = 3,628,800 ways


def suspect_features(x: np.ndarray, columns: Sequence[str], y: np.ndarray, split: np.ndarray, known: Scaling) -> list[str]:
    """Sentences on features that count rows or give the label away, that never vary, and rows that stand in two splits.

    Args:
        x: float64 (N, F), as in the file.
        columns: F names.
        y: int64 (N,), -1 where there is no label.
        split: str (N,).
        known: scaling on the training rows; a scale of 0 marks a constant.
    """
    counting = [c for c, v in zip(columns, x.T, strict=True) if _counts_rows(v)]
    telling = [c for c, v in zip(columns, x.T, strict=True) if c not in counting and _tells_classes(v, y)]
    constant = [c for c, scale in zip(columns, known.scale, strict=True) if scale == 0]
    found = []
    if counting:
        found.append(f"{_features(counting)} like a row counter, not a measurement: list the other columns under "
                     "`features`, or the order of the file may leak labels.")  # fmt: skip
    if telling:
        found.append(f"{_features(telling)} like the label itself: each class has its own range of values. Is it known "
                     "before the label?")  # fmt: skip
    if constant:
        found.append(f"Constant on the training rows, so not informative: {listed(constant)}.")
    return found + _repeated_rows(x, split)


def _features(names: Sequence[str]) -> str:
    return f"Feature {names[0]} looks" if len(names) == 1 else f"Features {listed(names)} look"


def _counts_rows(v: np.ndarray) -> bool:
    """0..N-1 or 1..N in any order, or a column that only rises or only falls from row to row."""
    if len(v) < FEWEST:
        return False
    steps, ordered = np.diff(v), np.sort(v)
    permuted = ordered[0] in (0, 1) and np.array_equal(ordered, ordered[0] + np.arange(len(v)))
    return bool(permuted or (steps > 0).all() or (steps < 0).all())


def _tells_classes(v: np.ndarray, y: np.ndarray) -> bool:
    """Sorted by ``v``, the labelled rows are in one run a class, and no value has two classes."""
    v, y = v[y >= 0], y[y >= 0]
    if len(y) < FEWEST:
        return False
    order = np.lexsort((y, v))
    changes = np.flatnonzero(np.diff(y[order]))
    apart = (v[order][changes] < v[order][changes + 1]).all()
    return bool(apart and len(changes) == len(np.unique(y)) - 1)


def _repeated_rows(x: np.ndarray, split: np.ndarray) -> list[str]:
    """A row of val or test that has the features of a training row: what was learned is what is asked."""
    seen = {row.tobytes() for row in x[split == "train"]}
    counts = {name: sum(row.tobytes() in seen for row in x[split == name]) for name in ("val", "test")}
    told = " and ".join(f"{n} of {int((split == name).sum())} {name} rows" for name, n in counts.items() if n)
    return [f"{told} are identical to a training row in every feature."] if told else []


def suspect_classes(dataset: Dataset) -> list[str]:
    """Sentences on classes that the training rows lack, and on classes of one example, over all R replicates."""
    y = dataset.y if dataset.teacher_y is None else dataset.teacher_y
    if dataset.num_examples == 0:
        return []
    code = range(dataset.num_classes)
    labelled = np.stack([(y == k).sum(1) for k in code])
    learnt = np.stack([((y == k) & (dataset.split == "train")).sum(1) for k in code])
    shown = np.stack([((dataset.y == k) & (dataset.split == "train")).sum(1) for k in code])
    absent = [k for k in code if (learnt[k] == 0).any()]
    hidden = [k for k in code if k not in absent and (shown[k] == 0).any()]
    found = []
    if absent:
        told = [f"{dataset.class_names[k]} ({_elsewhere(dataset, y, k)})" for k in absent]
        found.append(f"Classes without a labelled training example, which no student can learn: {listed(told)}.")
    if hidden:
        found.append(f"Classes with all labels hidden from students: {listed(dataset.class_names[k] for k in hidden)}.")
    if single := [dataset.class_names[k] for k in code if k not in absent and (labelled[k] == 1).any()]:
        found.append(f"Classes with a single example: {listed(single)}.")
    folded = [name.casefold() for name in dataset.class_names]
    if alike := [name for name in dataset.class_names if folded.count(name.casefold()) > 1]:
        found.append(f"Classes that differ only in capitalisation: {listed(alike)}.")
    return found


def _elsewhere(dataset: Dataset, y: np.ndarray, k: int) -> str:
    counts = {split: int(((y == k) & (dataset.split == split)).sum()) for split in dataset.splits()}
    return ", ".join(f"{n} in {split}" for split, n in counts.items() if n) or "no examples"
