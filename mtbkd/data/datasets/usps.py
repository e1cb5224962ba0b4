"""USPS: digits from envelopes, 16 x 16 pixels, grey."""

from pydantic import Field

from mtbkd.base.bounds import Examples
from mtbkd.data.datasets import assemble
from mtbkd.data.images.collections import USPS

SIMULATED = False
RAW = USPS.keys


class Settings(assemble.ImageSettings):
    """Number of images, label share, and out-of-distribution test sets."""

    COLLECTION = USPS

    n_train: Examples = Field(6_000, description="training images, drawn from the 7,291 of the training part")
    n_val: Examples = Field(1_291, description="validation images, drawn from the same part")
    n_test: Examples = Field(2_007, description="test images, drawn from the 2,007 of the test part")


describe, raw_files, prepare = assemble.describe, assemble.raw_files, assemble.prepare
