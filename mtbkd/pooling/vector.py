"""Vector scaling (Guo et al. 2017): a slope and a shift for each class, by labels of other examples.

    q_k proportional to exp(b s_k log p_k + c_k),   b = 1 / T of temperature scaling

on log-probabilities, so that logits and probabilities give the same map: the diagonal case of Dirichlet calibration (Kull et
al. 2019). The 2 K numbers have Gaussian priors of standard deviation ``SPREAD`` about s = 1 and c = 0: where a class has no
labels, it stays as temperature scaling leaves it. Shapes: N examples, K classes.
"""

import numpy as np

from mtbkd.pooling.temperature import inverse_temperature

SPREAD = 0.3
STEPS, HALVINGS, TOLERANCE = 50, 30, 1e-9


def slopes_and_shifts(logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """b s (K,) and c (K,) of the largest posterior density given b: a convex problem, by Newton's method with halved steps.

    Args:
        logits: (N, K); log-probabilities will do.
        y: int (N,).
    """
    log_prob = log_softmax(logits.astype(np.float64))
    inverse = inverse_temperature(log_prob, y)
    scaled = inverse * log_prob
    both = np.stack([np.ones(logits.shape[-1]), np.zeros(logits.shape[-1])])
    value = loss(both, scaled, y)
    for _ in range(STEPS):
        step, before = _newton_step(both, scaled, y), value
        for halvings in range(HALVINGS):
            found = both - 0.5**halvings * step
            value = loss(found, scaled, y)
            if value <= before:
                both = found
                break
        if before - value <= TOLERANCE * max(1, abs(before)):
            break
    return inverse * both[0], both[1]


def loss(both: np.ndarray, scaled: np.ndarray, y: np.ndarray) -> float:
    """Minus the log-posterior of s and c, ``both`` (2, K), up to a constant; ``scaled``: b log p (N, K)."""
    log_q = log_softmax(scaled * both[0] + both[1])
    slack = both - np.array([[1.0], [0.0]])
    return float((slack**2).sum() / (2 * SPREAD**2) - log_q[np.arange(len(y)), y].sum())


def _newton_step(both: np.ndarray, scaled: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Inverse Hessian times gradient (2, K)."""
    classes = len(both[0])
    q = np.exp(log_softmax(scaled * both[0] + both[1]))
    parts = np.concatenate([q * scaled, q], axis=1)
    moments = np.einsum("nk,nk->k", parts[:, :classes], scaled), parts[:, :classes].sum(0), q.sum(0)
    hessian = np.block([[np.diag(moments[0]), np.diag(moments[1])], [np.diag(moments[1]), np.diag(moments[2])]])
    hessian += np.eye(2 * classes) / SPREAD**2 - parts.T @ parts
    excess = q
    excess[np.arange(len(y)), y] -= 1
    gradient = np.concatenate([(excess * scaled).sum(0), excess.sum(0)])
    gradient += (both - np.array([[1.0], [0.0]])).ravel() / SPREAD**2
    return np.linalg.solve(hessian, gradient).reshape(2, classes)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities (..., K) of ``logits``."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
