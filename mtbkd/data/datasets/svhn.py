"""SVHN: house numbers cut to their digits, 32 x 32 pixels, colour; CIFAR-10 as out-of-distribution images."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.data.datasets import assemble
from mtbkd.data.images.collections import CIFAR10, SVHN, Collection

SIMULATED = False
RAW = SVHN.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = SVHN
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"cifar10": CIFAR10}

    n_test: Examples = Field(26_032, description="test images, drawn from the 26,032 of the test part")


describe, raw_files, prepare = assemble.describe, assemble.raw_files, assemble.prepare
