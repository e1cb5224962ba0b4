"""Images: checked readers of the published file formats, and what is made from them. N images of C x H x W pixels.

Readers give ``Images`` and raise ContractError at the first thing that is wrong with a file. Nothing is unpacked to disk,
no pickle is loaded, nothing in a file is executed.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError


class Images(NamedTuple):
    """``pixels`` uint8 (N, C, H, W) and ``label`` int64 (N,), classes from 0."""

    pixels: np.ndarray
    label: np.ndarray


def paired(pixels: np.ndarray, label: np.ndarray, classes: int, where: Path | str) -> Images:
    """Images with their labels; ContractError if their numbers differ or a label is no class."""
    if len(pixels) != len(label):
        raise ContractError(where, "labels", f"{len(label)} for {len(pixels)} images", "one per image")
    if not len(label):
        raise ContractError(where, "images", "none", "at least one")
    if label.min() < 0 or label.max() >= classes:
        raise ContractError(where, "labels", f"{label.min()}..{label.max()}", f"0..{classes - 1}")
    return Images(pixels, label.astype(np.int64))


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Pixels uint8 of any shape as float32 in [-1, 1]."""
    return (pixels.astype(np.float32) / 127.5 - 1).astype(np.float32)
