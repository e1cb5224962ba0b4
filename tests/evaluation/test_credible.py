"""Credible intervals are NumPy's quantiles."""

import numpy as np
import pytest

from mtbkd.evaluation import chunks
from mtbkd.evaluation.credible import credible_ends


@pytest.mark.parametrize("draws", [2, 3, 40, 401])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999999])
def test_ends_are_quantiles_over_draws(draws: int, level: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 3 * 3 * draws)  # three examples at a time
    prob = np.random.default_rng(draws).random((draws, 7, 3), np.float32)
    prob = np.asfortranarray(prob) if draws == 40 else prob.transpose(1, 2, 0).copy().transpose(2, 0, 1)  # in any layout
    before = prob.copy()
    expected = np.quantile(prob.astype(np.float64), [(1 - level) / 2, (1 + level) / 2], axis=0)
    np.testing.assert_allclose(credible_ends(prob, level), expected, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(prob, before)


def test_a_class_that_never_varies_has_an_interval_without_width() -> None:
    low, high = credible_ends(np.full((4, 2, 3), 0.25, np.float32), 0.9)
    assert (low == 0.25).all() and (high == 0.25).all()
