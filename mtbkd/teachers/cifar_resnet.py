"""Pretrained CIFAR-10 ResNets 20, 32, 44 and 56 (Yerlan Idelbayev, akamaster/pytorch_resnet_cifar10), read from .th files.

Only tensors are read from a file (``weights_only``), and its names and shapes must be the architecture's, no more and no less.
A teacher restricted to some ``classes`` is a specialist made by masking: within its classes it says what the network says; all
other classes share ``outside_mass``, evenly, whatever the image. Such a teacher calls a truck an animal, as one would that
has seen animals only; a small ``outside_mass`` keeps its probabilities positive.

The networks were trained on all 50,000 training images. What they say of a student's training and validation images is thus
surer and more often right than what they say of new ones; only the test split tells how good they are.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Batch
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.explain import distinct
from mtbkd.base.lazy import torch
from mtbkd.base.reading import damage
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.data.images.cifar import CIFAR10_CLASSES, SHAPE
from mtbkd.teachers import accuracy_card
from mtbkd.teachers.residual import logits_of, residual_network

if TYPE_CHECKING:
    from torch import nn

FILES = {
    20: "cifar10_resnets/resnet20-12fca82f.th",
    32: "cifar10_resnets/resnet32-d509ac18.th",
    44: "cifar10_resnets/resnet44-014dd654.th",
    56: "cifar10_resnets/resnet56-4bfd9763.th",
}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of pixels in [0, 1], as the networks were trained
TEST_IMAGES = 10_000
Class = Literal["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Settings(BaseModel):
    """The network, and the classes that it covers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    depth: Literal[20, 32, 44, 56] = Field(20, description="depth of the network")
    classes: Annotated[tuple[Class, ...], AfterValidator(distinct)] | None = Field(
        None, min_length=1, max_length=9, description="classes of a specialist; default: the unchanged network"
    )
    outside_mass: float = Field(
        0.01, gt=0, lt=0.5, description="total probability that a specialist assigns to all other classes, evenly"
    )
    expected_accuracy: float | None = Field(
        None, ge=0, le=1,
        description="known accuracy of the whole network on the 10,000 test images, to three decimals (more slack on a subset)",
    )  # fmt: skip
    batch_size: Batch = Field(128, description="batch size")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The network's file."""
    return (FILES[settings.depth],)


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Logits of the network on all images of ``dataset``, CIFAR-10 with values in [-1, 1]; nothing is trained."""
    if dataset.x.shape[2:] != SHAPE or dataset.class_names != CIFAR10_CLASSES:
        raise ContractError(f"teacher {name} on {dataset.name}", "images", f"shape {dataset.x.shape[2:]}, classes "
                            f"{', '.join(dataset.class_names)}", f"shape {SHAPE} and the classes of CIFAR-10")  # fmt: skip
    device = resolve_device(device)
    network = read_network(raw / FILES[settings.depth], settings.depth)
    num_params = sum(p.numel() for p in network.parameters())
    logits = np.stack([logits_of(network, _standardised(x), settings.batch_size, device).numpy() for x in dataset.x])
    covered = np.ones(dataset.num_examples, bool)
    whole = accuracy_card(logits, dataset, covered)
    _check_accuracy(name, settings.expected_accuracy, whole["test"], int((dataset.split == "test").sum()))
    card = {"domain": domain, "settings": settings.model_dump(mode="json"), "source": FILES[settings.depth], "accuracy": whole,
            "seen": ["train", "val"],
            "num_params": num_params, "note": "trained on all training images: its accuracy on val is no test"}  # fmt: skip
    if settings.classes:
        logits = restricted(logits, [CIFAR10_CLASSES.index(c) for c in settings.classes], settings.outside_mass)
        card |= {"accuracy": accuracy_card(logits, dataset, covered), "accuracy_before_restriction": whole}
    return Logits(name, logits, covered, ids_digest(dataset.ids), card).validate(dataset)


def restricted(logits: np.ndarray, classes: Sequence[int], outside_mass: float) -> np.ndarray:
    """Logits (..., K) of a specialist: p_k (1 - m) / sum over its classes inside, m / (number of the others) outside."""
    inside = np.zeros(logits.shape[-1], bool)
    inside[list(classes)] = True
    own = logits[..., inside].astype(np.float64)
    peak = own.max(-1, keepdims=True)
    log_sum = peak + np.log(np.exp(own - peak).sum(-1, keepdims=True))
    masked = np.full(logits.shape, math.log(outside_mass / (~inside).sum()))
    masked[..., inside] = own - log_sum + math.log1p(-outside_mass)
    return masked.astype(np.float32)


def read_network(path: Path, depth: int) -> "nn.Module":
    """The network of ``depth`` layers with the weights of a .th file; ContractError if the file holds anything else."""
    network = residual_network(3, (16, 32, 64), ((depth - 2) // 6,) * 3, len(CIFAR10_CLASSES), False, "padding")
    expected = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    found = _tensors(path)
    foreign, missing = sorted(found.keys() - expected.keys()), sorted(expected.keys() - found.keys())
    if foreign or missing:
        told = [
            f"{len(keys)} {word}, the first is '{keys[0]}'"
            for word, keys in (("foreign", foreign), ("missing", missing))
            if keys
        ]
        raise ContractError(path, "keys", "; ".join(told), f"the {len(expected)} of a CIFAR ResNet-{depth}")
    for key, tensor in found.items():
        if tensor.shape != expected[key].shape or not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise ContractError(path, key, f"{tensor.dtype} of shape {tuple(tensor.shape)}",
                                f"finite floating-point numbers of shape {tuple(expected[key].shape)}")  # fmt: skip
    network.load_state_dict({**network.state_dict(), **found})
    return network


def _tensors(path: Path) -> "dict[str, torch.Tensor]":
    """Name -> tensor of a .th file, without the prefix that parallel training adds. Only tensors are unpickled."""
    from pickle import UnpicklingError

    with damage(path, "a whole .th file of tensors") as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError:
            raise ContractError(path, "content", "a pickle of something other than tensors, which was not executed",
                                "tensors by name") from None  # fmt: skip
    state = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()):
        raise ContractError(path, "state_dict", "none", "a dictionary of tensors by name under the key state_dict")
    return {key.removeprefix("module."): tensor for key, tensor in state.items()}


def _standardised(x: np.ndarray) -> "torch.Tensor":
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    return ((torch.from_numpy(x) + 1) / 2 - mean) / deviation


def _check_accuracy(name: str, expected: float | None, found: float, images: int) -> None:
    """The known accuracy to a thousandth on the whole test set; on a part of it, four standard errors more."""
    if expected is None:
        return
    chance = math.sqrt(expected * (1 - expected) / images * max(0, 1 - images / TEST_IMAGES))
    if abs(found - expected) > 1e-3 + 4 * chance:
        raise ContractError(f"teacher {name}", "accuracy on the test split", f"{found:.4f}",
                            f"{expected} to {1e-3 + 4 * chance:.3f} on {images:,} images",
                            "are images and labels in a different order, or scaled differently?")  # fmt: skip
