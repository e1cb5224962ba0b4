"""Digit domains: digits in three colour domains, 28 x 28 pixels, made from MNIST alone; Digit-Five in spirit.

- ``coloured``: a stroke of one colour on a ground of another;
- ``blended``: MNIST-M's |ground - digit|, on random textures or on patches of CIFAR-10's photographs;
- ``fonts``: digits rendered from fonts, rotated, blurred and with neighbours, in the manner of SynthDigits.
No image of MNIST stands in two domains or splits. The original blends photographs of BSDS500, renders Windows fonts, and has
SVHN as its third colour domain; ``digit_five`` reads those files where one has them.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import seeds
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.images import Images
from mtbkd.data.images.collections import CIFAR10, CIFAR10_FIRST_10K, DIGITS, MNIST
from mtbkd.data.images.domains import SPLITS, Part, joined
from mtbkd.data.images.files import OwnFile, places, remarks
from mtbkd.data.images.fonts import rendered
from mtbkd.data.images.paint import blended, coloured, patches, textures
from mtbkd.data.preprocess import LabelShare

SIMULATED = False
RAW = MNIST.keys
DOMAINS = ("coloured", "blended", "fonts")
SIDE = 28
GROUNDS = {"cifar10": CIFAR10, "cifar10_first_10k": CIFAR10_FIRST_10K}


class Settings(BaseModel):
    """Images per domain, background of the blended ones, and the held-out domain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_train: int = Field(10_000, ge=1, le=25_000, description="training images per domain")
    n_val: int = Field(2_000, ge=1, le=5_000, description="validation images per domain")
    n_test: int = Field(3_000, ge=1, le=5_000, description="test images per domain")
    label_share: LabelShare = 1.0
    textures: Literal["procedural", "cifar10", "cifar10_first_10k"] = Field(
        "procedural",
        description="background of blended digits: random 1/f textures, or patches of CIFAR-10 training photographs",
    )
    held_out: Literal["coloured", "blended", "fonts"] | None = Field(
        None, description="a domain held out from all training: its test images become the split ood:<domain>"
    )
    files: dict[str, OwnFile] = Field({}, description="raw file -> your own file to use instead; recorded in the card")


def describe(settings: Settings) -> Shape:
    """Shape, classes and domains, known before any data exist."""
    return Shape(features=(3, SIDE, SIDE), class_names=DIGITS, domain_names=DOMAINS)


def _needed(settings: Settings) -> tuple[str, ...]:
    grounds = GROUNDS.get(settings.textures)
    return MNIST.keys + (grounds.keys if grounds else ())


def raw_files(settings: Settings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return tuple(key for key in _needed(settings) if key not in settings.files)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Draw, colour, blend and render: x float32 (1, N, 3, 28, 28) in [-1, 1]."""
    where = places(_needed(settings), settings.files, raw)
    mnist = {part: MNIST.reader(where, part) for part in ("train", "test")}
    photographs = GROUNDS[settings.textures].reader(where, "train").pixels if settings.textures in GROUNDS else None
    rows = _rows(settings, mnist, seed)
    parts = [
        _part(domain, split, mnist["test" if split == "test" else "train"], rows[domain, split], photographs, seed)
        for split in SPLITS
        for domain in DOMAINS
    ]
    ground = "random 1/f textures" if photographs is None else GROUNDS[settings.textures].source
    card = {
        "kind": "digit_domains",
        "settings": settings.model_dump(mode="json"),
        "source": f"{MNIST.source}, coloured and blended here with {ground}; fonts of matplotlib (DejaVu, STIX)",
        "licence": f"MNIST: {MNIST.licence}; the rest is generated",
        "domains": "coloured: one colour on another; blended: |ground - digit| as in MNIST-M; fonts: rendered, with neighbours",
        "Values": "colours mapped linearly from 0..1 to -1..1; nothing else is standardised",
        "pixels": [-1.0, 1.0],
        **remarks(_needed(settings), settings.files),
    }
    return joined(name, parts, DOMAINS, settings.held_out, settings.label_share, seed, card)


def _rows(settings: Settings, mnist: dict[str, Images], seed: int) -> dict[tuple[str, str], np.ndarray]:
    """(domain, split) -> numbers of MNIST's images, none twice; for ``fonts`` just numbers."""
    sizes = {"train": settings.n_train, "val": settings.n_val, "test": settings.n_test}
    found = {}
    for part, splits in (("train", ("val", "train")), ("test", ("test",))):
        available, wanted = len(mnist[part].label), 2 * sum(sizes[split] for split in splits)
        if wanted > available:
            raise ContractError("digit_domains", f"images of MNIST's {part} part", available, f"at least {wanted}",
                                "request fewer in the settings")  # fmt: skip
        rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0, part=part))
        order = rng.permutation(available)[:wanted]
        for split in splits:
            for domain in ("coloured", "blended"):
                found[domain, split], order = np.sort(order[: sizes[split]]), order[sizes[split] :]
            found["fonts", split] = np.arange(sizes[split])
    return found


def _part(domain: str, split: str, mnist: Images, rows: np.ndarray, photographs: np.ndarray | None, seed: int) -> Part:
    """Images of one domain in one split, from a generator of their own."""
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0, domain=domain, split=split))
    if domain == "fonts":
        label = rng.integers(10, size=len(rows))
        x = rendered(label, SIDE, rng)
    else:
        label, ink = mnist.label[rows], mnist.pixels[rows, 0] / 255
        if domain == "coloured":
            x = coloured(ink, rng)
        else:
            drawn = textures(len(rows), SIDE, rng) if photographs is None else patches(photographs, len(rows), SIDE, rng)
            x = blended(ink, drawn)
    ids = np.array([f"{domain}-{split}-{row:05d}" for row in rows])
    return Part(domain, split, 2 * x - 1, label.astype(np.int64), ids)
