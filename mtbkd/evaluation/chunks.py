"""Draws read a few examples at a time, so that memory stays bounded whatever the number of draws.

Shapes: S draws, M examples, K classes.
"""

from collections.abc import Iterator

import numpy as np

CHUNK_ELEMENTS = 2**21


def by_example(prob: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield ``(rows, part)`` of ``prob`` (S, M, K): part (m, K, S) is contiguous and holds at most 2**21 numbers."""
    draws, examples, classes = prob.shape
    size = max(1, CHUNK_ELEMENTS // max(1, draws * classes))
    for start in range(0, examples, size):
        rows = slice(start, min(start + size, examples))
        yield rows, np.ascontiguousarray(prob[:, rows].transpose(1, 2, 0))
