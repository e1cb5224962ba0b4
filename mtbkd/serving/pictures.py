"""A folder of images for a student that learnt from images. N images of C x H x W pixels, F = C H W inputs.

Pixels of .png, .jpg and .jpeg, and of .npy with whole numbers, are 0..255 and are mapped to the range that the student's data
had. Real numbers of an .npy are taken as they are, inside this range. Nothing is resized: students know one size.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.delimited import short
from mtbkd.base.errors import ContractError, MtbkdError, unreadable
from mtbkd.serving.bundle import Bundle

PICTURES = (".png", ".jpg", ".jpeg")
ENDINGS = (*PICTURES, ".npy")
LAYERS = {1: "grey", 3: "colour"}
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"}  # of Pillow, with at most 8 bits a layer
SHOWN = 3


@dataclass(frozen=True)
class Pictures:
    """Images as they were read, (C, H, W) each; a slice of them is what the student reads, float32 (n, F)."""

    ids: list[str]
    pixels: list[np.ndarray]
    low: float
    high: float
    told: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> np.ndarray:
        return np.stack([self._scaled(each).ravel() for each in self.pixels[part]])

    def _scaled(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.dtype.kind == "f":
            return pixels.astype(np.float32)
        return (self.low + (self.high - self.low) * (pixels / 255.0)).astype(np.float32)


def read(folder: Path, bundle: Bundle) -> Pictures:
    """All images of a folder, in the order of their names, which are their ids.

    Raises:
        ContractError: the student reads no images, or its card does not say their range; no image in the folder; images that
            cannot be read or are of another size, all counted in one message.
    """
    card = bundle.card
    shape, bounds = card.inputs.features, card.data.get("pixels")
    where = f"student {card.method}"
    if len(shape) != 3:
        hint = "--fasta" if card.inputs.encoders else "--table"
        raise ContractError(where, "inputs", "protein chains" if card.inputs.encoders else "rows of numbers",
                            "a student of images", hint)  # fmt: skip
    if bounds is None:
        raise ContractError(where, "card", "no range of the pixels", "data.pixels: lowest and highest value",
                            "make its data and the student again with this release")  # fmt: skip
    if not folder.is_dir():
        raise ContractError(folder, "images", "a file" if folder.exists() else "nothing", "a folder of images")
    every = sorted(path for path in folder.iterdir() if path.is_file())
    paths = [path for path in every if path.suffix.lower() in ENDINGS]
    if not paths:
        raise ContractError(folder, "images", f"none among {len(every)} files", f"files that end in {', '.join(ENDINGS)}")
    low, high = map(float, bounds)
    pixels, refused, changed = [], [], Counter[str]()
    for path in paths:
        try:
            load = _array if path.suffix.lower() == ".npy" else _picture
            pixels.append(load(path, shape, (low, high), changed))
        except MtbkdError as error:
            refused.append(f"{short(path.name)}: {getattr(error, 'found', error)}")
    if refused:
        more = f" and {len(refused) - SHOWN:,} more" if len(refused) > SHOWN else ""
        raise ContractError(
            folder, f"{len(refused):,} of {len(paths):,} images", "; ".join(refused[:SHOWN]) + more, _size(shape)
        )
    left = len(list(folder.iterdir())) - len(paths)
    told = [f"{len(pixels):,} images of {_size(shape)}", *(f"{what}: {n:,} images" for what, n in sorted(changed.items()))]
    return Pictures([path.name for path in paths], pixels, low, high, (*told, *([f"left alone: {left:,} others"] * bool(left))))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[2]} x {shape[1]} pixels, {LAYERS.get(shape[0], f'{shape[0]} layers')}"


def _picture(path: Path, shape: tuple[int, ...], bounds: tuple[float, float], changed: Counter[str]) -> np.ndarray:
    """uint8 (C, H, W) of an image file, turned as its camera says."""
    from PIL import Image, ImageOps

    if shape[0] not in LAYERS:
        raise _refused(path, f"an image file, but the student reads {shape[0]} layers: use .npy")

    def load() -> Any:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.mode not in MODES:
                raise _refused(path, f"pixels of the kind {image.mode}, which are more than 8 bits")
            if sorted(image.size) != sorted(shape[1:]):
                raise _refused(path, f"{image.size[0]} x {image.size[1]} pixels")
            return ImageOps.exif_transpose(image).copy()

    image = _foreign(path, load)
    if image.size != (shape[2], shape[1]):
        raise _refused(path, f"{image.size[0]} x {image.size[1]} pixels")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise _refused(path, "transparent pixels")
    grey = image.mode in ("1", "L", "LA") or (shape[0] == 1 and _is_grey(image))
    if grey != (shape[0] == 1):
        changed["grey, read as colour" if grey else "colour, read as grey"] += 1
    array = np.asarray(image.convert("L" if shape[0] == 1 else "RGB"))
    return array[None] if shape[0] == 1 else np.moveaxis(array, -1, 0)


def _is_grey(image: Any) -> bool:
    return bool(np.ptp(np.asarray(image.convert("RGB")), axis=-1).max() == 0)


def _array(path: Path, shape: tuple[int, ...], bounds: tuple[float, float], changed: Counter[str]) -> np.ndarray:
    """(C, H, W) of an array file: (C, H, W), (H, W, C), or (H, W) for grey."""
    array = _foreign(path, lambda: np.load(path, allow_pickle=False))
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise _refused(path, f"content of the kind {getattr(array, 'dtype', type(array).__name__)}")
    if array.shape == shape[1:]:
        changed["grey, read as colour"] += shape[0] == 3
        array = np.broadcast_to(array, shape) if shape[0] in LAYERS else array
    elif array.shape == (*shape[1:], shape[0]) != shape:
        array = np.moveaxis(array, -1, 0)
    if array.shape != shape:
        raise _refused(path, f"an array of shape {array.shape}")
    low, high = bounds if array.dtype.kind == "f" else (0, 255)
    if not ((array >= low) & (array <= high)).all():
        raise _refused(path, f"numbers outside {low:g}..{high:g}")
    return array.copy() if array.dtype.kind == "f" else array.astype(np.uint8)


def _foreign[T](path: Path, load: Callable[[], T]) -> T:
    """What a library reads; ContractError for a file that it cannot."""
    try:
        return load()
    except MtbkdError:
        raise
    except Exception as error:  # Pillow and NumPy raise whatever comes of damaged bytes
        raise unreadable(path, error, "an image", "") from error


def _refused(path: Path, found: str) -> ContractError:
    return ContractError(path, "image", found, "one of the size that the student learnt")
