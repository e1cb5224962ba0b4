"""Images moved away from the data by Gaussian noise of growing size (BKD, table 7). N images, x in [-1, 1]."""

import numpy as np


def perturbed(x: np.ndarray, gamma: float, noise: np.ndarray) -> np.ndarray:
    """x* = x + gamma eps, each image rescaled linearly so that its extreme values are -1 and 1.

    The paper says only that x* is rescaled to [-1, 1]; one linear map an image is our reading (clipping would hide noise).
    So gamma = 0 stretches an image whose values do not reach both ends, and leaves MNIST's as they are.

    Args:
        x: float32 (N, C, H, W).
        gamma: size of the noise, >= 0.
        noise: eps, standard normal, the shape of x; the same for every gamma, so that curves over gamma are paired.
    """
    moved = x + np.float32(gamma) * noise
    low, high = (f(moved, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    span = np.where(high > low, high - low, 1)
    return (2 * (moved - low) / span - 1).astype(np.float32)
