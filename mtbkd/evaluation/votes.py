"""Agreement of predictions with human votes on the same images, many votes per image, as in CIFAR-10H (Peterson,
Battleday, Griffiths, Russakovsky 2019).

    cross-entropy     mean_i - sum_k p_ik log q_ik, of the votes' shares p and the prediction q; at least the mean entropy of p
    KL divergence     the cross-entropy less that entropy: 0 where the prediction is what people say
    squared error     mean_i mean_k (p_ik - q_ik)^2
    shared choice     mean_i share of the people who choose the class that is predicted
    correlation       Spearman's, over images, of a measure of uncertainty with the entropy of the votes
    minority inside   share of (image, class) pairs inside the credible set, over the classes that a minority of people chooses:
                      at least a given share of the votes, but not the most
    set size          mean number of classes inside the credible set

The credible set of an image holds the classes whose deviance lies in the interval [0, tau] of ``coverage``; where draws
disagree a class counts by the share of draws in which it is inside. For a point prediction that is the smallest set of classes
that holds the level's mass. Shapes: S draws, M images, K classes, R replicates, B groups of images.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import read_npy
from mtbkd.evaluation.coverage import interval
from mtbkd.evaluation.deviance import decompose, entropy
from mtbkd.evaluation.intervals import LEVEL
from mtbkd.evaluation.metrics import FLOOR

GROUPS, GROUP_SEED = 20, 20190419
RANKED = ("corr_mean_deviance", "corr_total_entropy", "corr_epistemic_entropy")
METRICS = ("cross_entropy", "kl", "squared_error", "shared_choice", *RANKED, "minority_inside", "set_size")
SLACK = 1e-6  # of a deviance: tau is one of the deviances, but for rounding


def read_votes(path: Path) -> np.ndarray:
    """Counts (images, K) of a .npy file; ContractError unless they are whole numbers >= 0, some in every row."""
    counts = read_npy(path, "a .npy file of vote counts")
    shaped = counts.dtype.kind in "iuf" and counts.ndim == 2 and len(counts) > 0
    if not shaped or not np.isfinite(counts).all() or (counts != np.round(counts)).any():
        raise ContractError(path, "counts", f"{counts.dtype} of shape {counts.shape}", "integers, images by classes")
    if (counts < 0).any() or (counts.sum(1) == 0).any():
        bad = int(((counts < 0).any(1) | (counts.sum(1) == 0)).sum())
        raise ContractError(path, "counts", f"{bad} images with a negative count or no vote", "votes for every image")
    return counts.astype(np.float64)


@dataclass(frozen=True)
class Votes:
    """Human votes on M images: ``share`` (M, K) of the votes, their ``entropy`` (M,), ``minority`` bool (M, K)."""

    share: np.ndarray
    entropy: np.ndarray
    minority: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray, minority_share: float) -> "Votes":
        """From counts (M, K); a minority class has at least ``minority_share`` of the votes and is not the first choice."""
        share = counts / counts.sum(1, keepdims=True)
        first = np.arange(share.shape[1]) == share.argmax(1)[:, None]
        return cls(share, entropy(share), (share >= minority_share) & ~first)


@dataclass(frozen=True)
class Judged:
    """One prediction against the votes: each metric's ``values`` (M,), and ``weights`` (M,) of the images where they differ."""

    values: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]
    human: np.ndarray

    def score(self, metric: str, rows: np.ndarray) -> float:
        """The metric over some images; NaN where nothing can be said."""
        if metric not in self.values:
            return math.nan
        values = self.values[metric][rows]
        if metric in RANKED:
            return spearman(values, self.human[rows])
        if metric not in self.weights:
            return float(values.mean())
        weight = self.weights[metric][rows].sum()
        return float(values.sum() / weight) if weight else math.nan


