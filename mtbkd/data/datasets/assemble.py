"""One published collection as a dataset: a seeded subset split into train, val and test, with perturbed and foreign images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base import seeds
from mtbkd.base.bounds import Examples, NotNegative
from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.explain import distinct
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.images import Images, scaled
from mtbkd.data.images.collections import Collection
from mtbkd.data.images.files import OwnFile, places, remarks
from mtbkd.data.images.perturb import perturbed
from mtbkd.data.preprocess import LabelShare, hide_labels


class ImageSettings(BaseModel):
    """Subset of a collection; the kinds add defaults, their collection and its out-of-distribution collections."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    COLLECTION: ClassVar[Collection]
    FOREIGN: ClassVar[Mapping[str, Collection]] = {}

    n_train: Examples = Field(50_000, description="training images, drawn from the training part of the collection")
    n_val: Examples = Field(10_000, description="validation images, drawn from the same part; the first ones of a fixed order")
    n_test: Examples = Field(10_000, description="test images, drawn from the test part of the collection")
    label_share: LabelShare = 1.0
    gammas: Annotated[tuple[NotNegative, ...], AfterValidator(distinct)] = Field(
        (),
        description="sizes of Gaussian noise: each defines a split ood:gamma_<size> of perturbed test images with their labels",
    )
    n_gamma: Examples | None = Field(None, description="number of test images to perturb, from the first; default: all")
    ood: dict[str, Examples] = Field(
        {}, description="collection -> number of its test images in the split ood:<collection>, unlabelled"
    )
    files: dict[str, OwnFile] = Field({}, description="raw file -> your own file to use instead; recorded in the card")

    @property
    def collection(self) -> Collection:
        """The collection that these settings are about."""
        return self.COLLECTION

    @model_validator(mode="after")
    def _possible(self) -> Self:
        sizes = self.collection.sizes
        if not self.files:
            for wanted, part in ((self.n_train + self.n_val, "train"), (self.n_test, "test")):
                if wanted > sizes[part]:
                    raise ValueError(
                        f"allowed: at most the {sizes[part]:,} images of the {part} part; these settings take {wanted:,}"
                    )
        for name in self.ood:
            if name not in self.FOREIGN:
                known = ", ".join(sorted(self.FOREIGN)) or "none with this dataset"
                raise ValueError(f"ood: found '{name}'; allowed: {known}. {nearest(name, self.FOREIGN)}".strip())
        keys = needed(self)
        for key in self.files:
            if key not in keys:
                raise ValueError(f"files: found '{key}'; allowed: {', '.join(keys)}. {nearest(key, keys)}".strip())
        return self


def needed(settings: ImageSettings) -> tuple[str, ...]:
    """Keys of all raw files that the settings read, those with a file of the user's in their place included."""
    return settings.collection.keys + tuple(key for name in settings.ood for key in settings.FOREIGN[name].keys)


def raw_files(settings: ImageSettings) -> tuple[str, ...]:
    """Keys of the raw files to download."""
    return tuple(key for key in needed(settings) if key not in settings.files)


def describe(settings: ImageSettings) -> Shape:
    """Shape and classes, known before any data exist."""
    return Shape(settings.collection.shape, settings.collection.class_names)


