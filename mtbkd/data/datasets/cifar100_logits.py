"""The CIFAR-100 test images as released logits know them: labels in the data set's order, no pixels.

For rules that need no student: pools of the teachers ``released`` with a source ``cifar100/...``. Foreign images (CIFAR-10 and
Textures) are the splits ``ood:cifar10`` and ``ood:textures``. No image has inputs, so that a student can learn how frequent the
classes are and nothing else. No network saw any of these images in training: the splits are drawn from the test images.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base import seeds
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape
from mtbkd.data.images.cifar import CIFAR100_CLASSES
from mtbkd.data.preprocess import stratified_split
from mtbkd.data.released_logits import FOREIGN, TEST_IMAGES, key, read

SIMULATED = False
RAW = (key("resnet50"),)


class Settings(BaseModel):
    """Shares of the splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(0.1, ge=0.01, le=0.45, description="share of the test images called train, and of those called val")


def describe(settings: Settings) -> Shape:
    """One feature, which is 0; the classes of CIFAR-100."""
    return Shape((1,), CIFAR100_CLASSES)


def prepare(name: str, settings: Settings, seed: int, replicates: range, raw: Path) -> Dataset:
    """Labels and ids of the images, in the order of the released files: x (1, N, 1), all 0."""
    y = read(raw / RAW[0], len(CIFAR100_CLASSES)).labels
    if y is None or len(y) != TEST_IMAGES:
        raise ContractError(raw / RAW[0], "labels", "none" if y is None else len(y), f"{TEST_IMAGES:,}")
    shares = {"train": settings.share, "val": settings.share, "test": 1 - 2 * settings.share}
    drawn = stratified_split(y, shares, np.random.default_rng(seeds.derive(seed, "data", replicate=0)))
    foreign = [f"ood:{images}" for images, n in FOREIGN.items() for _ in range(n)]
    ids = [f"cifar100-test-{i}" for i in range(len(y))] + [f"{of}-{i}" for of, n in FOREIGN.items() for i in range(n)]
    return Dataset(
        name=name,
        x=np.zeros((1, len(ids), 1), np.float32),
        y=np.concatenate([y, np.full(len(foreign), -1)])[None],
        split=np.concatenate([drawn, foreign]),
        class_names=CIFAR100_CLASSES,
        ids=np.array(ids),
        card={
            "kind": "cifar100_logits",
            "simulated": False,
            "source": "labels of the CIFAR-100 test images (Krizhevsky 2009), as released with teachers' logits "
                      "(LilLeapo/multi-teacher-kd-ood at 32389244)",
            "licence": "none stated",
            "warnings": ["no inputs: the images were not released with the logits, so that only teachers' pools can be judged"],
            "settings": settings.model_dump(mode="json"),
            "seed": seed,
        },
    ).validate()  # fmt: skip
