"""Folds of rows, as cross-fitting needs them."""

import numpy as np

from mtbkd.base.seeds import derive


def stratified_folds(y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold (n,) of every row at random: sizes, and counts of every class, differ by at most one; at most n folds.

    Args:
        y: int (n,), classes.
        folds: F.
        seed: base of the order.
    """
    order = np.random.default_rng(derive(seed, "folds")).permutation(len(y))
    found = np.empty(len(y), int)
    found[order[np.argsort(y[order], kind="stable")]] = np.arange(len(y)) % folds
    return found