def judge(prob: np.ndarray, votes: Votes, level: float) -> Judged:
    """Judge draws ``prob`` (S, M, K), S = 1 for a point prediction, which has no epistemic entropy."""
    mean, unsure = prob.mean(0, dtype=np.float64), decompose(prob)
    cross = -(votes.share * np.log(np.maximum(mean, FLOOR))).sum(1)
    inside = credible_share(prob, level)
    values = {
        "cross_entropy": cross,
        "kl": cross - votes.entropy,
        "squared_error": ((votes.share - mean) ** 2).mean(1),
        "shared_choice": votes.share[np.arange(len(mean)), mean.argmax(1)],
        "corr_mean_deviance": unsure.mean_deviance,
        "corr_total_entropy": unsure.entropy_total,
        "minority_inside": (inside * votes.minority).sum(1),
        "set_size": inside.sum(1),
    }
    if len(prob) > 1:
        values["corr_epistemic_entropy"] = unsure.entropy_epistemic
    return Judged(values, {"minority_inside": votes.minority.sum(1)}, votes.entropy)


def credible_share(prob: np.ndarray, level: float) -> np.ndarray:
    """Share (M, K) of the draws ``prob`` (S, M, K) in which a class lies inside the credible set of ``level``."""
    tau = interval(prob, [level])[:, 0]
    lowest = np.exp(-(tau + SLACK) / 2)
    return (prob >= lowest[:, None]).mean(0, dtype=np.float64)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation of two measures (M,), ties at their mean rank; NaN where one of them is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(x) - (len(x) + 1) / 2 for x in (a, b)]
    norm = math.sqrt(float((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    return float((ranks[0] * ranks[1]).sum()) / norm if norm > 0 else math.nan


@dataclass(frozen=True)
class Looks:
    """A metric as its jackknife sees it.

    Attributes:
        replicates: their numbers, () for a prediction that is the same in all (a teacher's).
        whole: (R or 1,) on all images.
        left_out: (R or 1, B) without each group of images.
    """

    replicates: tuple[int, ...]
    whole: np.ndarray
    left_out: np.ndarray

    def __sub__(self, other: "Looks") -> "Looks":
        """Paired difference in the replicates that both have."""
        if not self.replicates or not other.replicates:
            return Looks(self.replicates or other.replicates, self.whole - other.whole, self.left_out - other.left_out)
        both = [r for r in self.replicates if r in other.replicates]
        mine, theirs = ([each.replicates.index(r) for r in both] for each in (self, other))
        whole, left_out = (a[mine] - b[theirs] for a, b in ((self.whole, other.whole), (self.left_out, other.left_out)))
        return Looks(tuple(both), whole, left_out)

    def estimate(self) -> tuple[float, float, float]:
        """Mean and the ends of its 95 % interval over images and, where there are several, replicates.

        The variances of both add up: that over images is a delete-a-group jackknife of the mean over replicates. Student's t
        with Satterthwaite's degrees of freedom.
        """
        if not len(self.whole):
            return math.nan, math.nan, math.nan
        mean, left_out = float(self.whole.mean()), self.left_out.mean(0)
        replicates, groups = len(self.whole), len(left_out)
        images = (groups - 1) / groups * float(((left_out - left_out.mean()) ** 2).sum())
        seeds = float(self.whole.var(ddof=1)) / replicates if replicates > 1 else 0.0
        if not math.isfinite(images + seeds):
            return mean, math.nan, math.nan
        if images + seeds == 0:
            return mean, mean, mean
        from scipy.special import stdtrit

        freedom = (images + seeds) ** 2 / (images**2 / (groups - 1) + seeds**2 / max(1, replicates - 1))
        half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(images + seeds)
        return mean, mean - half, mean + half


def looks(judged: Mapping[int | None, Judged], metric: str) -> Looks:
    """``Looks`` of a method's replicates, by number; of a prediction that is the same in all, under None."""
    count = len(next(iter(judged.values())).human)
    groups, every = min(GROUPS, count), np.arange(count)
    group = np.random.default_rng(GROUP_SEED).permutation(count) % groups
    rest = [every[group != g] for g in range(groups)]
    whole = [each.score(metric, every) for each in judged.values()]
    left_out = [[each.score(metric, rows) for rows in rest] for each in judged.values()]
    return Looks(tuple(r for r in judged if r is not None), np.array(whole), np.array(left_out))
