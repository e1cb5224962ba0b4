"""Equal-tailed credible intervals of class probabilities. Shapes: S draws, M examples, K classes."""

import numpy as np

from mtbkd.evaluation.chunks import by_example


def credible_ends(prob: np.ndarray, level: float) -> np.ndarray:
    """Ends (2, M, K) of the intervals of ``prob`` (S, M, K): ``numpy.quantile`` over the draws, by sorting them.

    NumPy selects the four numbers it needs, which takes five times as long as its vectorised sort of all.
    """
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    at = tails * (len(prob) - 1)
    below = at.astype(int)
    above, share = np.minimum(below + 1, len(prob) - 1), at - below
    ends = np.empty((2, *prob.shape[1:]))
    for rows, part in by_example(prob):
        ordered = np.sort(part)
        low, high = ordered[..., below].astype(np.float64), ordered[..., above].astype(np.float64)
        ends[:, rows] = np.moveaxis(low + share * (high - low), -1, 0)
    return ends
