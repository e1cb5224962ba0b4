"""Fashion-MNIST: clothes, 28 x 28 pixels, grey; MNIST as out-of-distribution images."""

from collections.abc import Mapping
from typing import ClassVar

from mtbkd.data.datasets import assemble
from mtbkd.data.images.collections import FASHION_MNIST, MNIST, Collection

SIMULATED = False
RAW = FASHION_MNIST.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = FASHION_MNIST
    FOREIGN: ClassVar[Mapping[str, Collection]] = {"mnist": MNIST}


describe, raw_files, prepare = assemble.describe, assemble.raw_files, assemble.prepare
