"""Temperature scaling (Guo et al. 2017): the one number that divides logits, by labels of other examples."""

import numpy as np

LEAST, MOST, STEPS, TOLERANCE = 0.01, 100.0, 50, 1e-5


def inverse_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """1 / T of the smallest negative log-likelihood of softmax(logits / T), from 0.01 to 100.

    The likelihood is log-concave in 1 / T: Newton's method, each step at most by a factor of two.

    Args:
        logits: (N, K); log-probabilities will do.
        y: int (N,).
    """
    shifted = logits - logits.max(-1, keepdims=True)
    of_label, squares = float(shifted[np.arange(len(y)), y].mean(dtype=np.float64)), shifted**2
    beta = 1.0
    for _ in range(STEPS):
        share = np.exp(beta * shifted)
        share /= share.sum(-1, keepdims=True)
        means = np.einsum("nk,nk->n", share, shifted)
        spread = float((np.einsum("nk,nk->n", share, squares) - means**2).mean(dtype=np.float64))
        wanted = beta + (of_label - float(means.mean(dtype=np.float64))) / max(spread, 1e-12)
        found = min(max(wanted, beta / 2, LEAST), beta * 2, MOST)
        if abs(found - beta) < TOLERANCE * beta:
            return found
        beta = found
    return beta
