"""Every score against scikit-learn, and thresholds against trying all of them."""

import numpy as np
import pytest
from sklearn import metrics as sk

from mtbkd.questions.multilabel import scores

M, K = 90, 4


@pytest.fixture(scope="module")
def forecasts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities with ties, labels that depend on them, thresholds; nobody has the last location."""
    rng = np.random.default_rng(2)
    prob = np.round(rng.random((M, K)), 2)
    truth = rng.random((M, K)) < prob
    truth[:, -1] = False
    truth[~truth.any(1), 0] = True
    return prob, truth, np.array([0.5, 0.31, 0.8, 0.4])


def test_scores_of_locations_are_scikit_learns(forecasts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    prob, truth, thresholds = forecasts
    found = scores.location_scores(prob, truth, thresholds)
    present = prob >= thresholds
    for k in range(K - 1):
        expected = {
            "mcc": sk.matthews_corrcoef(truth[:, k], present[:, k]), "f1": sk.f1_score(truth[:, k], present[:, k]),
            "auroc": sk.roc_auc_score(truth[:, k], prob[:, k]),
            "average_precision": sk.average_precision_score(truth[:, k], prob[:, k]),
        }  # fmt: skip
        assert {name: values[k] for name, values in found.items()} == pytest.approx(expected)
    assert all(np.isnan(values[-1]) for values in found.values())


def test_overall_scores_are_scikit_learns(forecasts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    prob, truth, thresholds = forecasts
    found = scores.overall_scores(prob, truth, thresholds, scores.location_scores(prob, truth, thresholds))
    present, known = prob >= thresholds, slice(None, K - 1)
    expected = {
        "macro_f1": sk.f1_score(truth[:, known], present[:, known], average="macro"),
        "micro_f1": sk.f1_score(truth, present, average="micro"),
        "jaccard": sk.jaccard_score(truth, present, average="samples"),
        "subset_accuracy": sk.accuracy_score(truth, present),
        "macro_auroc": sk.roc_auc_score(truth[:, known], prob[:, known], average="macro"),
        "micro_auroc": sk.roc_auc_score(truth, prob, average="micro"),
        "macro_average_precision": sk.average_precision_score(truth[:, known], prob[:, known], average="macro"),
        "nll": np.mean([sk.log_loss(truth[:, k], np.clip(prob[:, k], 1e-300, 1), labels=[False, True]) for k in range(K)]),
        "brier": np.mean([((prob[:, k] - truth[:, k]) ** 2).mean() for k in range(K)]),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert set(found) == set(scores.HIGHER_IS_BETTER)


def test_a_threshold_has_the_largest_correlation_of_all() -> None:
    rng = np.random.default_rng(5)
    prob = rng.random((60, 3))
    truth = rng.random((60, 3)) < prob**2
    chosen = scores.best_thresholds(prob, truth)
    for k in range(3):
        tried = [sk.matthews_corrcoef(truth[:, k], prob[:, k] >= cut) for cut in np.append(prob[:, k], 2.0)]
        assert sk.matthews_corrcoef(truth[:, k], prob[:, k] >= chosen[k]) == pytest.approx(max(tried))


def test_a_location_that_validation_lacks_keeps_one_half() -> None:
    prob = np.random.default_rng(0).random((20, 2))
    truth = np.zeros((20, 2), bool)
    truth[:10, 1] = True
    chosen = scores.best_thresholds(np.column_stack([prob[:, 0], truth[:, 1] * 0.5 + 0.25]), truth)
    assert chosen.tolist() == [0.5, 0.5]
    assert scores.best_thresholds(np.full((20, 1), 0.2), truth[:, 1:]).tolist() == [0.5]


def test_calibration_error_by_hand() -> None:
    prob = np.array([0.1, 0.1, 0.9, 0.9])
    assert scores.calibration_error(prob, np.array([False, False, True, False]), 2) == pytest.approx((0.1 + 0.4) / 2)
    honest = np.random.default_rng(1).random(200_000)
    assert scores.calibration_error(honest, np.random.default_rng(2).random(200_000) < honest) < 0.01
