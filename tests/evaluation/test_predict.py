"""Point predictions."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from mtbkd.evaluation import predict, scoring
from mtbkd.evaluation.scoring import Examples


@pytest.mark.parametrize("classes", [2, 4])
def test_mode_is_where_scipys_density_peaks(classes):
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.arange(1, classes + 1), (60, 30)).astype(np.float32)
    unnormalised = np.empty((30, classes))
    for i in range(30):
        for k in range(classes):
            grid = np.linspace(prob[:, i, k].min(), prob[:, i, k].max(), 600)
            unnormalised[i, k] = grid[gaussian_kde(prob[:, i, k])(grid).argmax()]
    expected = unnormalised / unnormalised.sum(1, keepdims=True)
    # Three steps of the grid: binning moves a flat peak by one or two.
    assert np.abs(predict.kde_mode(prob) - expected).max() < 3 / 600


def test_mode_differs_from_mean_for_skewed_draws():
    draws = np.random.default_rng(0).beta(1.2, 6, 400)
    prob = np.stack([draws, 1 - draws], -1)[:, None]
    assert predict.kde_mode(prob)[0, 0] < predict.posterior_mean(prob)[0, 0] - 0.05


def test_draws_that_agree_are_their_own_mode():
    prob = np.broadcast_to(np.array([0.25, 0.75]), (30, 4, 2))
    assert np.allclose(predict.kde_mode(prob), [0.25, 0.75])


@pytest.mark.parametrize("classes", [2, 3])
def test_prediction_skips_clear_cases_without_changing_any(classes):
    rng = np.random.default_rng(1)
    centre = rng.dirichlet(np.ones(classes), 300)
    prob = np.stack([rng.dirichlet(c * 40 + 0.1, 50) for c in centre], 1)
    clear = prob.min(0).max(1) > np.sort(prob.max(0), 1)[:, -2]
    assert 0.2 < clear.mean() < 0.9
    assert np.array_equal(predict.kde_prediction(prob), predict.kde_mode(prob).argmax(1))


def test_the_error_of_the_mode_is_that_of_scipys_density_and_stands_beside_the_means():
    """Skewed draws, whose mode and mean have different errors; 40 draws, 25 examples, 3 classes."""
    rng = np.random.default_rng(3)
    true_prob = rng.dirichlet([1, 1, 1], 25)
    prob = np.stack([rng.dirichlet(3 * p + 0.2, 40) for p in true_prob], 1)
    modes = np.empty((25, 3))
    for i in range(25):
        for k in range(3):
            grid = np.linspace(prob[:, i, k].min(), prob[:, i, k].max(), 600)
            modes[i, k] = grid[gaussian_kde(prob[:, i, k])(grid).argmax()]
    expected = ((modes / modes.sum(1, keepdims=True) - true_prob) ** 2).mean()
    rows = np.arange(25)
    examples = Examples(rows, rows.astype(str), np.full(25, "test"), true_prob.argmax(1), None, true_prob)
    found = {row["metric"]: row["value"] for row in scoring.metric_rows(scoring.score(prob, examples))}
    assert found["mse_prob_kde_mode"] == pytest.approx(expected, rel=0.01)
    assert found["mse_prob"] == pytest.approx(((prob.mean(0) - true_prob) ** 2).mean())
    assert abs(found["mse_prob_kde_mode"] / found["mse_prob"] - 1) > 0.1
