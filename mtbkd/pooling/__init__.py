"""Teachers' weights and pools: pure functions on probability arrays. R replicates, N examples, G teachers, K classes."""

import numpy as np


def entropies(prob: np.ndarray) -> np.ndarray:
    """H_g = -sum_k p_gk log p_gk in nats (R, N, G), of ``prob`` (R, N, G, K); 0 log 0 = 0."""
    log_prob = np.log(prob, where=prob > 0, out=np.zeros_like(prob))
    return -(prob * log_prob).sum(-1)


def normalised(xi: np.ndarray) -> np.ndarray:
    """w_g = xi_g / sum_g xi_g (R, N, G), of positive ``xi`` (R, N, G)."""
    return xi / xi.sum(-1, keepdims=True)
