"""Entropy weights by hand: two teachers of entropies log 2 and log 4 (uniform over two and four of four classes)."""

import numpy as np
import pytest

from mtbkd.base import registry

LOW, HIGH = np.log(2), np.log(4)
PROB = np.array([[[[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]]])
XI = {
    "entropy": (1 - LOW / (LOW + HIGH), 1 - HIGH / (LOW + HIGH)),
    "inverse_entropy": (1 / LOW, 1 / HIGH),
    "exponential_entropy": (1 / 2, 1 / 4),
    "inverse_square_entropy": (1 / (0.1 + LOW) ** 2, 1 / (0.1 + HIGH) ** 2),
    "equal": (1, 1),
}


@pytest.mark.parametrize("name", XI)
def test_weights_are_the_decreasing_function_of_the_entropies_normalised(name: str) -> None:
    found = registry.part("weights", name).weights(PROB)
    np.testing.assert_allclose(found[0, 0], np.array(XI[name]) / sum(XI[name]), rtol=1e-8)


@pytest.mark.parametrize("name", [name for name in XI if name != "equal"])
def test_a_certain_teacher_has_a_finite_weight(name: str) -> None:
    certain = np.array([[[[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]]])
    weights = registry.part("weights", name).weights(certain)
    assert np.isfinite(weights).all() and weights[0, 0, 0] > 0.79
