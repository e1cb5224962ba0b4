"""Uncertainty of a prediction: mean deviance and the three entropies (method of MT-BKD, arXiv 2605.27967, section 5).

    deviance           dev(y, q) = -2 log q_y
    mean deviance      Delta = -(2/S) sum_j sum_k q_k^(j) log q_k^(j)
    expected entropy   mean of the draws' entropies (aleatoric); Delta / 2 is exactly this
    total entropy      entropy of the mean draw
    epistemic entropy  total - expected >= 0, the mutual information of label and parameters

Shapes: S draws, M examples, K classes. Natural logarithms.
"""

from typing import NamedTuple

import numpy as np

from mtbkd.evaluation.chunks import by_example


class Uncertainty(NamedTuple):
    """Four float64 arrays (M,)."""

    mean_deviance: np.ndarray
    entropy_total: np.ndarray
    entropy_expected: np.ndarray
    entropy_epistemic: np.ndarray


def entropy(prob: np.ndarray, axis: int = -1) -> np.ndarray:
    """Entropy in nats of probabilities along ``axis``, with 0 log 0 = 0; float64."""
    log_prob = np.log(np.maximum(prob, np.finfo(prob.dtype).tiny))
    return -(prob * log_prob).sum(axis, dtype=np.float64)


def decompose(prob: np.ndarray) -> Uncertainty:
    """Uncertainty of each example from the draws ``prob`` (S, M, K)."""
    total, expected = np.empty((2, prob.shape[1]))
    for rows, part in by_example(prob):
        expected[rows] = entropy(part, axis=1).mean(-1)
        total[rows] = entropy(part.mean(-1, dtype=np.float64))
    # Jensen's inequality holds exactly; single precision may miss it by a rounding error.
    return Uncertainty(2 * expected, total, expected, np.maximum(total - expected, 0))
