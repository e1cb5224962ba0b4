"""What a part of somebody's own may hand on: data, logits and draws that break their contract are refused in one line."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from tests.conformance.examples import dataset
from tests.faults.test_damaged_files import draws, logits

DATA = dataset((3,), 1)
N = DATA.num_examples
ROWS = np.arange(N)


def with_last(split: str) -> np.ndarray:
    return np.where(ROWS == N - 1, split, DATA.split).astype(str)


# Attributes that are replaced, and the field that the refusal names.
BAD_DATA: dict[str, tuple[dict[str, Any], str]] = {
    "not finite": ({"x": np.where(DATA.x == DATA.x[0, 0, 0], np.nan, DATA.x)}, "x"),
    "double precision": ({"x": DATA.x.astype(float)}, "x"),
    "no replicates": ({"x": DATA.x[0]}, "x"),
    "no feature": ({"x": DATA.x[..., :0]}, "x"),
    "labels as fractions": ({"y": DATA.y.astype(float)}, "y"),
    "labels from 1": ({"y": DATA.y + 1}, "y"),
    "label below -1": ({"y": DATA.y - 2}, "y"),
    "one class": ({"class_names": ("a",)}, "class_names"),
    "a class twice": ({"class_names": ("a", "a", "b")}, "class_names"),
    "a class without a name": ({"class_names": ("a", "", "b")}, "class_names"),
    "classes as numbers": ({"class_names": (1, 2, 3)}, "class_names"),
    "a split too few": ({"split": DATA.split[1:]}, "split"),
    "a split of another name": ({"split": with_last("valid")}, "split"),
    "ood of nothing": ({"split": with_last("ood:")}, "split"),
    "ood of a path": ({"split": with_last("ood:../x")}, "split"),
    "an id twice": ({"ids": np.array(["a"] * N)}, "ids"),
    "an empty id": ({"ids": np.array(["", *map(str, ROWS[1:])])}, "ids"),
    "ids of two lines": ({"ids": np.array([f"a\n{i}" for i in ROWS])}, "ids"),
    "ids with NUL": ({"ids": np.array([f"a\0{i}" for i in ROWS])}, "ids"),
    "ids that no file holds": ({"ids": np.array([f"\ud800{i}" for i in ROWS])}, "ids"),
    "domains as fractions": ({"domain": np.zeros((1, N)), "domain_names": ("a",)}, "domain"),
    "a domain without a name": ({"domain": np.full((1, N), 5)}, "domain"),
    "no probabilities": ({"true_prob": np.full((1, N, 3), 0.5)}, "true_prob"),
    "teachers' labels as fractions": ({"teacher_y": np.full((1, N), 0.5)}, "teacher_y"),
    "teachers' labels beyond the classes": ({"teacher_y": np.full((1, N), 9)}, "teacher_y"),
    "an array on the card": ({"card": {"a": np.arange(3)}}, "entries"),
    "an object on the card": ({"card": {"a": object()}}, "entries"),
}
BAD_LOGITS: dict[str, tuple[dict[str, Any], str]] = {
    "not finite": ({"logits": np.full((1, N, 3), np.inf, np.float32)}, "logits"),
    "no replicates": ({"logits": logits().logits[0]}, "logits"),
    "covered by half": ({"covered": np.full(N, 0.5)}, "covered"),
    "covered too few": ({"covered": np.ones(N - 1, bool)}, "covered"),
    "an object on the card": ({"card": {"a": object()}}, "entries"),
}
BAD_DRAWS: dict[str, tuple[dict[str, Any], str]] = {
    "no chains": ({"log_posterior": draws().log_posterior[0]}, "log_posterior"),
    "twice the probability": ({"prob": draws().prob * 2}, "prob"),
    "below 0": ({"prob": draws().prob * 5 - np.float32(4 / 3)}, "prob"),
    "at probes": ({"probe_prob": draws().probe_prob * 2}, "probe_prob"),
    "an example twice": ({"example_index": np.zeros(5, int)}, "example_index"),
    "an example before the first": ({"example_index": -np.arange(5)}, "example_index"),
}


def refused(whole: Dataset | Logits | Draws, changed: Mapping[str, Any], field: str, path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        replace(whole, **changed).write(path)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", BAD_DATA)
def test_data_that_break_their_contract_are_not_written(fault: str, tmp_path: Path):
    refused(DATA, *BAD_DATA[fault], tmp_path)


@pytest.mark.parametrize("fault", BAD_LOGITS)
def test_logits_that_break_their_contract_are_not_written(fault: str, tmp_path: Path):
    refused(logits(), *BAD_LOGITS[fault], tmp_path)


@pytest.mark.parametrize("fault", BAD_DRAWS)
def test_draws_that_break_their_contract_are_not_written(fault: str, tmp_path: Path):
    refused(draws(), *BAD_DRAWS[fault], tmp_path / "d.nc")
