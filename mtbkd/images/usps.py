"""USPS (Hull 1994) as LIBSVM publishes it: a line an image, ``label index:value ...`` with values in [-1, 1], bzip2-packed."""

from pathlib import Path

import numpy as np

from mtbkd.errors import ContractError
from mtbkd.images import Images, paired

SIDE = 16


def read_usps(path: Path) -> Images:
    """Grey images (N, 1, 16, 16); the file's labels 1 to 10 are the digits 0 to 9."""
    from sklearn.datasets import load_svmlight_file

    try:
        features, label = load_svmlight_file(str(path), n_features=SIDE * SIDE, dtype=np.float64)[:2]
    except FileNotFoundError:
        raise ContractError(path, "file", "nothing", "a LIBSVM file", "run the rule download") from None
    except (ValueError, OSError, EOFError) as error:
        raise ContractError(path, "content", str(error), f"lines 'label index:value ...' with {SIDE * SIDE} values") from None
    values = np.asarray(features.todense())
    if len(values) and np.abs(values).max() > 1:
        raise ContractError(path, "values", f"{values.min():g}..{values.max():g}", "-1..1")
    pixels = np.rint((values + 1) / 2 * 255).astype(np.uint8)
    return paired(pixels.reshape(-1, 1, SIDE, SIDE), label.astype(np.int64) - 1, 10, path)
