"""Is a teacher's word in the right place? Rows in another order, exchanged columns, constants, labels, the same teacher twice.

Judged on the n labelled rows that a teacher covers, ``FEWEST`` or more:

1. Exchanged columns: the permutation of the classes that makes it right most often on one half of the rows (an assignment
   problem, Kuhn 1955) is judged on the other half, against the columns as they are. It is told where it wins with
   z = (b - c) / sqrt(b + c) > 3 (McNemar 1947; b rows are right with it alone, c without it alone) and at least doubles the
   accuracy on rows whose class it changes. Classes that a specialist confuses are no exchange.
2. Rows in another order: right no more often than answers that have nothing to do with the labels, which are right with
   probability sum_k p(said k) p(label k), at z < 3, although its own probabilities promise more at z > 3.
3. The label itself: right on every row.

Shapes: N rows, K classes.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from mtbkd.base.delimited import listed
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.teachers import right
from mtbkd.teachers.optimism import FEWEST, Score, Z, z_score

SAME = 1e-5  # largest difference of a probability between two teachers that are one


def oddities(found: Logits, dataset: Dataset) -> list[str]:
    """Sentences on what looks wrong with a teacher of one replicate."""
    logits = found.logits[0]
    if dataset.num_examples and not np.ptp(_probabilities(logits[found.covered]), axis=0).any():
        return ["It says the same of every row."]
    score = right(logits[None], dataset)[0]
    rows = np.flatnonzero(found.covered & np.isfinite(score))
    if len(rows) < FEWEST:
        return []
    said = logits[rows].argmax(1)
    y = (dataset.y if dataset.teacher_y is None else dataset.teacher_y)[0, rows]
    told = _exchanged(said, y, dataset.class_names)
    if not told:
        told = _elsewhere(said, y, _probabilities(logits[rows]).max(1))
    if score[rows].all():
        told = f"It agrees with the label on all {len(rows):,} labelled rows: did it learn from them, or read the label?"
    return [told] if told else []


def twins(teachers: Sequence[Logits]) -> Iterator[str]:
    """A sentence for every two teachers that say the same."""
    prob = {each.teacher: _probabilities(each.logits) for each in teachers}
    for a, b in combinations(teachers, 2):
        same = np.array_equal(a.covered, b.covered) and np.abs(prob[a.teacher] - prob[b.teacher]).max(initial=0) < SAME
        if same:
            yield f"Teachers {a.teacher} and {b.teacher} say the same of every row: is one given twice?"


def _exchanged(said: np.ndarray, y: np.ndarray, names: Sequence[str]) -> str:
    """A sentence where other names of the columns would make the answers ``said`` (n,) much better; else ""."""
    from scipy.optimize import linear_sum_assignment

    k = len(names)
    counts = np.zeros((k, k))
    np.add.at(counts, (said[::2], y[::2]), 1)
    as_is = 0.5 * np.eye(k)  # of equals, the columns as they are
    _, meant = linear_sum_assignment(counts + as_is, maximize=True)
    before, after = said[1::2] == y[1::2], meant[said[1::2]] == y[1::2]
    changed = meant[said[1::2]] != said[1::2]
    better, worse = int((after & ~before).sum()), int((before & ~after).sum())
    if better - worse <= Z * math.sqrt(better + worse) or after[changed].sum() < 2 * before[changed].sum():
        return ""
    pairs = listed((f"the column of {names[i]} holds {names[j]}" for i, j in enumerate(meant) if i != j), 4)
    shares = f"{(meant[said] == y).mean():.3f} instead of {(said == y).mean():.3f}"
    return f"Its class columns look exchanged: {pairs}; so read, it is right on {shares} of {len(y):,} labelled rows."


def _elsewhere(said: np.ndarray, y: np.ndarray, sure: np.ndarray) -> str:
    """A sentence where the answers ``said`` (n,), given with probability ``sure`` (n,), have nothing to do with the labels."""
    n, codes = len(y), range(int(max(said.max(), y.max())) + 1)
    chance = sum((said == k).mean() * (y == k).mean() for k in codes)
    share = (said == y).mean()
    promised = z_score(Score(float(sure.mean()), n), Score(float(share), n))
    if share - chance >= Z * math.sqrt(chance * (1 - chance) / n) or promised <= Z:
        return ""
    return (f"No better than chance on {n:,} labelled rows (accuracy {share:.3f}, chance {chance:.3f}), although it is sure "
            f"(mean probability {sure.mean():.3f}): are its rows, ids or columns in another order?")  # fmt: skip


def _probabilities(logits: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    return softmax(logits.astype(np.float64), axis=-1)
