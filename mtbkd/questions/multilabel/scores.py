"""Scores of students with several labels: one probability an example and location.

Decisions need a threshold a location: the one with the largest Matthews correlation (MCC) on the validation split, never on the
split that is scored. Means over locations ("macro") leave out those that no example of the split has, or all have; scores over
all pairs of example and location ("micro"), Jaccard and subset accuracy count every location.
Written on numpy, as mtbkd.evaluation.metrics is: hundreds of small calls to scikit-learn took half of a question's time. Tests
check every score against scikit-learn.
Shapes: M examples, K locations, B bins.
"""

import math
from typing import Any

import numpy as np

from mtbkd.evaluation.metrics import ECE_BINS, FLOOR, ood_auroc

HIGHER_IS_BETTER = {
    "macro_mcc": True,
    "macro_f1": True,
    "micro_f1": True,
    "jaccard": True,
    "subset_accuracy": True,
    "macro_auroc": True,
    "micro_auroc": True,
    "macro_average_precision": True,
    "nll": False,
    "brier": False,
    "ece": False,
}
BY_LOCATION = ("mcc", "f1", "auroc", "average_precision")
UNDECIDED = 0.5  # the threshold where validation examples cannot tell


def best_thresholds(prob: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Thresholds (K,): midway between the two probabilities whose separation has the largest MCC.

    Args:
        prob: (M, K) of the validation split.
        truth: bool (M, K).
    """
    return np.array([_best_threshold(p, t) for p, t in zip(prob.T, truth.T, strict=True)])


def _best_threshold(prob: np.ndarray, truth: np.ndarray) -> float:
    order = np.argsort(-prob, kind="stable")
    ranked, hits = prob[order].astype(np.float64), np.cumsum(truth[order])
    chosen, total = np.arange(1, len(ranked) + 1), hits[-1]
    between = np.flatnonzero(ranked[:-1] > ranked[1:])
    if total in (0, len(ranked)) or not len(between):
        return UNDECIDED
    value = correlation(hits, chosen - hits, total - hits, len(ranked) - total - chosen + hits)
    best = between[value[between].argmax()]
    return float((ranked[best] + ranked[best + 1]) / 2)


def correlation(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray) -> np.ndarray:
    """Matthews correlation from counts; 0 where a margin is empty, as in scikit-learn."""
    tp, fp, fn, tn = (np.asarray(count, np.float64) for count in (tp, fp, fn, tn))
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(scale), where=scale > 0)


def judged(truth: np.ndarray) -> np.ndarray:
    """Locations, bool (K,), that some but not all of the examples ``truth`` (M, K) have."""
    share = truth.mean(0)
    return (share > 0) & (share < 1)


def location_scores(prob: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """``BY_LOCATION`` (K,) each, NaN for locations that are not ``judged``.

    Args:
        prob: (M, K).
        truth: bool (M, K).
        thresholds: (K,).
    """
    kept, scores = judged(truth), {name: np.full(truth.shape[1], math.nan) for name in BY_LOCATION}
    if not kept.any():
        return scores
    p, t = prob[:, kept], truth[:, kept]
    present = p >= thresholds[kept]
    counts = [(a & b).sum(0) for a, b in ((present, t), (present, ~t), (~present, t), (~present, ~t))]
    scores["mcc"][kept] = correlation(*counts)
    scores["f1"][kept] = f1(*counts[:3])
    scores["auroc"][kept] = [auroc(*pair) for pair in zip(p.T, t.T, strict=True)]
    scores["average_precision"][kept] = [average_precision(*pair) for pair in zip(p.T, t.T, strict=True)]
    return scores


def f1(tp: Any, fp: Any, fn: Any) -> Any:
    """2 TP / (2 TP + FP + FN) of counts, numbers or arrays; 0 where nothing is present and nothing predicted."""
    return 2 * tp / np.maximum(1, 2 * tp + fp + fn)


def auroc(prob: np.ndarray, truth: np.ndarray) -> float:
    """Probability that a present example (``truth`` bool (n,)) has the larger ``prob`` (n,); ties count one half."""
    return ood_auroc(prob[~truth], prob[truth]).value


def average_precision(prob: np.ndarray, truth: np.ndarray) -> float:
    """Sum over distinct values of ``prob`` (n,) of (gain in recall) x precision; ``truth`` bool (n,) with some present."""
    order = np.argsort(-prob, kind="stable")
    ranked, hits = prob[order], np.cumsum(truth[order])
    last = np.append(np.flatnonzero(ranked[:-1] > ranked[1:]), len(ranked) - 1)  # of each run of equal values
    return float((np.diff(hits[last], prepend=0) * hits[last] / (last + 1)).sum() / hits[-1])


def overall_scores(
    prob: np.ndarray, truth: np.ndarray, thresholds: np.ndarray, by_location: dict[str, np.ndarray]
) -> dict[str, float]:
    """``HIGHER_IS_BETTER``'s scores; same arguments, and the locations' own.

    ``nll`` (nats) and ``brier`` are means over examples and locations; ``ece`` is over all pairs in 15 bins of equal mass.
    """
    present, pairs = prob >= thresholds, (prob.ravel(), truth.ravel())
    known = judged(truth).any()
    macro = {name: float(np.nanmean(by_location[name])) if known else math.nan for name in BY_LOCATION}
    return {
        **{f"macro_{name}": value for name, value in macro.items()},
        "micro_f1": float(f1((present & truth).sum(), (present & ~truth).sum(), (~present & truth).sum())),
        "jaccard": float(((present & truth).sum(1) / np.maximum(1, (present | truth).sum(1))).mean()),
        "subset_accuracy": float((present == truth).all(1).mean()),
        "micro_auroc": auroc(*pairs) if known else math.nan,
        "nll": bernoulli_nll(prob, truth),
        "brier": float(((prob - truth) ** 2).mean()),
        "ece": calibration_error(*pairs),
    }


def bernoulli_nll(prob: np.ndarray, truth: np.ndarray) -> float:
    """Mean negative log-likelihood over examples and locations, in nats."""
    chosen = np.where(truth, prob, 1 - prob)
    return float(-np.log(np.maximum(chosen, FLOOR)).mean())


def bins(prob: np.ndarray, truth: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean forecast, observed share and count (B,) in the bins between ``edges`` that hold pairs ``prob``, ``truth`` (n,)."""
    index = np.searchsorted(edges, prob, side="right")
    n = np.bincount(index, minlength=len(edges) + 1)
    kept = n > 0
    forecast, share = (np.bincount(index, weights, len(edges) + 1)[kept] / n[kept] for weights in (prob, truth))
    return forecast, share, n[kept]


def calibration_error(prob: np.ndarray, truth: np.ndarray, count: int = ECE_BINS) -> float:
    """Expected calibration error of forecasts (n,): mean |observed share - mean forecast| over bins of equal mass."""
    forecast, share, n = bins(prob, truth, np.quantile(prob, np.arange(1, count) / count))
    return float((n * np.abs(share - forecast)).sum() / n.sum())
