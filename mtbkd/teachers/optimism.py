"""Has a teacher seen the rows it is scored on? Two-proportion z-tests of its accuracy between splits.

    z = (p_a - p_b) / sqrt(p (1 - p) (1 / n_a + 1 / n_b)),  p the accuracy over both splits; a difference counts from z > 3

1. A released teacher that is better on splits it saw (train and val where nothing is stated) than on the others has learnt them
   by heart: its probabilities there are too sure, and students copy them.
2. A teacher that is better on test than on val saw the test rows, or val and test are drawn from different populations. One
   that is better on val, although it is said not to have seen it, saw the val rows, or likewise.
3. A teacher of the training rows that shows no loss from train to test although the 5 nearest training rows, a reference that
   has seen no test row, are far worse on test: either it is a much better model, or it saw the test rows.

Only the third needs features: one vector per example. Splits of fewer than ``FEWEST`` labelled rows are not compared.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.teachers import right

Z, FEWEST, NEIGHBOURS = 3.0, 20, 5
MOST_ROWS, MOST_FEATURES = 20_000, 2_000  # of the reference: seconds, not minutes


class Score(NamedTuple):
    """Accuracy ``share`` on ``n`` labelled rows."""

    share: float
    n: int

    @classmethod
    def of(cls, score: np.ndarray) -> "Score":
        """From 1 or 0 per row, NaN where no label is known."""
        known = score[np.isfinite(score)]
        return cls(float(known.mean()) if len(known) else math.nan, len(known))

    def __str__(self) -> str:
        return f"{self.share:.3f} on {self.n:,} rows"


def z_score(a: Score, b: Score) -> float:
    """How far ``a`` lies above ``b`` in standard errors; NaN where a split is too small."""
    if min(a.n, b.n) < FEWEST:
        return math.nan
    both = (a.share * a.n + b.share * b.n) / (a.n + b.n)
    error = math.sqrt(both * (1 - both) * (1 / a.n + 1 / b.n))
    return (a.share - b.share) / error if error else 0.0


def doubts(logits: Logits, dataset: Dataset, seen: Sequence[str] | None) -> list[str]:
    """Sentences for card, log and page on a teacher; scores are compared for real data only (one replicate).

    Args:
        seen: splits that it was trained on; None where that is not stated.
    """
    found = ["It was trained on the test split: its test score, and those of its students, are not valid."] * (
        "test" in (seen or ())
    )
    if "val" in (seen or ()):
        found.append("It was trained on the val split: choices between teachers by validation labels favour it.")
    if dataset.num_replicates > 1:
        return found
    score = right(logits.logits[:1], dataset)[0]
    whole = [s for s in ("train", "val", "test") if logits.covered[dataset.split == s].all()]
    scores = {s: Score.of(score[dataset.split == s]) for s in whole}
    supposed = [s for s in scores if s in (("train", "val") if seen is None else seen)]
    others = [s for s in scores if s not in supposed]
    saw = "may have seen" if seen is None else "saw"
    for own in supposed:
        better = [s for s in others if z_score(scores[own], scores[s]) > Z]
        found += [f"Better on {own} rows, which it {saw}, than on {s}: accuracy {scores[own]} vs {scores[s]}, more than "
                  f"chance (z > {Z:g}). Its probabilities on {own} are probably overconfident." for s in better]  # fmt: skip
    if {"val", "test"} <= set(scores) and "test" not in (seen or ()) and z_score(scores["test"], scores["val"]) > Z:
        both = f"accuracy {scores['test']} vs {scores['val']}, more than chance (z > {Z:g})"
        found.append(f"Better on test than on val: {both}. Did it see the test rows?")
    told = seen is not None and not {"val", "test"} & set(seen)
    if {"val", "test"} <= set(scores) and told and z_score(scores["val"], scores["test"]) > Z:
        both = f"accuracy {scores['val']} vs {scores['test']}, more than chance (z > {Z:g})"
        found.append(f"Better on val than on test: {both}. Either it saw the val rows, and choices between teachers by "
                     "validation labels favour it, or val and test come from different populations.")  # fmt: skip
    return found + _no_loss(dataset, scores, seen)


def suspected(logits: Logits, dataset: Dataset) -> list[str]:
    """Of train and val those on which a teacher of real data, which does not say what it saw, is better than on test."""
    if dataset.num_replicates > 1:
        return []
    score = right(logits.logits[:1], dataset)[0]
    scores = {s: Score.of(np.where(logits.covered, score, np.nan)[dataset.split == s]) for s in ("train", "val", "test")}
    return [split for split in ("train", "val") if z_score(scores[split], scores["test"]) > Z]


def _no_loss(dataset: Dataset, scores: dict[str, Score], seen: Sequence[str] | None) -> list[str]:
    """The third rule."""
    trained = seen is None or ("train" in seen and "test" not in seen)
    if not (trained and {"train", "test"} <= set(scores)) or not z_score(scores["train"], scores["test"]) <= Z:
        return []
    reference = _neighbours(dataset)
    if reference is None or not z_score(scores["test"], reference) > Z:
        return []
    nearest = f"the {NEIGHBOURS} nearest training rows give {reference.share:.3f}"
    return [f"As good on test as on train (accuracy {scores['test']} vs {scores['train']}), although {nearest}: if it was "
            "trained on these data, it probably saw the test rows. Split before training teachers (mtbkd split), and declare "
            "`seen`."]  # fmt: skip


def _neighbours(dataset: Dataset) -> Score | None:
    """Accuracy on test of the majority of the nearest training rows; None where that is no reference or takes too long."""
    x, y = dataset.x[0], (dataset.y if dataset.teacher_y is None else dataset.teacher_y)[0]
    train, test = (np.flatnonzero((dataset.split == split) & (y >= 0)) for split in ("train", "test"))
    if x.ndim != 2 or x.shape[1] > MOST_FEATURES or len(train) > MOST_ROWS or len(test) > MOST_ROWS or len(train) < FEWEST:
        return None
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(NEIGHBOURS).fit(x[train], y[train])
    return Score.of((model.predict(x[test]) == y[test]).astype(float))
