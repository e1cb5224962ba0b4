"""Tiny files in the published formats, with random pixels: what readers are tested on, and conformance tests feed on."""

import gzip
import io
import struct
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

SIZES = {"train": 90, "test": 40}
SEEDS = {"train": 0, "test": 1}


def random_images(part: str, shape: tuple[int, int, int], classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 (n, C, H, W) and labels int64 (n,), n as SIZES says."""
    rng = np.random.default_rng(SEEDS[part])
    n = SIZES[part]
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.permutation(np.arange(n) % classes)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: np.ndarray) -> Path:
    path.write_bytes(gzip.compress(idx_bytes(array), 1, mtime=0))
    return path


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    """An archive packed as its name says."""
    with tarfile.open(path, "w:xz" if path.suffix == ".xz" else "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def cifar_bytes(pixels: np.ndarray, label: np.ndarray, label_bytes: int) -> bytes:
    labels = np.repeat(label.astype(np.uint8)[:, None], label_bytes, axis=1)
    return np.concatenate([labels, pixels.reshape(len(pixels), -1)], axis=1).tobytes()


def write_mat(path: Path, pixels: np.ndarray, label: np.ndarray) -> Path:
    """As SVHN: the digit 0 has the label 10."""
    from scipy.io import savemat

    savemat(path, {"X": pixels.transpose(2, 3, 1, 0), "y": np.where(label == 0, 10, label)[:, None].astype(np.uint8)})
    return path


def write_usps(path: Path, pixels: np.ndarray, label: np.ndarray) -> Path:
    rows = pixels.reshape(len(pixels), -1) / 255 * 2 - 1
    lines = [f"{digit}.0000 " + " ".join(f"{v:.4f}" for v in row) for digit, row in zip(label, rows, strict=True)]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return path


def png_bytes(pixels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def mnist_m_members(part: str) -> dict[str, bytes]:
    pixels, label = random_images(part, (3, 32, 32))
    names = [f"{i:08d}.png" for i in range(len(label))]
    listed = "\n".join(f"{name} {digit}" for name, digit in zip(names, label, strict=True))
    images = {f"mnist_m/mnist_m_{part}/{name}": png_bytes(image) for name, image in zip(names, pixels, strict=True)}
    return {f"mnist_m/mnist_m_{part}_labels.txt": listed.encode(), **images}


def _write(key: str, path: Path) -> None:
    part = "test" if key.endswith(("zip.test.gz", "test_32x32.mat")) or "/t10k" in key else "train"
    match key.partition("/")[0]:
        case "cifar100":
            write_tar(path, {f"cifar-100-binary/{p}.bin": cifar_bytes(*random_images(p, (3, 32, 32), 100), 2) for p in SIZES})
        case "svhn" | "synth_digits":
            write_mat(path, *random_images(part, (3, 32, 32)))
        case "mnist" | "fashion_mnist":
            pixels, label = random_images(part, (1, 28, 28))
            write_idx(path, pixels[:, 0] if "images" in key else label)
        case "usps":
            write_usps(path, *random_images(part, (1, 16, 16)))
        case "mnist_m":
            write_tar(path, mnist_m_members("train") | mnist_m_members("test"))


def write_all(folder: Path, keys: Iterable[str]) -> None:
    """A tiny file in the format of every raw file ``keys``, at <folder>/<key>."""
    for key in keys:
        (folder / key).parent.mkdir(exist_ok=True)
        _write(key, folder / key)
