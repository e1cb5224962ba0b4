"""The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of label bytes and 3 x 32 x 32 pixels."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.data.images import Images, paired
from mtbkd.data.images.archive import read_members

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10_BATCHES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}
FIRST_10K_BATCHES = {"train": ("data_batch_1.bin",), "test": ("test_batch.bin",)}
CIFAR100_BATCHES = {"train": ("train.bin",), "test": ("test.bin",)}
CIFAR100_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle caterpillar
cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl
hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CIFAR100_CLASSES = tuple(CIFAR100_NAMES.split())


def read_batch(content: bytes, label_bytes: int, classes: int, where: str) -> Images:
    """The records of one batch; the last of ``label_bytes`` is the label (CIFAR-100 has the coarse class before it)."""
    size = label_bytes + PIXELS
    if len(content) % size or not content:
        raise ContractError(where, "length", f"{len(content)} bytes", f"records of {size} bytes each", "is it truncated?")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return paired(records[:, label_bytes:].reshape(-1, *SHAPE), records[:, label_bytes - 1], classes, where)


def read_archive(path: Path, batches: Mapping[str, tuple[str, ...]], part: str, label_bytes: int, classes: int) -> Images:
    """The images of ``part`` (train or test) in one archive, in the order of its batches."""
    members = _members(path, frozenset(name for names in batches.values() for name in names), _stamp(path))
    missing = [name for name in batches[part] if name not in members]
    if missing:
        raise ContractError(path, "members", f"no {', '.join(missing)}", ", ".join(batches[part]))
    parts = [read_batch(members[name], label_bytes, classes, f"{path}: {name}") for name in batches[part]]
    return Images(np.concatenate([p.pixels for p in parts]), np.concatenate([p.label for p in parts]))


@lru_cache(maxsize=1)  # unpacking takes seconds, and train and test are asked for one after the other
def _members(path: Path, names: frozenset[str], stamp: int) -> dict[str, bytes]:
    found = read_members(path, lambda name: name.rpartition("/")[2] in names)
    return {name.rpartition("/")[2]: content for name, content in found.items()}


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0
