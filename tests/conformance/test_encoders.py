"""Every encoder: one finite row a chain, whatever the other chains of the batch, of the length and names that it says."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mtbkd.base import registry
from mtbkd.base.errors import ConfigError
from mtbkd.data.raw_files import raw_files
from tests.conformance.examples import names

CHAINS = ["MKVLLACDEFGHIKW", "MSTNPKPQRKTKRNTNRRPQDVKFPGGGQIVGGVYLLPRRGPRLGVRATRKTSERSQPRGRRQ", "GAVLIXBZUOM", "M", "W" * 130]


class Case:
    """An encoder with its defaults, and its weights where they are to be had."""

    def __init__(self, module: ModuleType, raw: Path):
        self.module, self.settings = module, module.Settings.model_validate({})
        self.encoder: Any = module.load(self.settings, raw)

    def encode(self, chains: list[str]) -> np.ndarray:
        return self.module.encode(self.encoder, [self.module.prepared(self.settings, chain) for chain in chains])


@pytest.fixture(scope="module", params=names("encoder"))
def case(request: pytest.FixtureRequest, mirror: Path) -> Case:
    module = registry.part("encoder", request.param)
    missing = [key for key in module.raw_files(module.Settings.model_validate({})) if not (mirror / key).is_file()]
    if missing:
        pytest.skip(f"NOT IN THE DATA MIRROR: {missing[0]}; tests/data/encoders has a stand-in where one is possible")
    try:
        return Case(module, mirror)
    except ConfigError as error:
        pytest.skip(f"NOT INSTALLED: {error}")


def test_every_chain_becomes_finite_numbers_with_names(case: Case) -> None:
    x = case.encode(CHAINS)
    assert x.dtype == np.float32 and x.shape == (len(CHAINS), len(case.module.names(case.settings)))
    assert np.isfinite(x).all() and len(set(case.module.names(case.settings))) == x.shape[1]


def test_a_row_does_not_depend_on_its_neighbours(case: Case) -> None:
    x = case.encode(CHAINS)
    alone = np.concatenate([case.encode([chain]) for chain in CHAINS])
    np.testing.assert_allclose(x, alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(case.encode(CHAINS[::-1]), x[::-1], rtol=1e-4, atol=1e-5)


def test_different_chains_become_different_numbers(case: Case) -> None:
    assert len(np.unique(case.encode(CHAINS).round(5), axis=0)) == len(CHAINS)


def test_weights_are_registered_and_the_licence_is_told(case: Case) -> None:
    assert set(case.module.raw_files(case.settings)) <= set(raw_files()) and len(case.module.LICENCE) > 3
