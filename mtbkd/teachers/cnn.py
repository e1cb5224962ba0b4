"""Small convolutional teachers for images."""

from pathlib import Path

from pydantic import Field

from mtbkd.base.bounds import Layers
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.students import cnn
from mtbkd.teachers.trained import TrainedSettings
from mtbkd.teachers.trained import train as train_network


class Settings(TrainedSettings):
    channels: Layers = Field((16, 32), description="output channels of each 3x3 convolution")
    hidden: Layers = Field((64,), description="units of each dense hidden layer")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """A trained teacher needs no raw file of its own."""
    return ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Train on every replicate of ``dataset``; see ``mtbkd.teachers.trained``."""
    shape = cnn.Settings(channels=settings.channels, hidden=settings.hidden, norm="none")
    network = cnn.build(shape, dataset.x.shape[2:], dataset.num_classes)
    return train_network(name, network, settings, domain, dataset, seed, first_replicate, device)
