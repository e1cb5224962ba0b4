"""Two real hands: USPS's envelopes beside MNIST's forms, grey, at USPS's 16 x 16 pixels; rows of their own for teachers.

MNIST's 28 x 28 pixels are averaged over the area of each smaller one (``averaged``): an exact linear map that keeps the mean.
USPS is as published. The hands differ in more than ink: USPS's digits fill the frame, MNIST's keep their margin of about a
seventh on each side.
"""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import TEACHERS, Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.datasets.assemble import choose
from mtbkd.data.images.collections import DIGITS, MNIST, USPS
from mtbkd.data.images.domains import Part, joined
from mtbkd.data.images.files import OwnFile, places, remarks
from mtbkd.data.preprocess import LabelShare

SIMULATED = False
RAW = (*MNIST.keys, *USPS.keys)
COLLECTIONS = {"mnist": MNIST, "usps": USPS}
DOMAINS = tuple(COLLECTIONS)
SIDE = USPS.shape[-1]


class Settings(BaseModel):
    """Images per domain, the share with labels, and the held-out domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_train: Examples = Field(2_000, description="training images per domain")
    n_val: Examples = Field(400, description="validation images per domain")
    n_test: Examples = Field(2_000, description="test images per domain, of the collections' test parts")
    n_teachers: Examples = Field(4_000, description="images per domain that only teachers learn from")
    label_share: LabelShare = 1.0
    held_out: Literal["mnist", "usps"] | None = Field(
        None, description="a domain held out from all training: its test images become the split ood:<domain>"
    )
    files: dict[str, OwnFile] = Field({}, description="raw file -> your own file to use instead; recorded in the card")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for part, wanted in _wanted(self).items():
            if not self.files and sum(wanted.values()) > USPS.sizes[part]:
                told = " + ".join(f"n_{split}" for split in wanted)
                raise ValueError(f"{told}: found {sum(wanted.values()):,}; allowed: at most the {USPS.sizes[part]:,} images of "
                                 f"the {part} part of USPS")  # fmt: skip
        return self


def _wanted(settings: Settings) -> dict[str, dict[str, int]]:
    """Part of a collection -> split -> number of its images."""
    train = {TEACHERS: settings.n_teachers, "val": settings.n_val, "train": settings.n_train}
    return {"train": train, "test": {"test": settings.n_test}}


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return Shape(features=(1, SIDE, SIDE), class_names=DIGITS, domain_names=DOMAINS)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return tuple(key for key in RAW if key not in settings.files)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check, draw and average: x float32 (1, N, 1, 16, 16) in [-1, 1]."""
    where = places(RAW, settings.files, raw)
    parts = []
    for domain, collection in COLLECTIONS.items():
        for part, wanted in _wanted(settings).items():
            images = collection.reader(where, part)
            order = choose(len(images.label), sum(wanted.values()), seed, f"{domain} {part}", f"digit_usps_mnist, {domain}")
            for split, size in wanted.items():
                rows, order = np.sort(order[:size]), order[size:]
                ids = np.array([f"{domain}-{part}-{row:05d}" for row in rows])
                parts.append(Part(domain, split, averaged(images.pixels[rows]), images.label[rows], ids))
    card = {
        "kind": "digit_usps_mnist",
        "settings": settings.model_dump(mode="json"),
        "source": "; ".join(each.source for each in COLLECTIONS.values()),
        "licence": "; ".join(f"{each.name}: {each.licence}" for each in COLLECTIONS.values()),
        "domains": f"mnist: averaged from 28 x 28 to {SIDE} x {SIDE} pixels by area, with its margin; usps: as published",
        "Values": "grey values mapped linearly to -1..1; nothing else is standardised",
        "pixels": [-1.0, 1.0],
        **remarks(RAW, settings.files),
    }
    return joined(name, parts, DOMAINS, settings.held_out, settings.label_share, seed, card)


def averaged(pixels: np.ndarray) -> np.ndarray:
    """Images uint8 (N, C, S, S) as float32 (N, C, 16, 16) in [-1, 1]: each value is the mean over its pixel's area."""
    size = pixels.shape[-1]
    edges = np.arange(SIDE + 1) * size / SIDE
    old = np.arange(size)
    # Overlap of new pixel i, [edges[i], edges[i + 1]], with old pixel j, [j, j + 1].
    overlap = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    share = overlap.clip(0) * SIDE / size
    return ((share @ (pixels / 127.5) @ share.T) - 1).clip(-1, 1).astype(np.float32)
