"""Encoders side by side: batches of like length, and a memory that encodes nothing twice."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mtbkd.base import registry
from mtbkd.data.encoders import LIKE, Embedder, batches, embed
from mtbkd.data.encoders.chosen import Encoders, chosen

CHAINS = ["MKV", "MKVLLA", "GGG", "MKV", "ACDEFGHIKLMNPQRSTVWY"]


class Counting(ModuleType):
    """An encoder of one number, the length, that remembers what it was asked to read."""

    LICENCE, BATCH = "none", (2, 100)

    class Settings(BaseModel):
        longest: int = 5

    def __init__(self):
        super().__init__("tests_counting_encoder")
        self.asked: list[str] = []

    def raw_files(self, settings: BaseModel) -> tuple[str, ...]:
        return ()

    def names(self, settings: BaseModel) -> list[str]:
        return ["length"]

    def prepared(self, settings: Settings, chain: str) -> str:
        return chain[: settings.longest]

    def load(self, settings: BaseModel, raw: Path) -> None:
        return None

    def encode(self, encoder: None, chains: Sequence[str]) -> np.ndarray:
        self.asked += chains
        return np.array([[len(chain)] for chain in chains], np.float32)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    module = Counting()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(registry.ENCODERS, "counting", module.__name__)
    return module


def test_each_distinct_chain_is_read_once_and_rows_keep_their_order(counting: Counting):
    x = embed(CHAINS, {"counting": {}}, Path())
    assert x[:, 0].tolist() == [3, 5, 3, 3, 5]
    assert sorted(counting.asked) == sorted({"MKV", "MKVLL", "GGG", "ACDEF"})


def test_what_was_encoded_once_is_remembered_by_the_next_job(counting: Counting, tmp_path: Path):
    first = embed(CHAINS, {"counting": {}}, Path(), tmp_path)
    counting.asked.clear()
    embedder = Embedder({"counting": {}}, Path(), tmp_path)
    np.testing.assert_array_equal(embedder([*CHAINS, "WWWW"]), [*first, [4]])
    assert counting.asked == ["WWWW"]
    assert "1 chains read and 4 remembered" in embedder.work["counting"].told()


def test_other_settings_have_a_memory_of_their_own(counting: Counting, tmp_path: Path):
    embed(CHAINS, {"counting": {}}, Path(), tmp_path)
    assert embed(CHAINS, {"counting": {"longest": 4}}, Path(), tmp_path)[:, 0].tolist() == [3, 4, 3, 3, 4]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_job_that_failed_leaves_no_half_written_memory(counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(encoder: None, chains: Sequence[str]) -> np.ndarray:
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(counting, "encode", broken)
        embed(CHAINS, {"counting": {}}, Path(), tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert len(embed(CHAINS, {"counting": {}}, Path(), tmp_path)) == len(CHAINS)


def test_encoders_stand_side_by_side_in_alphabetical_order(counting: Counting):
    both = Embedder({"descriptors": {}, "counting": {}}, Path())
    assert both.names()[:2] == ["counting:length", "descriptors:chain_A"]
    assert both(CHAINS).shape == (5, len(both.names()))


def test_no_chain_is_no_row(counting: Counting):
    assert embed([], {"counting": {}}, Path()).shape == (0, 1)


@given(st.lists(st.integers(1, 3000), max_size=300))
def test_batches_hold_every_chain_once_and_keep_their_bounds(lengths: list[int]):
    found = [list(map(lengths.__getitem__, rows)) for rows in batches(lengths, (64, 16_000))]
    rows = np.concatenate([*batches(lengths, (64, 16_000)), []]).astype(int)
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    for batch in found:
        assert len(batch) == 1 or (len(batch) <= 64 and len(batch) * max(batch) <= 16_000)
        assert min(batch) >= LIKE * max(batch)


def test_proteins_of_usual_lengths_are_padded_by_less_than_15_percent():
    lengths = np.random.default_rng(0).lognormal(6, 0.8, 3000).astype(int) + 30
    padded = sum(len(rows) * lengths[rows].max() for rows in batches(lengths.tolist(), (64, 16_000)))
    assert 1 - lengths.sum() / padded < 0.15


def test_a_dataset_names_at_least_one_encoder_that_exists():
    assert list(chosen(Encoders.model_validate({"unirep64": {}, "descriptors": {}}))) == ["descriptors", "unirep64"]
    for wrong in ({}, {"esm3": {}}):
        with pytest.raises(ValidationError):
            Encoders.model_validate(wrong)


def test_encoders_that_are_not_chosen_leave_no_trace_in_the_settings():
    assert list(Encoders.model_validate({"descriptors": {}}).model_dump(mode="json")) == ["descriptors"]
