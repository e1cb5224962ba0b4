"""Digits rendered from fonts, in the manner of SynthDigits (Ganin & Lempitsky 2015): fonts, sizes, places, rotation, blur,
colours, and neighbouring digits as clutter. The fonts are those that come with matplotlib."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.data.images.paint import colours

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont

FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "DejaVuSansMono", "DejaVuSansMono-Bold",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic",
)  # fmt: skip
SCALE = 2  # pixels drawn for one of the image, a side
HEIGHT = (0.7, 1.0)  # size of the font over the side of the image
SHIFT = 0.1  # largest displacement over the side
ROTATION = 20.0  # degrees, at most
BLUR = 0.9  # pixels of the image, at most
NEIGHBOUR = 0.3  # probability of a digit on either side
APART = (0.5, 0.75)  # distance of a neighbour over the side
NOISE = 0.04  # standard deviation of the pixel noise


def rendered(label: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Images float32 (n, 3, side, side) in [0, 1] of digits ``label`` (n,)."""
    ink = np.stack([_ink(int(digit), side, rng) for digit in label])[:, None] if len(label) else np.empty((0, 1, side, side))
    ground, stroke = colours(len(label), rng)
    noise = rng.normal(0, NOISE, (len(label), 3, side, side))
    return np.clip(ground * (1 - ink) + stroke * ink + noise, 0, 1).astype(np.float32)


def _ink(digit: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """One digit with its neighbours, (side, side) in [0, 1]."""
    from PIL import Image, ImageFilter

    large = side * SCALE
    font = _font(FONTS[rng.integers(len(FONTS))], round(rng.uniform(*HEIGHT) * large))
    canvas = Image.new("L", (large, large))
    centre = large / 2 + rng.uniform(-SHIFT, SHIFT, 2) * large
    _write(canvas, digit, centre, font)
    for direction in (-1, 1):
        if rng.random() < NEIGHBOUR:
            _write(canvas, int(rng.integers(10)), centre + np.array([direction * rng.uniform(*APART) * large, 0]), font)
    canvas = canvas.rotate(rng.uniform(-ROTATION, ROTATION), Image.Resampling.BILINEAR)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, BLUR) * SCALE))
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX)) / 255


def _write(canvas: "Image.Image", digit: int, centre: np.ndarray, font: "FreeTypeFont") -> None:
    from PIL import ImageDraw

    ImageDraw.Draw(canvas).text(tuple(centre.tolist()), str(digit), fill=255, font=font, anchor="mm")


@cache
def _font(name: str, size: int) -> "FreeTypeFont":
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)
