"""CIFAR-100: photographs of 100 classes, 32 x 32 pixels, colour; SVHN and CIFAR-10 as out-of-distribution images."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.data.datasets import assemble
from mtbkd.data.images.collections import CIFAR10, CIFAR100, SVHN, Collection

SIMULATED = False
RAW = CIFAR100.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = CIFAR100
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"svhn": SVHN, "cifar10": CIFAR10}

    n_train: Examples = Field(45_000, description="training images, drawn from the 50,000 of the training part")
    n_val: Examples = Field(5_000, description="validation images, drawn from the same part")


describe, raw_files, prepare = assemble.describe, assemble.raw_files, assemble.prepare
