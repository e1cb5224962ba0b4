"""SVHN: house numbers cut to their digits, 32 x 32 pixels, colour; CIFAR-10 as out-of-distribution images."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, assemble
from mtbkd.data.images.collections import CIFAR10, SVHN, Collection

SIMULATED = False
RAW = SVHN.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = SVHN
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"cifar10": CIFAR10}

    n_test: Examples = Field(26_032, description="test images, drawn from the 26,032 of the test part")


def describe(settings: Settings) -> Shape:
    """Shape and classes, known before any data exist."""
    return assemble.describe(settings)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return assemble.raw_files(settings)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check and split the images; see ``mtbkd.data.datasets.assemble``."""
    return assemble.prepare(name, "svhn", settings, seed, raw)