def prepare(name: str, settings: ImageSettings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Read, check and split the images: x float32 (1, N, C, H, W) in [-1, 1], ids <collection>-<part>-<number>."""
    collection = settings.collection
    where = places(needed(settings), settings.files, raw)
    blocks = _own_blocks(collection, settings, seed, where)
    test = blocks[-1]
    blocks += _perturbed_blocks(test, settings, seed)
    blocks += [_foreign_block(other, settings.FOREIGN[other], n, seed, where) for other, n in settings.ood.items()]
    split = np.concatenate([np.full(len(b["y"]), b["split"]) for b in blocks])
    y = np.concatenate([b["y"] for b in blocks])
    hidden = hide_labels(y, split, settings.label_share, seeds.derive(seed, "data", replicate=0, part="hidden"), name)
    return Dataset(
        name=name,
        x=np.concatenate([b["x"] for b in blocks])[None],
        y=hidden[None],
        split=split,
        class_names=collection.class_names,
        ids=np.concatenate([b["ids"] for b in blocks]),
        teacher_y=y[None] if settings.label_share < 1 else None,
        card=_card(settings, seed, int(((hidden >= 0) & (split == "train")).sum())),
    ).validate()


def choose(available: int, wanted: int, seed: int, part: str, where: str) -> np.ndarray:
    """Numbers (wanted,) of images, a prefix of one random order, so that a smaller choice is part of a larger one."""
    if wanted > available:
        raise ContractError(
            where, f"images of the {part} part", available, f"at least {wanted}", "request fewer in the settings"
        )
    return np.random.default_rng(seeds.derive(seed, "data", replicate=0, part=part)).permutation(available)[:wanted]


def _block(split: str, images: Images, rows: np.ndarray, prefix: str) -> dict[str, Any]:
    rows = np.sort(rows)
    ids = np.array([f"{prefix}-{row:05d}" for row in rows])
    return {"split": split, "x": scaled(images.pixels[rows]), "y": images.label[rows], "ids": ids}


def _own_blocks(collection: Collection, settings: ImageSettings, seed: int, where: Mapping[str, Path]) -> list[dict[str, Any]]:
    train, test = (collection.reader(where, part) for part in ("train", "test"))
    rows = choose(len(train.label), settings.n_train + settings.n_val, seed, "train", collection.name)
    val, rows = rows[: settings.n_val], rows[settings.n_val :]
    test_rows = choose(len(test.label), settings.n_test, seed, "test", collection.name)
    return [
        _block("train", train, rows, f"{collection.name}-train"),
        _block("val", train, val, f"{collection.name}-train"),
        _block("test", test, test_rows, f"{collection.name}-test"),
    ]


def _perturbed_blocks(test: dict[str, Any], settings: ImageSettings, seed: int) -> list[dict[str, Any]]:
    if not settings.gammas:
        return []
    rows = slice(settings.n_gamma)
    x, y, ids = test["x"][rows], test["y"][rows], test["ids"][rows]
    rng = np.random.default_rng(seeds.derive(seed, "data", replicate=0, part="noise"))
    noise = rng.standard_normal(x.shape, dtype=np.float32)
    return [
        {"split": f"ood:gamma_{g:g}", "x": perturbed(x, g, noise), "y": y, "ids": np.char.add(ids, f"-gamma{g:g}")}
        for g in settings.gammas
    ]


def _foreign_block(name: str, other: Collection, n: int, seed: int, where: Mapping[str, Path]) -> dict[str, Any]:
    images = other.reader(where, "test")
    rows = choose(len(images.label), n, seed, f"ood {name}", other.name)
    block = _block(f"ood:{name}", images, rows, f"{other.name}-test")
    return block | {"y": np.full(n, -1, np.int64)}


def _card(settings: ImageSettings, seed: int, labelled: int) -> dict[str, Any]:
    collection, foreign = settings.collection, [settings.FOREIGN[name] for name in settings.ood]
    card = {
        "kind": type(settings).__module__.rpartition(".")[2],  # a kind is the module of its settings
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "simulated": False,
        "source": "; ".join([collection.source, *(f"{other.source} (out of distribution)" for other in foreign)]),
        "licence": "; ".join([collection.licence, *(f"{other.name}: {other.licence}" for other in foreign)]),
        "labelled_train": labelled,
        "Values": "pixels mapped linearly from 0..255 to -1..1; nothing else is standardised",
        "pixels": [-1.0, 1.0],
        **remarks(needed(settings), settings.files),
    }
    if settings.gammas:
        card["Perturbed images"] = (
            "test images plus gamma times standard normal noise, each rescaled to -1..1; they keep their labels"
        )
    return card
