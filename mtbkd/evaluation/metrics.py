"""Scores of one probability vector an example, each with its standard error over examples where one is defined.

Written on numpy because the standard errors need each example's contribution; tests check the values against
scikit-learn, whose import would cost more than all of them. Shapes: N examples, K classes. ``prob`` are probabilities,
``y`` labels in 0..K-1. Confidence is the largest class probability. Natural logarithms.
"""

import math
from typing import NamedTuple

import numpy as np

from mtbkd.evaluation.intervals import GAP, POSITIVE, REAL, SHARE, UNIT, Range

ECE_BINS = 15
# The smallest normal number of single precision, in which draws are stored: a zero probability costs 87.3 nats.
FLOOR = float(np.finfo(np.float32).tiny)
# Direction of every metric by which methods can be ranked.
HIGHER_IS_BETTER = {
    "accuracy": True,
    "accuracy_kde_mode": True,
    "accuracy_true_prob": True,
    "ood_auroc": True,
    "nll": False,
    "brier": False,
    "ece": False,
    "aurc": False,
    "mse_prob": False,
    "mse_prob_kde_mode": False,
    "mae_prob": False,
}
# What values a metric can take, by its name before any "@level".
RANGES = {
    **dict.fromkeys(("accuracy", "accuracy_kde_mode", "accuracy_true_prob", "ood_auroc"), SHARE),
    **dict.fromkeys(("coverage", "coverage_self", "coverage_nearest"), SHARE),
    **dict.fromkeys(("ece", "aurc", "mse_prob", "mse_prob_kde_mode", "mae_prob"), UNIT),
    **dict.fromkeys(("nll", "mean_deviance", "entropy_total", "entropy_expected", "entropy_epistemic"), POSITIVE),
    "coverage_gap": GAP,
    "brier": Range(0, 2),
    **dict.fromkeys(("macro_f1", "micro_f1", "f1", "jaccard", "subset_accuracy", "recall"), UNIT),
    **dict.fromkeys(("macro_auroc", "micro_auroc", "auroc", "macro_average_precision", "average_precision"), UNIT),
    **dict.fromkeys(("macro_mcc", "mcc"), GAP),
}


class Score(NamedTuple):
    """A value, its standard error (NaN when not defined) and the number of examples."""

    value: float
    se: float
    n: int


class Bins(NamedTuple):
    """A reliability diagram: arrays (B,) over the bins that hold examples."""

    confidence: np.ndarray
    accuracy: np.ndarray
    n: np.ndarray


def range_of(metric: str) -> Range:
    """What values ``metric`` can take; any where it is not known."""
    return RANGES.get(metric.partition("@")[0], REAL)


def range_of_difference(metric: str) -> Range:
    """What values a difference of two methods in ``metric`` can take."""
    low, high, _ = range_of(metric)
    return Range(low - high, high - low)


