"""Domains that a table does not come with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import table
from mtbkd.data.datasets.domains import Domains, codes

RNG = np.random.default_rng(0)
CENTRES = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
WHERE = np.repeat([0, 1, 2], [20, 50, 30])
X = CENTRES[WHERE] + 0.1 * RNG.normal(size=(100, 2))
Y = RNG.integers(0, 3, 100)
NAMES = ("a", "b", "c")


def test_clusters_are_found_and_the_largest_comes_first() -> None:
    asked = Domains(by="cluster", count=3)
    found = codes(asked, X, Y, NAMES, None, 1, "here")
    assert asked.names(NAMES, {}) == ("cluster 1", "cluster 2", "cluster 3")
    np.testing.assert_array_equal(found, np.array([2, 0, 1])[WHERE])


def test_a_far_outlier_is_no_cluster() -> None:
    far = X.copy()
    far[0] = 1e4
    found = codes(Domains(by="cluster", count=3), far, Y, NAMES, None, 1, "here")
    assert np.bincount(found).min() >= 19


def test_clusters_that_are_too_small_are_refused() -> None:
    with pytest.raises(ContractError, match=r"found clusters of .* rows; expected at least 10"):
        codes(Domains(by="cluster", count=40), X, Y, NAMES, None, 1, "here")
    with pytest.raises(ContractError, match="found 2 different rows; expected at least 3"):
        codes(Domains(by="cluster", count=3), np.sign(X[:, :1]), Y, NAMES, None, 1, "here")


def test_groups_of_classes_follow_the_label() -> None:
    asked = Domains(by="classes", groups=(("c", "a"), ("b",)))
    found = codes(asked, X, Y, NAMES, None, 1, "here")
    assert asked.names(NAMES, {}) == ("group 1", "group 2")
    np.testing.assert_array_equal(found, (Y == 1).astype(int))


def csv(folder: Path, labels: Sequence[str]) -> Path:
    path = folder / "own.csv"
    rows = [f"{a},{b},{label}" for (a, b), label in zip(X, labels, strict=True)]
    path.write_text("\n".join(["v,w,kind", *rows]) + "\n")
    return path


def prepared(path: Path, **asked: Any) -> Dataset:
    settings = table.Settings.model_validate({"path": str(path), "label": "kind", "domains": asked})
    return table.prepare("own", settings, 1, range(1), path.parent)


def test_a_table_of_your_own_may_have_them_too(tmp_path: Path) -> None:
    path = csv(tmp_path, [NAMES[k] for k in Y])
    found = prepared(path, by="cluster", count=3)
    assert found.domain_names == ("cluster 1", "cluster 2", "cluster 3") and found.domain is not None
    np.testing.assert_array_equal(found.domain[0], np.array([2, 0, 1])[WHERE])
    found = prepared(path, by="classes", groups=[["c", "a"], ["b"]])
    np.testing.assert_array_equal(found.domain, [Y == 1])


def test_groups_that_do_not_fit_a_table_of_your_own_are_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, [NAMES[k] for k in Y])
    with pytest.raises(ConfigError, match=r"own\.csv: domains\.groups: found no group with c; allowed: every class"):
        prepared(path, by="classes", groups=[["a"], ["b"]])
    with pytest.raises(ContractError, match="domains: found 1 rows without label"):
        prepared(csv(tmp_path, ["", *[NAMES[k] for k in Y[1:]]]), by="classes", groups=[["c", "a"], ["b"]])
    with pytest.raises(ValueError, match="allowed: one of domain"):
        prepared(path, by="column", column="v")
