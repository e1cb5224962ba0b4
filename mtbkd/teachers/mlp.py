"""MLP teachers; the paper's simulations use 7-10-12-10-5 (430 parameters) and 7-15-12-10-7 (601) with dropout."""

from math import prod
from pathlib import Path

from pydantic import Field

from mtbkd.base.bounds import Layers
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.students.mlp import Mlp
from mtbkd.teachers.columns import select
from mtbkd.teachers.trained import TrainedSettings
from mtbkd.teachers.trained import train as train_network


class Settings(TrainedSettings):
    hidden: Layers = Field((64, 64), description="units of each hidden layer")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """A trained teacher needs no raw file of its own."""
    return ()


def train(
    name: str, domain: str | None, settings: Settings, dataset: Dataset,
    seed: int, first_replicate: int, device: str, raw: Path,
) -> Logits:  # fmt: skip
    """Train on every replicate of ``dataset``; see ``mtbkd.teachers.trained``."""
    inputs = prod(select(dataset, settings.features, seed, first_replicate).shape[2:])
    network = Mlp((inputs, *settings.hidden, dataset.num_classes))
    return train_network(name, network, settings, domain, dataset, seed, first_replicate, device)
