"""Does uncertainty find the errors, and what changes on other data? S draws, M examples, K classes.

Measures of uncertainty, the larger the less sure: ``max_prob`` (1 less the largest posterior mean probability),
``entropy_total``, ``mean_deviance`` (the paper's; half of it is the expected entropy) and ``entropy_epistemic``. The last is
not known from one draw.
"""

from collections.abc import Mapping

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.deviance import decompose
from mtbkd.evaluation.metrics import Score, mean_score, ood_auroc, risk_coverage

sklearn = lazy_import("sklearn.metrics")

MEASURES = ("max_prob", "entropy_total", "mean_deviance", "entropy_epistemic")


def uncertainties(prob: np.ndarray) -> dict[str, np.ndarray]:
    """Measure -> (M,) from draws ``prob`` (S, M, K)."""
    unsure = decompose(prob)
    found = {"max_prob": 1 - prob.mean(0, dtype=np.float64).max(-1)}
    return found | {name: getattr(unsure, name) for name in MEASURES[1:] if len(prob) > 1 or name != "entropy_epistemic"}


def class_scores(prediction: np.ndarray, y: np.ndarray, deviance: np.ndarray, classes: int) -> dict[tuple[int, str], Score]:
    """(class, metric) -> score of labelled examples.

    Metrics: ``recall`` (share of the class's examples that are recognised), ``mcc`` (Matthews' correlation of this class
    against all others; 0 where the class is never predicted) and ``mean_deviance`` (mean over the class's examples).

    Args:
        prediction, y: classes (M,).
        deviance: mean deviance (M,).
        classes: K.
    """
    found = {}
    for k in sorted(set(range(classes)) & set(y.tolist())):
        own = y == k
        found[k, "recall"] = mean_score((prediction[own] == k).astype(np.float64))
        found[k, "mcc"] = Score(float(sklearn.matthews_corrcoef(own, prediction == k)), np.nan, len(y))
        found[k, "mean_deviance"] = mean_score(deviance[own])
    return found


def error_scores(uncertainty: np.ndarray, wrong: np.ndarray) -> dict[str, Score]:
    """How well one measure orders the errors.

    ``aurc``: area under the risk-coverage curve; ``aurc_perfect`` and ``aurc_random``: the same if all errors came last, or
    anywhere; ``error_auroc``: probability that a wrong answer is the less sure one of a wrong and a right one.

    Args:
        uncertainty: (M,).
        wrong: bool (M,).
    """
    n, errors = len(wrong), wrong.astype(np.float64)
    areas = {"aurc": uncertainty, "aurc_perfect": errors, "aurc_random": np.zeros(n)}
    found = {name: Score(float(risk_coverage(order, errors).mean()), np.nan, n) for name, order in areas.items()}
    return found | {"error_auroc": ood_auroc(uncertainty[~wrong], uncertainty[wrong])}


def shift_scores(mean: np.ndarray, y: np.ndarray, mix: Mapping[int, float]) -> dict[str, Score]:
    """Accuracy of labelled examples, as they are and at another mix of classes, and what the student expected.

    ``accuracy``; ``accuracy_test_mix``: recalls weighted by ``mix``, so that a split with other classes can be compared;
    ``overconfidence``: mean probability of the predicted class less accuracy.

    Args:
        mean: posterior mean probabilities (M, K).
        y: labels (M,).
        mix: class -> share, in the test split; classes that do not occur here are left out.
    """
    right = (mean.argmax(-1) == y).astype(np.float64)
    share = np.array([mix.get(k, 0.0) for k in range(mean.shape[1])])[y] / np.bincount(y, minlength=mean.shape[1])[y]
    weight = share / max(share.sum(), np.finfo(float).tiny)
    mixed = float((weight * right).sum())
    se = float(np.sqrt((weight**2 * (right - mixed) ** 2).sum()))
    return {
        "accuracy": mean_score(right),
        "accuracy_test_mix": Score(mixed, se, len(y)),
        "overconfidence": mean_score(mean.max(-1) - right),
    }


def curve(uncertainty: np.ndarray, wrong: np.ndarray, points: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Coverages and error rates (points,) when the least sure are left out, from 1 / points to all."""
    risk = risk_coverage(uncertainty, wrong.astype(np.float64))
    at = np.unique(np.maximum(1, np.round(np.arange(1, points + 1) / points * len(risk)).astype(int)))
    return at / len(risk), risk[at - 1]
