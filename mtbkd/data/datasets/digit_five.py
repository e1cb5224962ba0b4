"""Digit-Five's colour domains from the official files: SVHN, MNIST-M and SynthDigits, cut to 28 x 28 pixels.

Images of 32 x 32 pixels lose two pixels on each side, as MT-BKD's students take 28 x 28. MNIST-M and SynthDigits are published
without a hash: their content cannot be verified, and the card says so.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Examples
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.datasets.assemble import choose
from mtbkd.data.images import Images, scaled
from mtbkd.data.images.collections import DIGITS, SVHN
from mtbkd.data.images.domains import Part, joined
from mtbkd.data.images.files import OwnFile, places, remarks
from mtbkd.data.images.matlab import read_mat
from mtbkd.data.images.mnist_m import read_mnist_m
from mtbkd.data.preprocess import LabelShare

SIMULATED = False
MNIST_M, SYNTH = "mnist_m/mnist_m.tar.gz", {part: f"synth_digits/synth_{part}_32x32.mat" for part in ("train", "test")}
RAW = (*SVHN.keys, MNIST_M, *SYNTH.values())
DOMAINS = ("svhn", "mnist_m", "synth")
SIDE, EDGE = 28, 2


class Settings(BaseModel):
    """Images per domain, and the held-out domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_train: Examples = Field(25_000, description="training images per domain")
    n_val: Examples = Field(5_000, description="validation images per domain")
    n_test: Examples = Field(9_000, description="test images per domain")
    label_share: LabelShare = 1.0
    held_out: Literal["svhn", "mnist_m", "synth"] | None = Field(
        None, description="a domain held out from all training: its test images become the split ood:<domain>"
    )
    files: dict[str, OwnFile] = Field({}, description="raw file -> your own file to use instead; recorded in the card")


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return Shape(features=(3, SIDE, SIDE), class_names=DIGITS, domain_names=DOMAINS)


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return tuple(key for key in RAW if key not in settings.files)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check, draw and cut: x float32 (1, N, 3, 28, 28) in [-1, 1]."""
    where = places(RAW, settings.files, raw)
    parts = []
    for domain in DOMAINS:
        for part, sizes in (("train", {"val": settings.n_val, "train": settings.n_train}), ("test", {"test": settings.n_test})):
            images = _read(domain, part, where)
            order = choose(len(images.label), sum(sizes.values()), seed, f"{domain} {part}", f"digit_five, {domain}")
            for split, size in sizes.items():
                rows, order = np.sort(order[:size]), order[size:]
                x = scaled(images.pixels[rows, :, EDGE:-EDGE, EDGE:-EDGE])
                ids = np.array([f"{domain}-{part}-{row:05d}" for row in rows])
                parts.append(Part(domain, split, x, images.label[rows], ids))
    card = {
        "kind": "digit_five",
        "settings": settings.model_dump(mode="json"),
        "source": f"{SVHN.source}; MNIST-M and SynthDigits (Ganin, Lempitsky 2015)",
        "licence": f"SVHN: {SVHN.licence}; MNIST-M and SynthDigits: none stated",
        "Values": "pixels mapped linearly from 0..255 to -1..1, two pixels cut off on each side; nothing else is standardised",
        "pixels": [-1.0, 1.0],
        **remarks(RAW, settings.files),
    }
    return joined(name, parts, DOMAINS, settings.held_out, settings.label_share, seed, card)


def _read(domain: str, part: str, where: dict[str, Path]) -> Images:
    if domain == "svhn":
        return SVHN.reader(where, part)
    return read_mnist_m(where[MNIST_M], part) if domain == "mnist_m" else read_mat(where[SYNTH[part]])
