"""Supported published image collections: content, raw files and parsers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mtbkd.data.images import Images, cifar, idx, matlab, usps

Places = Mapping[str, Path]
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@dataclass(frozen=True)
class Collection:
    """A published collection.

    Attributes:
        name: in ids and messages.
        source: what a reader is told.
        licence: as its publisher states it, or that none is stated.
        class_names: K names.
        shape: (C, H, W) of an image.
        sizes: part (train, test) -> number of images.
        keys: raw files.
        reader: (places of the raw files, part) -> images.
    """

    name: str
    source: str
    licence: str
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    sizes: Mapping[str, int]
    keys: tuple[str, ...]
    reader: Callable[[Places, str], Images]


def _read_idx(group: str, classes: int, places: Places, part: str) -> Images:
    prefix = {"train": "train", "test": "t10k"}[part]
    images, labels = (places[f"{group}/{prefix}-{kind}-ubyte.gz"] for kind in ("images-idx3", "labels-idx1"))
    return idx.read_pair(images, labels, classes)


def _read_cifar(
    key: str, batches: Mapping[str, tuple[str, ...]], label_bytes: int, classes: int, places: Places, part: str
) -> Images:
    return cifar.read_archive(places[key], batches, part, label_bytes, classes)


def _idx_keys(group: str) -> tuple[str, ...]:
    return tuple(f"{group}/{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


def _cifar10(key: str, batches: Mapping[str, tuple[str, ...]], train: int, told: str) -> Collection:
    return Collection(
        "cifar10", f"CIFAR-10 (Krizhevsky 2009), binary version{told}", "none stated", cifar.CIFAR10_CLASSES, cifar.SHAPE,
        {"train": train, "test": 10_000}, (key,), partial(_read_cifar, key, batches, 1, 10),
    )  # fmt: skip


MNIST = Collection(
    "mnist", "MNIST (LeCun, Bottou, Bengio, Haffner 1998)", "none stated", DIGITS, (1, 28, 28),
    {"train": 60_000, "test": 10_000}, _idx_keys("mnist"), partial(_read_idx, "mnist", 10),
)  # fmt: skip
FASHION_MNIST = Collection(
    "fashion", "Fashion-MNIST (Xiao, Rasul, Vollgraf 2017)", "MIT", CLOTHES, (1, 28, 28),
    {"train": 60_000, "test": 10_000}, _idx_keys("fashion_mnist"), partial(_read_idx, "fashion_mnist", 10),
)  # fmt: skip
CIFAR10 = _cifar10("cifar10/cifar-10-binary.tar.gz", cifar.CIFAR10_BATCHES, 50_000, "")
CIFAR10_FIRST_10K = _cifar10(
    "cifar10/cifar-10-binary-10k.tar.xz", cifar.FIRST_10K_BATCHES, 10_000,
    ": the first 10,000 training images and the whole test set only, in another packing and in an order inferred by its packer",
)  # fmt: skip
CIFAR10_FIRST_10K_OF_ALL = _cifar10(
    "cifar10/cifar-10-binary.tar.gz",
    cifar.FIRST_10K_BATCHES,
    10_000,
    ": the first 10,000 training images and the whole test set",
)
CIFAR100 = Collection(
    "cifar100", "CIFAR-100 (Krizhevsky 2009), binary version, fine classes", "none stated", cifar.CIFAR100_CLASSES, cifar.SHAPE,
    {"train": 50_000, "test": 10_000}, ("cifar100/cifar-100-binary.tar.gz",),
    partial(_read_cifar, "cifar100/cifar-100-binary.tar.gz", cifar.CIFAR100_BATCHES, 2, 100),
)  # fmt: skip
SVHN = Collection(
    "svhn", "SVHN, cropped digits (Netzer et al. 2011)", "non-commercial use, as its publisher states", DIGITS, (3, 32, 32),
    {"train": 73_257, "test": 26_032}, ("svhn/train_32x32.mat", "svhn/test_32x32.mat"),
    lambda places, part: matlab.read_mat(places[f"svhn/{part}_32x32.mat"]),
)  # fmt: skip
USPS = Collection(
    "usps", "USPS handwritten digits (Hull 1994), data of Hastie et al. (2009)", "none stated", DIGITS, (1, 16, 16),
    {"train": 7_291, "test": 2_007}, ("usps/zip.train.gz", "usps/zip.test.gz"),
    lambda places, part: usps.read_usps(places[f"usps/zip.{part}.gz"]),
)  # fmt: skip
