"""Measures of calibration as functions of residuals, and of false alarms on foreign data.

A residual is correct - confidence (the largest probability), collected in cells of confidence. From sums over groups of
examples, the measure without each group costs next to nothing: a jackknife. Shapes: N examples, B cells, J groups.
"""

from typing import Any, NamedTuple

import numpy as np

from mtbkd.evaluation.metrics import ECE_BINS, mass_bins

GRID = 1_000  # cells of [0, 1] for the smooth error
HALVINGS = 20  # of the interval that holds its bandwidth
CAUGHT = 0.95  # share of the own examples that are accepted
EQUAL_MASS, EQUAL_WIDTH, SMOOTH = "ece", "ece_width", "ece_smooth"


class Errors(NamedTuple):
    """A measure on all examples, and without each group: float, (J,)."""

    whole: float
    left_out: np.ndarray


def calibration_errors(confidence: np.ndarray, correct: np.ndarray, group: np.ndarray) -> dict[str, Errors]:
    """Measure -> errors: in bins of equal mass (``metrics.ece``; its bins stay), of equal width, and smooth.

    Args:
        confidence: (N,), the largest probability.
        correct: bool (N,).
        group: int (N,), 0..J-1, none of them empty.
    """
    cells = {
        EQUAL_MASS: (mass_bins(confidence), ECE_BINS),
        EQUAL_WIDTH: (np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1), ECE_BINS),
        SMOOTH: (np.minimum((confidence * GRID).astype(int), GRID - 1), GRID),
    }
    size, residual = np.bincount(group), correct - confidence
    found = {}
    for name, (cell, count) in cells.items():
        sums = np.bincount(group * count + cell, residual, len(size) * count).reshape(-1, count)
        total = sums.sum(0)
        means = np.vstack([total / size.sum(), (total - sums) / (size.sum() - size)[:, None]])
        values = smooth_error(means) if name == SMOOTH else np.abs(means).sum(-1)
        found[name] = Errors(float(values[0]), values[1:])
    return found


def smooth_error(residual: np.ndarray) -> np.ndarray:
    """Smooth expected calibration error (Blasiok and Nakkiran 2024, Smooth ECE, section 4): no bins to choose.

    Residuals are smoothed over confidence by a Gaussian kernel reflected at 0 and 1; the error is the integral of their
    absolute value at the one bandwidth h that equals it. The cosine transform diagonalises such a kernel: it multiplies
    frequency k by exp(-(pi k h)^2 / 2).

    Args:
        residual: (..., B), sums over the examples of a cell of [0, 1], divided by the number of all.
    """
    from scipy.fft import dct, idct

    waves, frequency = dct(residual, norm="ortho"), np.pi * np.arange(residual.shape[-1])

    def error(bandwidth: np.ndarray) -> np.ndarray:
        smoothed: Any = idct(waves * np.exp(-((frequency * bandwidth[..., None]) ** 2) / 2), norm="ortho")
        return np.abs(smoothed).sum(-1)

    low, high = np.zeros(residual.shape[:-1]), np.ones(residual.shape[:-1])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = error(middle) > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return error((low + high) / 2)


def false_alarms(uncertainty_in: np.ndarray, uncertainty_out: np.ndarray, caught: float = CAUGHT) -> float:
    """Share of foreign examples that pass as the data's own if 95 % of these are accepted ("FPR at 95 % TPR").

    Args:
        uncertainty_in: (N,) of the data's own examples, accepted up to the ``caught`` quantile.
        uncertainty_out: (M,) of foreign ones.
    """
    limit = np.quantile(uncertainty_in, caught, method="higher")
    return float((uncertainty_out <= limit).mean())
