"""CIFAR-10: photographs of ten classes, 32 x 32 pixels, colour; SVHN and CIFAR-100 as out-of-distribution images."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.data.datasets import assemble
from mtbkd.data.downloads import at_hand
from mtbkd.data.images.collections import CIFAR10, CIFAR10_FIRST_10K, CIFAR10_FIRST_10K_OF_ALL, CIFAR100, SVHN, Collection

SIMULATED = False
RAW = CIFAR10.keys
DOWNLOADS = Path("results/downloads")


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = CIFAR10
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"svhn": SVHN, "cifar100": CIFAR100}

    release: Literal["full", "first_10k"] = Field(
        "full",
        description="full: all 50,000 training images; first_10k: the first 10,000 of them, from the smaller archive that "
        "holds no others where a mirror has it, else from the official one",
    )
    n_train: Examples = Field(45_000, description="training images, drawn from those of the release")
    n_val: Examples = Field(5_000, description="validation images, drawn from the same ones")

    @property
    def collection(self) -> Collection:
        if self.release == "full":
            return CIFAR10
        small = all(at_hand(key, DOWNLOADS) for key in CIFAR10_FIRST_10K.keys)
        return CIFAR10_FIRST_10K if small else CIFAR10_FIRST_10K_OF_ALL


describe, raw_files, prepare = assemble.describe, assemble.raw_files, assemble.prepare
