"""MNIST-M (Ganin & Lempitsky 2015), the unpacked version: PNG files and lists 'name label' in one archive."""

import io
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.data.images import Images, paired
from mtbkd.data.images.archive import read_members

SIDE = 32


def read_mnist_m(path: Path, part: str) -> Images:
    """Colour images (N, 3, 32, 32) of ``part`` (train or test), in the order of its list."""
    listed, folder = f"mnist_m_{part}_labels.txt", f"mnist_m_{part}"
    members = read_members(path, lambda name: name.endswith(listed) or name.split("/")[-2:-1] == [folder])
    lists = [content for name, content in members.items() if name.endswith(listed)]
    if len(lists) != 1:
        raise ContractError(path, "members", f"{len(lists)} files {listed}", "one")
    rows = [line.split() for line in lists[0].decode("utf-8", "replace").splitlines() if line.strip()]
    if bad := [row for row in rows if len(row) != 2 or not row[1].isdigit()]:
        raise ContractError(path, listed, repr(" ".join(bad[0])), "lines 'file label'")
    files = {name.rpartition("/")[2]: content for name, content in members.items()}
    if missing := [name for name, _ in rows if name not in files]:
        raise ContractError(path, folder, f"no {missing[0]}", f"every image of {listed}")
    pixels = np.stack([_decode(path, name, files[name]) for name, _ in rows]) if rows else np.empty((0, 3, SIDE, SIDE))
    return paired(pixels, np.array([int(label) for _, label in rows], np.int64), 10, path)


def _decode(path: Path, name: str, content: bytes) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size == (SIDE, SIDE):  # before it is unpacked: a few bytes may tell any size
                return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
            found = f"{image.size[0]} x {image.size[1]} pixels"
    except Exception as error:  # whatever the library raises on damaged bytes
        raise ContractError(path, name, str(error) or repr(error), "a PNG image") from None
    raise ContractError(path, name, found, f"{SIDE} x {SIDE} pixels")
