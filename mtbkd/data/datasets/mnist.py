"""MNIST: handwritten digits, 28 x 28 pixels, grey; Fashion-MNIST as out-of-distribution images."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, assemble
from mtbkd.data.images.collections import FASHION_MNIST, MNIST, Collection

SIMULATED = False
RAW = MNIST.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = MNIST
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"fashion": FASHION_MNIST}


def describe(settings: Settings) -> Shape:
    """Shape and classes, known before any data exist."""
    return assemble.describe(settings)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return assemble.raw_files(settings)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check and split the images; see ``mtbkd.data.datasets.assemble``."""
    return assemble.prepare(name, "mnist", settings, seed, raw)
