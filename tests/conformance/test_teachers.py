"""Every teacher family: logits on a dataset, one batched run a block. R replicates, N examples, K classes."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mtbkd.base import registry
from mtbkd.base.errors import MtbkdError
from mtbkd.contracts.artefacts import Logits
from tests.conformance.examples import FEATURES, dataset, names, small, write_files

# Pretrained families know the classes of one collection only: kind of dataset and settings, read from the mirror.
COLLECTIONS = {"cifar_resnet": ("cifar10", {"release": "first_10k", "n_train": 30, "n_val": 10, "n_test": 40})}


class Case:
    """A family with small settings and the first dataset that it can be trained on."""

    def __init__(self, name: str, folder: Path):
        self.module: ModuleType = registry.part("teacher", name)
        self.folder = folder
        if name in COLLECTIONS:
            self._on_a_collection(*COLLECTIONS[name])
            return
        write_files(folder)
        self.settings = small(self.module, folder)
        for features in FEATURES:
            self.dataset = dataset(features, 1)
            try:
                self.logits = self.train()
            except MtbkdError:
                continue
            return
        raise AssertionError(f"teacher {name} takes none of the shapes {FEATURES}: add one that it takes")

    def _on_a_collection(self, kind: str, settings: dict[str, object]) -> None:
        module = registry.part("dataset", kind)
        self.dataset = module.prepare("toy", module.Settings.model_validate(settings), 1, range(1), self.folder)
        self.settings = small(self.module)
        self.logits = self.train()

    def train(self) -> Logits:
        return self.module.train("t", None, self.settings, self.dataset, 1, 0, "cpu", self.folder)


@pytest.fixture(scope="module", params=names("teacher"))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    pretrained = request.param in COLLECTIONS
    return Case(request.param, request.getfixturevalue("mirror") if pretrained else tmp_path_factory.mktemp(request.param))


def test_logits_keep_their_contract_and_survive_being_written(case: Case, tmp_path: Path) -> None:
    case.logits.validate(case.dataset).write(tmp_path)
    read = Logits.read(tmp_path, case.dataset)
    assert np.array_equal(read.logits, case.logits.logits) and np.array_equal(read.covered, case.logits.covered)


def test_the_training_split_is_covered(case: Case) -> None:
    assert case.logits.covered[case.dataset.rows("train")].all()


def test_it_knows_more_than_chance_or_is_a_control_that_knows_nothing(case: Case) -> None:
    rows = case.dataset.rows("test")
    if not getattr(case.module, "INFORMED", True):
        assert not np.ptp(case.logits.logits, -1).any()
        return
    right = case.logits.logits[:, rows].argmax(-1) == case.dataset.y[:, rows]
    assert right.mean() > 0.5


def test_the_same_seed_gives_the_same_numbers(case: Case) -> None:
    assert np.array_equal(case.train().logits, case.logits.logits)


def test_the_files_that_it_needs_are_named_by_group_and_file(case: Case) -> None:
    assert all(len(Path(key).parts) == 2 for key in case.module.raw_files(case.settings))


def test_the_card_says_how_good_it_is(case: Case) -> None:
    assert set(case.logits.card["accuracy"]) >= {"test"}
    assert all(0 <= value <= 1 for value in case.logits.card["accuracy"].values())
