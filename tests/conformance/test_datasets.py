"""Every dataset: a validated ``Dataset`` from its settings, the same whatever block of replicates it is computed in."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import Shape, redrawn
from mtbkd.data.raw_files import raw_files
from tests.conformance.examples import IMAGE_FILES, names, small, write_files
from tests.data.images.formats import write_all


class Case:
    """A kind with small settings and its first blocks of replicates."""

    def __init__(self, module: ModuleType, folder: Path, raw: Path):
        self.module, self.raw = module, raw
        write_files(folder)
        write_all(folder, IMAGE_FILES.get(module.__name__, ()))
        self.settings: BaseModel = small(module, folder)
        self.dataset = self.prepare(range(3) if redrawn(self.module) else range(1))

    def prepare(self, replicates: range, seed: int = 1) -> Dataset:
        return self.module.prepare("data", self.settings, seed, replicates, self.raw)


@pytest.fixture(scope="module", params=names("dataset"))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    module, folder = registry.part("dataset", request.param), tmp_path_factory.mktemp(request.param)
    needs_mirror = module.RAW and module.__name__ not in IMAGE_FILES
    return Case(module, folder, request.getfixturevalue("mirror") if needs_mirror else folder)


def same(one: Dataset, other: Dataset) -> bool:
    arrays = ("x", "y", "split", "ids", "domain", "true_prob", "teacher_y")
    pairs = [(getattr(one, name), getattr(other, name)) for name in arrays]
    return all(a is b is None or np.array_equal(a, b) for a, b in pairs)


def test_data_keep_their_contract_and_survive_being_written(case: Case, tmp_path: Path) -> None:
    case.dataset.write(tmp_path)
    read = Dataset.read(tmp_path)
    assert same(read, case.dataset) and read.class_names == case.dataset.class_names


def test_the_same_seed_gives_the_same_data(case: Case) -> None:
    assert same(case.prepare(range(case.dataset.num_replicates)), case.dataset)


def test_the_block_does_not_matter_to_a_replicate(case: Case) -> None:
    if not redrawn(case.module):
        assert case.dataset.num_replicates == 1
        return
    last = case.prepare(range(2, 3))
    for name in ("x", "y", "domain", "true_prob"):
        alone, among = getattr(last, name), getattr(case.dataset, name)
        assert alone is among is None or np.array_equal(alone[0], among[2]), name
    assert not np.array_equal(case.dataset.x[0], case.dataset.x[2])


def test_simulations_know_the_true_probabilities(case: Case) -> None:
    assert (case.dataset.true_prob is not None) == case.module.SIMULATED


def test_data_are_as_the_configuration_was_told(case: Case) -> None:
    shape = case.module.describe(case.settings)
    if shape is not None:
        data = case.dataset
        assert shape == Shape(data.x.shape[2:], data.class_names, data.domain_names)


def test_the_card_names_source_licence_and_settings(case: Case) -> None:
    card = case.dataset.card
    assert card["source"] and card["licence"]
    assert type(case.settings).model_validate(card["settings"]) == case.settings


def test_images_say_their_range(case: Case) -> None:
    """So that a student can read image files."""
    data = case.dataset
    if data.x.ndim == 5:
        low, high = data.card["pixels"]
        assert low <= data.x.min() and data.x.max() <= high and data.x.max() - data.x.min() > (high - low) / 2
        assert str(low).removesuffix(".0") in data.card["Values"]


def test_its_raw_files_are_registered(case: Case) -> None:
    assert set(case.module.RAW) <= set(raw_files())
