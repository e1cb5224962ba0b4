"""MATLAB files of SVHN (Netzer et al. 2011) and SynthDigits (Ganin & Lempitsky 2015): X (H, W, 3, N) and y (N, 1)."""

from pathlib import Path

import numpy as np

from mtbkd.errors import ContractError
from mtbkd.images import Images, paired


def read_mat(path: Path) -> Images:
    """Colour images (N, 3, H, W) with their digits; the label 10, with which SVHN means the digit 0, becomes 0."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path, variable_names=["X", "y"])
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "a MATLAB file", "run the rule download") from None
    except (MatReadError, NotImplementedError, ValueError, TypeError, OSError, EOFError) as error:
        raise ContractError(path, "content", str(error), "a whole MATLAB file of version 5 to 7") from None
    for name in ("X", "y"):
        if name not in content:
            raise ContractError(path, "variables", f"no {name}", "X and y")
    x, y = content["X"], content["y"].reshape(-1)
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[2] != 3:
        raise ContractError(path, "X", f"{x.dtype} of shape {x.shape}", "uint8 of shape (height, width, 3, images)")
    y = y.astype(np.int64)
    return paired(np.ascontiguousarray(x.transpose(3, 2, 0, 1)), np.where(y == 10, 0, y), 10, path)
