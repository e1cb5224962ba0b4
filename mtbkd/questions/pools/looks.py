"""Scores of a pool with what their errors need: paired differences of two pools on the same examples.

A score is a mean over examples (accuracy, NLL), one of two samples (AUROC: DeLong's placements), or neither; the last has the
pseudo-values of a jackknife over groups of examples. Shapes: N labelled examples, M foreign ones, K classes.
"""

import math
from typing import NamedTuple, Self

import numpy as np

from mtbkd.evaluation.calibration_error import calibration_errors, false_alarms
from mtbkd.evaluation.intervals import NORMAL, quantile
from mtbkd.evaluation.metrics import FLOOR, label_contributions, mean_score, placements

GROUPS, GROUP_SEED = 20, 20261127
HIGHER_IS_BETTER = {
    **{"accuracy": True, "nll": False, "brier": False, "ece": False, "ece_smooth": False, "ece_width": False},
    "votes": False,
    **{f"auroc_{measure}": True for measure in ("entropy", "information", "disagreement")},
    **{f"fpr_{measure}": False for measure in ("entropy", "information", "disagreement")},
}


class Look(NamedTuple):
    """A score and, for every independent sample, what its examples (or groups) add, whose mean varies as the score does."""

    value: float
    parts: tuple[np.ndarray, ...]

    def __sub__(self, other: Self) -> "Look":
        """Paired on the same examples."""
        parts = tuple(mine - theirs for mine, theirs in zip(self.parts, other.parts, strict=True))
        return Look(self.value - other.value, parts)

    @property
    def se(self) -> float:
        """Standard error over examples."""
        return math.hypot(*(mean_score(part.astype(np.float64)).se for part in self.parts))

    @property
    def _size(self) -> int:
        return min(len(part) for part in self.parts)

    def ends(self) -> tuple[float, float]:
        """95 % interval over examples; Student's over groups."""
        half = (quantile(self._size, 0.975) if self._size <= GROUPS else NORMAL) * self.se
        return self.value - half, self.value + half

    def p_value(self) -> float:
        """Two-sided, of the value against 0."""
        if self.se == 0:
            return float(self.value == 0)
        from scipy.special import ndtr, stdtr

        far = -abs(self.value) / self.se
        return float(2 * (stdtr(self._size - 1, far) if self._size <= GROUPS else ndtr(far)))


def mean_look(contribution: np.ndarray) -> Look:
    """The mean of ``contribution`` (N,)."""
    return Look(float(contribution.mean(dtype=np.float64)), (contribution.astype(np.float32),))


def jackknifed(whole: float, left_out: np.ndarray) -> Look:
    """A score with its pseudo-values, of the scores without each of J groups (J,)."""
    groups = len(left_out)
    return Look(whole, (groups * whole - (groups - 1) * left_out,))


def groups_of(count: int) -> np.ndarray:
    """The group (N,) of every example, the same for all pools."""
    return np.random.default_rng(GROUP_SEED).permutation(count) % min(GROUPS, count)


def label_looks(prob: np.ndarray, y: np.ndarray, votes: np.ndarray | None) -> dict[str, Look]:
    """Metric -> look, of predictions ``prob`` (N, K) with labels (N,) and, where people voted, shares of the votes (N, K)."""
    found = {name: mean_look(each) for name, each in label_contributions(prob, y).items()}
    confidence, right = prob.max(-1).astype(np.float64), prob.argmax(-1) == y
    found |= {name: jackknifed(*each) for name, each in calibration_errors(confidence, right, groups_of(len(y))).items()}
    if votes is not None:
        found["votes"] = mean_look(-(votes * np.log(np.maximum(prob, FLOOR))).sum(-1))
    return found


def foreign_looks(name: str, own: np.ndarray, foreign: np.ndarray) -> dict[str, Look]:
    """How well a measure of uncertainty, of ``own`` examples (N,) and ``foreign`` ones (M,), tells them apart."""
    placed = placements(own, foreign)
    auroc = Look(float(placed[0].mean()), tuple(part.astype(np.float32) for part in placed))
    left = [groups_of(len(sample)) for sample in (own, foreign)]
    without = [false_alarms(own[left[0] != g], foreign[left[1] != g]) for g in range(min(GROUPS, len(own), len(foreign)))]
    return {f"auroc_{name}": auroc, f"fpr_{name}": jackknifed(false_alarms(own, foreign), np.array(without))}
