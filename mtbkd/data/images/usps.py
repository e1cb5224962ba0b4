"""USPS (Hull 1994) as LIBSVM publishes it: a line an image, ``label index:value ...`` with values in [-1, 1], bzip2-packed."""

import bz2
import io
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import MOST_BYTES, damage
from mtbkd.data.images import Images, paired

SIDE = 16


def read_usps(path: Path) -> Images:
    """Grey images (N, 1, 16, 16); the file's labels 1 to 10 are the digits 0 to 9."""
    from sklearn.datasets import load_svmlight_file

    with damage(path, f"a LIBSVM file, lines 'label index:value ...' with {SIDE * SIDE} values") as file:
        with (bz2.open if file.suffix == ".bz2" else open)(file, "rb") as handle:
            content = handle.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ContractError(path, "content", f"more than {MOST_BYTES} bytes", "at most that many")
        features, label = load_svmlight_file(io.BytesIO(content), n_features=SIDE * SIDE, dtype=np.float64)[:2]
    if not np.isfinite(features.data).all() or (label != np.round(label)).any():
        raise ContractError(path, "values", "non-finite numbers, or labels that are not integers", "-1..1, and digits")
    values = np.asarray(features.todense())
    if len(values) and np.abs(values).max() > 1:
        raise ContractError(path, "values", f"{values.min():g}..{values.max():g}", "-1..1")
    pixels = np.rint((values + 1) / 2 * 255).astype(np.uint8)
    return paired(pixels.reshape(-1, 1, SIDE, SIDE), label.astype(np.int64) - 1, 10, path)
