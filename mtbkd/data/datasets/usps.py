"""USPS: digits from envelopes, 16 x 16 pixels, grey."""

from pathlib import Path

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, assemble
from mtbkd.data.images.collections import USPS

SIMULATED = False
RAW = USPS.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = USPS

    n_train: Examples = Field(6_000, description="training images, drawn from the 7,291 of the training part")
    n_val: Examples = Field(1_291, description="validation images, drawn from the same part")
    n_test: Examples = Field(2_007, description="test images, drawn from the 2,007 of the test part")


def describe(settings: Settings) -> Shape:
    """Shape and classes, known before any data exist."""
    return assemble.describe(settings)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return assemble.raw_files(settings)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check and split the images; see ``mtbkd.data.datasets.assemble``."""
    return assemble.prepare(name, "usps", settings, seed, raw)
