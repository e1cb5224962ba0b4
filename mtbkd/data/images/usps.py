"""USPS as "The Elements of Statistical Learning" publishes it: a line an image, the digit and 256 grey values in [-1, 1]."""

import io
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import damage
from mtbkd.data.images import Images, paired
from mtbkd.data.images.archive import unpacked

SIDE = 16


def read_usps(path: Path) -> Images:
    """Grey images (N, 1, 16, 16); the published values, steps of .001, are rounded to 256 levels."""
    expected = f"lines of a digit and {SIDE * SIDE} values, packed by gzip or not"
    content = unpacked(path, expected)
    if not content.strip():
        raise ContractError(path, "images", "none", "at least one")
    with damage(path, expected):
        table = np.loadtxt(io.BytesIO(content), ndmin=2, comments=None, encoding="ascii")
        if table.shape[1] != 1 + SIDE * SIDE:
            raise ContractError(path, "values", f"{table.shape[1] - 1} per line", f"{SIDE * SIDE}")
    label, values = table[:, 0], table[:, 1:]
    if not np.isfinite(table).all() or (label != np.round(label)).any():
        raise ContractError(path, "values", "non-finite numbers, or labels that are not integers", "-1..1, and digits")
    if np.abs(values).max() > 1:
        raise ContractError(path, "values", f"{values.min():g}..{values.max():g}", "-1..1")
    pixels = np.rint((values + 1) / 2 * 255).astype(np.uint8)
    return paired(pixels.reshape(-1, 1, SIDE, SIDE), label.astype(np.int64), 10, path)
