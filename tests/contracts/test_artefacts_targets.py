"""Several classes an example: what a dataset's targets must be."""

from dataclasses import replace

import numpy as np
import pytest

from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset
from tests.conformance.examples import dataset


def with_targets(change: str = "") -> Dataset:
    data = dataset((3,), 1)
    targets = np.eye(3, dtype=np.uint8)[np.maximum(data.y, 0)]
    if change == "shape":
        targets = targets[:, :-1]
    if change == "values":
        targets[0, 0] = 2
    if change == "none":
        targets[0, 0] = 0
    if change == "label":
        targets[0, -1] = np.roll(targets[0, -1], 1)
    return replace(data, targets=targets.astype(np.int64) if change == "type" else targets)


def test_targets_that_hold_the_label_are_accepted():
    data = with_targets()
    assert data.targets is not None
    data.targets[:] = 1
    assert data.validate() is data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("shape", r"targets: found shape \(1, 89, 3\); expected \(1, 90, 3\)"),
        ("type", "targets: found dtype int64; expected uint8"),
        ("values", "targets: found values up to 2; expected 0 or 1"),
        ("none", "targets: found examples of no class; expected at least one"),
        ("label", "targets: found labels y that are not among them"),
    ],
)
def test_other_targets_are_refused(change: str, message: str):
    with pytest.raises(ContractError, match=message):
        with_targets(change).validate()
