"""IDX, the format of MNIST and Fashion-MNIST: a magic number, the sizes of the axes, then bytes; gzip-packed or not.

Our own reader, as torchvision's checks neither the magic number's first half nor the length, and takes seconds to import.
"""

import math
import struct
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.data.images import Images, paired
from mtbkd.data.images.archive import unpacked

UNSIGNED_BYTE = 8


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The uint8 array with ``axes`` axes in an IDX file; ContractError names the file and what is wrong with it."""
    content = unpacked(path, "an IDX file, packed by gzip or not")
    start = 4 + 4 * axes
    magic = content[:4]
    if magic != bytes([0, 0, UNSIGNED_BYTE, axes]):
        raise ContractError(path, "magic number", f"0x{magic.hex() or '(an empty file)'}",
                            f"0x0000{UNSIGNED_BYTE:02x}{axes:02x}, unsigned bytes with {axes} axes")  # fmt: skip
    shape = struct.unpack(f">{axes}I", content[4:start].ljust(4 * axes, b"\0"))
    if len(content) != start + math.prod(shape):
        raise ContractError(path, "length", f"{len(content)} bytes", f"{start + math.prod(shape)}, as its header says",
                            "the file is truncated or damaged: fetch it again")  # fmt: skip
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_pair(images: Path, labels: Path, classes: int) -> Images:
    """Grey images (N, 1, H, W) from one IDX file and their labels from another."""
    return paired(read_idx(images, 3)[:, None], read_idx(labels, 1), classes, f"{images} and {labels}")
