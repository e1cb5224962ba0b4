"""Digits: scikit-learn's 1,797 handwritten digits in three colour domains, a miniature of Digit-Five that runs offline.

Every 8x8 scan appears once, in one domain, as an 8x8 colour image with values in [0, 1]:
- ``plain``: a dark stroke on a light, mildly tinted ground;
- ``tinted``: a coloured stroke on a ground of another colour, at times brighter, at times darker;
- ``clutter`` (hard): a faint coloured stroke on a patchwork of random colours, with pixel noise.
The split ``ood:scrambled`` holds the test images with their four 4x4 quadrants moved one place clockwise: strokes, colours and
domains stay as they are, but no digit is left: a student that goes by texture alone cannot tell, one that reads shapes can.
Shapes: N scans, M <= N images of one domain.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import seeds
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.preprocess import LabelShare, hide_labels, stratified_split

SIMULATED = False
RAW: tuple[str, ...] = ()
DOMAINS = ("plain", "tinted", "clutter")
SHAPE = Shape(features=(3, 8, 8), class_names=tuple("0123456789"), domain_names=DOMAINS)
SPLIT_SHARES = {"train": 0.60, "val": 0.15, "test": 0.25}
CLUTTER_INK = 0.7  # opacity of the faint stroke
CLUTTER_PATCHES = 0.8  # range of the patches' colours around the ground's
CLUTTER_STROKE = (0.1, 0.4)  # brightness of the stroke
CLUTTER_NOISE = 0.05  # standard deviation of the pixel noise


class Settings(BaseModel):
    """How many of the scans to use, and how many training labels to show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(1.0, ge=0.1, le=1, description="share of the 1,797 scans to use, stratified by class")
    label_share: LabelShare = 1.0


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return SHAPE


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Colour, split and scramble the scans: x (1, N, 3, 8, 8), validated."""
    ink, label, number = _scans(settings.share, seed)
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0))
    thirds: dict[str, float] = dict.fromkeys(DOMAINS, 1 / 3)
    domain_name = stratified_split(label, thirds, rng)
    domain = np.array([DOMAINS.index(d) for d in domain_name])
    split = stratified_split(label * len(DOMAINS) + domain, SPLIT_SHARES, rng)
    x = render(ink, domain, rng)
    test = split == "test"
    y = np.concatenate([label, np.full(test.sum(), -1)]).astype(np.int64)
    split = np.concatenate([split, np.full(test.sum(), "ood:scrambled")])
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    card = {
        "kind": "digits",
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "simulated": False,
        "source": "scikit-learn load_digits, from UCI 'Optical Recognition of Handwritten Digits' (Alpaydin, Kaynak 1998)",
        "licence": "CC BY 4.0 (UCI)",
        "domains": "plain: dark on light; tinted: one colour on another; clutter: faint on random patches",
        "ood:scrambled": "test images with their quadrants moved one place clockwise: no digit, the same strokes and colours",
        "Values": "brightness and colours from 0 to 1; nothing is standardised",
        "pixels": [0.0, 1.0],
        "labelled_train": int(((hidden >= 0) & (split == "train")).sum()),
    }
    return Dataset(
        name=name,
        x=np.concatenate([x, scramble(x[test])])[None],
        y=hidden[None],
        split=split,
        class_names=SHAPE.class_names,
        ids=np.array([f"digit{i:04d}" for i in number] + [f"digit{i:04d}-scrambled" for i in number[test]]),
        domain=np.concatenate([domain, domain[test]])[None].astype(np.int64),
        domain_names=DOMAINS,
        teacher_y=y[None] if settings.label_share < 1 else None,
        card=card,
    ).validate()


def _scans(share: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ink (N, 8, 8) in [0, 1], digit (N,) and number in scikit-learn's order (N,) of a random share of every class."""
    from sklearn.datasets import load_digits

    ink, label = map(np.asarray, load_digits(return_X_y=True))
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0, part="share"))
    used = np.arange(len(label)) if share == 1 else np.flatnonzero(
        stratified_split(label, {"in": share, "out": 1 - share}, rng) == "in")  # fmt: skip
    return ink[used].reshape(-1, 8, 8) / 16, label[used], used


def render(ink: np.ndarray, domain: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colour scans by domain.

    Args:
        ink: (N, 8, 8) in [0, 1].
        domain: int (N,) into DOMAINS.

    Returns:
        float32 (N, 3, 8, 8) in [0, 1].
    """
    x = np.empty((len(ink), 3, 8, 8), dtype=np.float32)
    for code, paint in enumerate((_plain, _tinted, _clutter)):
        rows = domain == code
        ground, stroke, opacity = paint(int(rows.sum()), rng)
        cover = opacity * ink[rows][:, None]
        x[rows] = np.clip(ground * (1 - cover) + stroke * cover, 0, 1)
    return x


def scramble(x: np.ndarray) -> np.ndarray:
    """Move the four quadrants of images (N, C, H, W) one place clockwise; H and W are even."""
    left, right = np.split(x, 2, axis=-1)
    (top_left, bottom_left), (top_right, bottom_right) = np.split(left, 2, axis=-2), np.split(right, 2, axis=-2)
    top, bottom = np.concatenate([bottom_left, top_left], -1), np.concatenate([bottom_right, top_right], -1)
    return np.concatenate([top, bottom], -2)


Paint = tuple[np.ndarray, np.ndarray, float]  # ground (M, 3, 1 or 8, 1 or 8), stroke (M, 3, 1, 1), opacity of the ink


def _plain(m: int, rng: np.random.Generator) -> Paint:
    ground = rng.uniform(0.8, 0.95, (m, 1, 1, 1)) + rng.uniform(-0.05, 0.05, (m, 3, 1, 1))
    return ground, rng.uniform(0, 0.2, (m, 3, 1, 1)), 1.0


def _tinted(m: int, rng: np.random.Generator) -> Paint:
    hue = rng.random(m)
    return _colour(hue, 0.7, (0.4, 0.9), rng), _colour(hue + rng.uniform(0.3, 0.7, m), 0.7, (0.4, 0.9), rng), 1.0


def _clutter(m: int, rng: np.random.Generator) -> Paint:
    patches = _colour(rng.random(m), 0.5, (0.4, 0.8), rng) + rng.uniform(-0.5, 0.5, (m, 3, 4, 4)) * CLUTTER_PATCHES
    ground = patches.repeat(2, axis=2).repeat(2, axis=3) + rng.normal(0, CLUTTER_NOISE, (m, 3, 8, 8))
    return ground, _colour(rng.random(m), 0.8, CLUTTER_STROKE, rng), CLUTTER_INK


def _colour(hue: np.ndarray, saturation: float, brightness: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Colours (M, 3, 1, 1) of hue (M,) in turns, with brightness drawn between two bounds."""
    angle = 2 * np.pi * (hue[:, None] - np.arange(3) / 3)
    value = rng.uniform(*brightness, (len(hue), 1))
    return (value * (1 - saturation * (0.5 - 0.5 * np.cos(angle))))[:, :, None, None]
