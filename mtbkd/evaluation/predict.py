"""One probability vector from many draws. Shapes: S draws, M examples, K classes."""

from typing import TYPE_CHECKING

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.chunks import by_example

if TYPE_CHECKING:
    from scipy import fft
else:
    fft = lazy_import("scipy.fft")

MIN_DRAWS = 20


def posterior_mean(prob: np.ndarray) -> np.ndarray:
    """Mean of the draws ``prob`` (S, M, K): float64 (M, K)."""
    return prob.mean(0, dtype=np.float64)


def kde_mode(prob: np.ndarray, grid: int = 600) -> np.ndarray:
    """The paper's point prediction: the mode of each class probability, renormalised; float64 (M, K).

    A Gaussian kernel density of the S draws of each class on ``grid`` equidistant points. The paper gives the number of
    points only; ours run from the smallest to the largest draw and the bandwidth is Scott's, S^(-1/5) times the
    standard deviation. All densities come from one binned (linearly, so that the mean is kept) and Fourier-transformed
    convolution.

    Args:
        prob: draws (S, M, K).
        grid: number of points.
    """
    _, examples, classes = prob.shape
    mode = np.empty((examples, classes))
    for rows, part in by_example(prob):
        if classes == 2:
            # The two densities mirror each other.
            mode[rows, 0] = _modes(part[:, 0], grid)
            mode[rows, 1] = 1 - mode[rows, 0]
        else:
            mode[rows] = _modes(part.reshape(-1, part.shape[-1]), grid).reshape(-1, classes)
    mass = mode.sum(1, keepdims=True)
    return np.divide(mode, mass, out=np.full_like(mode, 1 / classes), where=mass > 0)


def kde_prediction(prob: np.ndarray, grid: int = 600) -> np.ndarray:
    """The class (M,) of the largest ``kde_mode``.

    Modes lie between the smallest and the largest draw, so that densities are needed only where those ranges overlap.
    """
    low, high = prob.min(0), prob.max(0)
    leader = low.argmax(1)
    rivals = high.copy()
    rivals[np.arange(len(leader)), leader] = -np.inf
    open_ = np.flatnonzero(low.max(1) <= rivals.max(1))
    leader[open_] = kde_mode(prob[:, open_], grid).argmax(1)
    return leader


def _modes(draws: np.ndarray, grid: int) -> np.ndarray:
    """Kernel density modes (n,) of the rows of ``draws`` (n, S), a few thousand rows at a time."""
    return np.concatenate([_mode_rows(draws[i : i + 1024], grid) for i in range(0, len(draws), 1024)])


def _mode_rows(draws: np.ndarray, grid: int) -> np.ndarray:
    count = draws.shape[1]
    low, high = draws.min(1, keepdims=True).astype(np.float64), draws.max(1, keepdims=True).astype(np.float64)
    width = (high - low) / (grid - 1)
    position = np.divide(draws - low, width, out=np.zeros(draws.shape), where=width > 0)
    length = 2 * grid
    density = np.asarray(fft.rfft(_bin_linearly(position, grid, length), axis=1))
    sigma = position.std(1, ddof=1) * count**-0.2
    frequency = fft.rfftfreq(length).astype(np.float32)
    density *= np.exp(-2 * (np.pi * sigma[:, None].astype(np.float32) * frequency) ** 2)
    peak = np.asarray(fft.irfft(density, length, axis=1))[:, :grid].argmax(1)
    return low[:, 0] + peak * width[:, 0]


def _bin_linearly(position: np.ndarray, grid: int, length: int) -> np.ndarray:
    """Each draw shared between its two neighbouring grid points: float32 (n, length), zero beyond ``grid``."""
    left = np.minimum(position.astype(np.int64), grid - 2)
    share = (position - left).astype(np.float32)
    index = left + np.arange(len(position))[:, None] * length
    at, size = index.ravel(), len(position) * length
    counts = np.bincount(at, (1 - share).ravel(), size) + np.bincount(at + 1, share.ravel(), size)
    return counts.astype(np.float32).reshape(len(position), length)
