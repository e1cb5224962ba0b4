"""Domains that a table does not come with."""

import numpy as np
import pytest

from mtbkd.datasets.domains import Domains, codes
from mtbkd.errors import ContractError

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
