"""Residual networks trained here, with batch normalisation: a small one for a CPU, up to ResNet-50's size for a GPU.

``blocks: [1, 1, 1]`` with ``channels: [16, 32, 64]`` is a ResNet-8 (78,000 parameters). A ResNet-50 for small images is
``blocks: [3, 4, 6, 3], channels: [64, 128, 256, 512], bottleneck: true`` (23.5 million); two million parameters, the size of
MT-BKD's larger CNN, are about ``blocks: [2, 2, 2], channels: [54, 108, 216]``. On CUDA the forward and backward passes run in
bfloat16; weights and logits stay in float32. Augmentation acts on the teacher's own training images only; its logits are
computed once, on the images as they are, and students never see another view.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Layers, NotNegative, Rate, Steps
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import TEACHERS, Dataset, Logits, ids_digest
from mtbkd.inference.optimise import Ascent
from mtbkd.teachers import accuracy_card
from mtbkd.teachers.examples import labelled_examples, labels_of
from mtbkd.teachers.folds import Folds, cross_fitted, folds_card
from mtbkd.teachers.residual import logits_of, residual_network

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")


Blocks = Annotated[int, Field(ge=1, le=1_000)]


class Settings(BaseModel):
    """Size of the network and its training by cross-entropy (Adam, learning rate to zero along a cosine)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Layers = Field((16, 32, 64), description="channels of each stage of blocks")
    blocks: tuple[Blocks, ...] | None = Field(None, min_length=1, description="blocks of each stage; default: one each")
    bottleneck: bool = Field(False, description="blocks of 1x1, 3x3 and 1x1 convolutions, as in ResNet-50")
    exposure: float = Field(0.0, ge=0, le=1, description="share of the other domains' examples that the teacher sees")
    steps: Steps = Field(600, description="minibatch steps")
    batch_size: int = Field(64, ge=2, le=1_000_000, description="images per minibatch")
    learning_rate: Rate = Field(3e-3, description="initial learning rate of Adam, with cosine decay")
    weight_decay: NotNegative = Field(1e-4, description="weight decay: added to the gradient, times the weights")
    shift: int = Field(0, ge=0, le=8, description="augmentation: training images are shifted by up to this many pixels")
    flip: bool = Field(False, description="augmentation: training images are randomly flipped left to right")
    folds: Folds = None


def raw_files(settings: Settings) -> tuple[str, ...]:
    """A trained teacher needs no raw file of its own."""
    return ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Train on every replicate of ``dataset``, images (R, N, C, H, W), one after the other, folds too if asked; all logits."""
    blocks = settings.blocks or (1,) * len(settings.channels)
    shape = dataset.x.shape[2:]
    if len(shape) != 3 or len(blocks) != len(settings.channels) or min(shape[1:]) >> (len(blocks) - 1) < 1:
        raise ContractError(
            f"teacher {name} on {dataset.name}", "images", f"shape {shape} for {len(settings.channels)} stages of channels and "
            f"{len(blocks)} of blocks", "(channels, height, width) that the stages can halve, as many channels as blocks",
        )  # fmt: skip
    device = resolve_device(device)
    labels = labels_of(dataset)
    seen = labelled_examples(name, dataset, domain, settings.exposure, seed, first_replicate)

    def make() -> "nn.Module":
        return residual_network(shape[0], settings.channels, blocks, dataset.num_classes, settings.bottleneck, "projection")

    def fit(rows: np.ndarray, base: int) -> np.ndarray:
        logits = []
        for r, (x, y, own) in enumerate(zip(dataset.x, labels, rows, strict=True), start=first_replicate):
            torch.manual_seed(derive(base, "teacher", name=name, replicate=r))
            network = make()
            generator = torch.Generator(device).manual_seed(derive(base, "teacher minibatch", name=name, first=r))
            _fit(network.to(device), x[own], y[own], settings, generator, name)
            logits.append(logits_of(network, torch.from_numpy(x), 128, device).numpy())
        return np.stack(logits)

    covered = dataset.split != TEACHERS  # learnt by heart
    stacked = np.where(covered[:, None], cross_fitted(fit, seen, labels, settings.folds, dataset, seed), 0)
    num_params = sum(p.numel() for p in make().parameters())
    card = {"domain": domain, "settings": settings.model_dump(mode="json"), "num_params": num_params,
            "examples_seen": float(seen.sum(1).mean()), "accuracy": accuracy_card(stacked, dataset, covered),
            **folds_card(settings.folds, dataset)}  # fmt: skip
    return Logits(name, stacked, covered, ids_digest(dataset.ids), card).validate(dataset)


def _fit(
    network: "nn.Module", x: np.ndarray, y: np.ndarray, settings: Settings, generator: "torch.Generator", name: str
) -> None:
    """Minimise the cross-entropy of images ``x`` (n, C, H, W) with labels ``y`` (n,), in place."""
    device = generator.device
    # All images live on the device: the largest set, 60,000 of 32 x 32 pixels, takes 0.7 GB.
    images, targets = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    weights, grad = _flat(network)
    ascent = Ascent(weights.unsqueeze(0), settings.learning_rate, settings.steps)
    size = min(settings.batch_size, len(x))
    network.train()
    for _ in steps(range(settings.steps), f"teacher {name}"):
        rows = torch.randint(len(x), (size,), generator=generator, device=device)
        batch = _augmented(images[rows], settings, generator).contiguous(memory_format=torch.channels_last)
        grad.zero_()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = nn.functional.cross_entropy(network(batch), targets[rows])
        loss.backward()
        ascent.step(-(grad + settings.weight_decay * weights).unsqueeze(0))


def _flat(network: "nn.Module") -> "tuple[torch.Tensor, torch.Tensor]":
    """All weights and their gradients as two vectors (P,), of which the network's are views."""
    parameters = list(network.parameters())
    weights = torch.cat([p.detach().reshape(-1) for p in parameters])
    grad = torch.zeros_like(weights)
    offset = 0
    for p in parameters:
        end = offset + p.numel()
        p.data, p.grad = weights[offset:end].view(p.shape), grad[offset:end].view(p.shape)
        offset = end
    return weights, grad


def _augmented(x: "torch.Tensor", settings: Settings, generator: "torch.Generator") -> "torch.Tensor":
    """Images (n, C, H, W), each moved and mirrored at random; the border is filled with its own pixels."""
    n, _, height, width = x.shape
    if settings.flip:
        mirrored = torch.rand(n, generator=generator, device=x.device) < 0.5
        x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
    if settings.shift:
        padded = nn.functional.pad(x, (settings.shift,) * 4, mode="replicate")
        down, right = torch.randint(2 * settings.shift + 1, (2, n, 1), generator=generator, device=x.device)
        rows = down + torch.arange(height, device=x.device)
        columns = right + torch.arange(width, device=x.device)
        image = torch.arange(n, device=x.device).view(-1, 1, 1)
        x = padded[image, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2)
    return x
