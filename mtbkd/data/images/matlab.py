"""MATLAB files of SVHN (Netzer et al. 2011) and SynthDigits (Ganin & Lempitsky 2015): X (H, W, 3, N) and y (N, 1)."""

import math
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import MOST_BYTES, damage
from mtbkd.data.images import Images, paired


def read_mat(path: Path) -> Images:
    """Colour images (N, 3, H, W) with their digits; the label 10, with which SVHN means the digit 0, becomes 0."""
    from scipy.io import loadmat, whosmat

    with damage(path, "a MATLAB file of version 5 to 7") as file:
        told = {name: (shape, kind) for name, shape, kind in whosmat(file)}
    for name in ("X", "y"):
        if name not in told:
            raise ContractError(path, "variables", f"no {name}", "X and y", "is it truncated?")
    (shape, kind), (labels, _) = told["X"], told["y"]
    # Before anything is unpacked: a damaged header may tell any size.
    if kind != "uint8" or len(shape) != 4 or shape[2] != 3 or math.prod(shape) > MOST_BYTES:
        raise ContractError(path, "X", f"{kind} of shape {shape}", "uint8 of shape (height, width, 3, images)")
    if math.prod(labels) > MOST_BYTES:
        raise ContractError(path, "y", f"shape {labels}", f"one label for each of {shape[3]} images")
    with damage(path, "a MATLAB file of version 5 to 7") as file:
        content = loadmat(file, variable_names=["X", "y"])
        x, y = np.asarray(content["X"], np.uint8), np.asarray(content["y"], np.float64).reshape(-1)
    if (y != np.round(y)).any():
        raise ContractError(path, "y", "numbers that are not integers", "digits")
    y = y.astype(np.int64)
    return paired(np.ascontiguousarray(x.transpose(3, 2, 0, 1)), np.where(y == 10, 0, y), 10, path)
