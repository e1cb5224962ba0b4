"""CIFAR-100: photographs of 100 classes, 32 x 32 pixels, colour; SVHN and CIFAR-10 as out-of-distribution images."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, assemble
from mtbkd.data.images.collections import CIFAR10, CIFAR100, SVHN, Collection

SIMULATED = False
RAW = CIFAR100.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = CIFAR100
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"svhn": SVHN, "cifar10": CIFAR10}

    n_train: Examples = Field(45_000, description="training images, drawn from the 50,000 of the training part")
    n_val: Examples = Field(5_000, description="validation images, drawn from the same part")


def describe(settings: Settings) -> Shape:
    """Shape and classes, known before any data exist."""
    return assemble.describe(settings)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return assemble.raw_files(settings)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check and split the images; see ``mtbkd.data.datasets.assemble``."""
    return assemble.prepare(name, "cifar100", settings, seed, raw)
