"""Released logits of networks on test images, without the images: .pt files, from which only tensors are unpickled."""

from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.reading import damage
from mtbkd.contracts.artefacts import SPLITS

# CIFAR-100 teachers of LilLeapo/multi-teacher-kd-ood: five architectures, which have logits of foreign images, and five seeds.
ARCHITECTURES = ("convnext_tiny", "densenet121", "resnet50", "resnext50_32x4d", "wide_resnet50_2")
SEEDS = tuple(f"resnet50_seed{seed}" for seed in (7, 42, 123, 2024, 3407))
FOREIGN = {"cifar10": 10_000, "textures": 1_880}  # images of other data sets
TEST_IMAGES = 10_000


class Released(NamedTuple):
    """Logits float64 (N, K) and labels int64 (N,), None where there are none."""

    logits: np.ndarray
    labels: np.ndarray | None


def key(network: str, images: str = "id_test") -> str:
    """Of the raw file: the logits of ``network`` on its own test images, or on foreign ones."""
    return f"cifar100_teachers/{network}__{images}.pt"


def sources() -> dict[str, dict[tuple[str, ...], str]]:
    """Name of a released teacher -> splits of ``cifar100_logits`` -> raw file."""
    own = {name: {SPLITS: key(name)} for name in (*ARCHITECTURES, *SEEDS)}
    abroad = {name: {(f"ood:{images}",): key(name, images) for images in FOREIGN} for name in ARCHITECTURES}
    return {f"cifar100/{name}": {**files, **abroad.get(name, {})} for name, files in own.items()}


def read(path: Path, num_classes: int) -> Released:
    """A file with the entries ``logits`` (N, K) and ``labels`` (N,); ContractError names what is wrong with it."""
    expected = "a whole .pt file of logits"
    with damage(path, expected) as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError:
            raise ContractError(path, "content", "a pickle of something other than tensors, which was not executed",
                                expected) from None  # fmt: skip
    logits = content.get("logits") if isinstance(content, dict) else None
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or logits.shape[1] != num_classes:
        found = f"shape {tuple(logits.shape)}" if isinstance(logits, torch.Tensor) else "none"
        raise ContractError(path, "logits", found, f"a tensor (images, {num_classes})")
    if not logits.is_floating_point() or not bool(logits.isfinite().all()):
        raise ContractError(path, "logits", f"{logits.dtype}, or values that are not finite", "finite floating-point numbers")
    return Released(logits.double().numpy(), _labels(path, content.get("labels"), *logits.shape))


def _labels(path: Path, labels: object, images: int, num_classes: int) -> np.ndarray | None:
    if labels is None:
        return None
    if not isinstance(labels, torch.Tensor) or labels.shape != (images,) or labels.is_floating_point():
        raise ContractError(path, "labels", getattr(labels, "shape", type(labels).__name__), f"{images} whole numbers")
    if int(labels.min()) < 0 or int(labels.max()) >= num_classes:
        raise ContractError(path, "labels", f"{int(labels.min())}..{int(labels.max())}", f"0..{num_classes - 1}")
    return labels.numpy().astype(np.int64)