def mean_score(contribution: np.ndarray) -> Score:
    """Mean of independent contributions (N,) with its standard error."""
    n = len(contribution)
    value = float(contribution.mean()) if n else math.nan
    return Score(value, float(contribution.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan, n)


def label_contributions(prob: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """What each example adds (N,) to accuracy, nll and brier, which are its means."""
    of_label = prob[np.arange(len(y)), y]
    return {
        "accuracy": (prob.argmax(-1) == y).astype(np.float64),
        "nll": -np.log(np.maximum(of_label, FLOOR)),
        "brier": (prob**2).sum(-1) - 2 * of_label + 1,
    }


def truth_contributions(prob: np.ndarray, true_prob: np.ndarray) -> dict[str, np.ndarray]:
    """What each example adds (N,) to the scores against the true class probabilities, which are its means.

    ``accuracy_true_prob``: the TRUE probability of the predicted class, free of the labels' noise; ``mse_prob``, ``mae_prob``:
    squared and absolute error, averaged over classes.
    """
    return {
        "accuracy_true_prob": true_prob[np.arange(len(prob)), prob.argmax(-1)].astype(np.float64),
        "mse_prob": ((prob - true_prob) ** 2).mean(-1),
        "mae_prob": np.abs(prob - true_prob).mean(-1),
    }


def accuracy(prob: np.ndarray, y: np.ndarray) -> Score:
    """Share of examples whose most probable class is the label (the first class of a tie)."""
    return mean_score(label_contributions(prob, y)["accuracy"])


def nll(prob: np.ndarray, y: np.ndarray) -> Score:
    """Mean negative log-likelihood of the labels."""
    return mean_score(label_contributions(prob, y)["nll"])


def brier(prob: np.ndarray, y: np.ndarray) -> Score:
    """Mean squared distance to the one-hot label, summed over classes (0..2)."""
    return mean_score(label_contributions(prob, y)["brier"])


def reliability(prob: np.ndarray, y: np.ndarray, bins: int = ECE_BINS) -> Bins:
    """Confidence and accuracy in ``bins`` bins of equal mass; equal confidences share a bin, whatever their order."""
    confidence, correct = prob.max(-1).astype(np.float64), prob.argmax(-1) == y
    index = mass_bins(confidence, bins)
    n = np.bincount(index, minlength=bins)
    kept = n > 0
    total = [np.bincount(index, weights, bins)[kept] / n[kept] for weights in (confidence, correct)]
    return Bins(total[0], total[1], n[kept])


def mass_bins(confidence: np.ndarray, bins: int = ECE_BINS) -> np.ndarray:
    """The bin (N,), of ``bins`` of equal mass, of every confidence (N,); equal ones share a bin."""
    edges = np.quantile(confidence, np.arange(1, bins) / bins)
    return np.searchsorted(edges, confidence, side="right")


def ece(prob: np.ndarray, y: np.ndarray, bins: int = ECE_BINS) -> Score:
    """Expected calibration error: mean distance of confidence and accuracy over ``bins`` bins of equal mass.

    Biased upwards by the noise within bins, the more the fewer examples; no standard error.
    """
    found = reliability(prob, y, bins)
    return Score(float((found.n * np.abs(found.accuracy - found.confidence)).sum() / found.n.sum()), math.nan, len(y))


def risk_coverage(uncertainty: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Mean error (N,) among the c least uncertain examples, over c = 1..N; equal uncertainties in the mean of their orders.

    Args:
        uncertainty: (N,), the larger the sooner an example is left unanswered.
        wrong: (N,), 1 where the prediction is not the label.
    """
    _, tie, count = np.unique(uncertainty, return_inverse=True, return_counts=True)
    taken = np.cumsum(np.repeat(np.bincount(tie, wrong) / count, count))
    return taken / np.arange(1, len(wrong) + 1)


def aurc(prob: np.ndarray, y: np.ndarray) -> Score:
    """Area under the risk-coverage curve (Geifman & El-Yaniv 2017), the mean of ``risk_coverage`` by confidence.

    No standard error.
    """
    risk = risk_coverage(-prob.max(-1), (prob.argmax(-1) != y).astype(np.float64))
    return Score(float(risk.mean()), math.nan, len(y))


def ood_auroc(uncertainty_in: np.ndarray, uncertainty_out: np.ndarray) -> Score:
    """Probability that an outside example is the more uncertain one; ties count one half.

    Args:
        uncertainty_in: (n,) of the test split.
        uncertainty_out: (m,) of an ``ood:*`` split.

    The standard error is DeLong's (1988), from the placements of either sample in the other.
    """
    if not len(uncertainty_in) or not len(uncertainty_out):
        return Score(math.nan, math.nan, 0)
    parts = [mean_score(placed) for placed in placements(uncertainty_in, uncertainty_out)]
    return Score(parts[0].value, math.hypot(*(part.se for part in parts)), len(uncertainty_in) + len(uncertainty_out))


def placements(uncertainty_in: np.ndarray, uncertainty_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's placements: for outside examples (m,) the share of the others that are surer, for these (n,) the share of
    outside examples that are less sure; the mean of either is ``ood_auroc``.
    """
    return _placement(uncertainty_out, uncertainty_in), 1 - _placement(uncertainty_in, uncertainty_out)


def _placement(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of ``others`` below each of ``values``, ties one half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + upto) / 2 / len(others)


def label_scores(prob: np.ndarray, y: np.ndarray) -> dict[str, Score]:
    """All scores that need labels, by name."""
    return {name: mean_score(each) for name, each in label_contributions(prob, y).items()} | whole_scores(prob, y)


def whole_scores(prob: np.ndarray, y: np.ndarray) -> dict[str, Score]:
    """The scores that need labels and are no means over examples."""
    return {score.__name__: score(prob, y) for score in (ece, aurc)}


def truth_scores(prob: np.ndarray, true_prob: np.ndarray) -> dict[str, Score]:
    """All scores that need the true probabilities, by name."""
    return {name: mean_score(each) for name, each in truth_contributions(prob, true_prob).items()}
