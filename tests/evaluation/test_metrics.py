"""Scores against values worked out by hand, against scikit-learn and against simulation."""

import itertools
import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mtbkd.evaluation import metrics

PROB = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]])
Y = np.array([0, 1, 0, 1])


@pytest.fixture
def sample():
    rng = np.random.default_rng(1)
    prob = rng.dirichlet([1, 1, 1], 500)
    return prob, np.array([rng.choice(3, p=p) for p in prob])


def test_scores_worked_out_by_hand():
    assert metrics.accuracy(PROB, Y) == (0.5, pytest.approx(math.sqrt(1 / 3) / 2), 4)
    assert metrics.nll(PROB, Y).value == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.25]).mean())
    by_hand = [0.09 + 0.04 + 0.01, 0.01 + 0.04 + 0.01, 0.49 + 0.09 + 0.16, 0.25 + 0.5625 + 0.0625]
    assert metrics.brier(PROB, Y).value == pytest.approx(np.mean(by_hand))
    assert metrics.brier(PROB, Y).se == pytest.approx(np.std(by_hand, ddof=1) / 2)
    # Sorted by confidence .8 .7 .5 .4 the errors are 0 0 1 1: risks 0 0 1/3 1/2.
    assert metrics.aurc(PROB, Y).value == pytest.approx((1 / 3 + 1 / 2) / 4)
    # Two bins: (.4, .5) with accuracy 0 and (.7, .8) with accuracy 1.
    assert metrics.ece(PROB, Y, bins=2).value == pytest.approx((0.45 + 0.25) / 2)
    true = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0, 0.5], [0, 1, 0]])
    assert metrics.truth_scores(PROB, true)["accuracy_true_prob"].value == pytest.approx((1 + 1 + 0.5 + 0) / 4)
    assert metrics.truth_scores(PROB[:1], true[:1])["mse_prob"].value == pytest.approx(0.14 / 3)
    assert metrics.truth_scores(PROB[:1], true[:1])["mae_prob"].value == pytest.approx((0.3 + 0.2 + 0.1) / 3)


def test_values_agree_with_scikit_learn(sample):
    prob, y = sample
    assert metrics.nll(prob, y).value == pytest.approx(sklearn_metrics.log_loss(y, prob))
    assert metrics.brier(prob, y).value == pytest.approx(((prob - np.eye(3)[y]) ** 2).sum(1).mean())
    assert metrics.accuracy(prob, y).value == pytest.approx(sklearn_metrics.accuracy_score(y, prob.argmax(1)))
    inside, outside = np.round(prob[:300, 0], 1), np.round(prob[300:, 0] + 0.2, 1)
    expected = sklearn_metrics.roc_auc_score([0] * 300 + [1] * 200, np.concatenate([inside, outside]))
    assert metrics.ood_auroc(inside, outside).value == pytest.approx(expected)


def test_auroc_standard_error_is_the_spread_over_samples():
    rng = np.random.default_rng(0)
    found = [metrics.ood_auroc(rng.normal(size=80), rng.normal(1, size=60)) for _ in range(400)]
    spread = np.std([score.value for score in found])
    # The spread of 400 values is known to 1 / sqrt(800) = 3.5 %.
    assert np.mean([score.se for score in found]) == pytest.approx(spread, rel=0.12)


def test_aurc_takes_ties_in_the_mean_over_their_orders():
    prob = np.array([[0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.6, 0.4]])
    y = np.array([0, 1, 0, 0, 1])
    error = prob.argmax(1) != y
    orders = [(0, *tied, 4) for tied in itertools.permutations((1, 2, 3))]
    areas = [np.mean(np.cumsum(error[list(order)]) / np.arange(1, 6)) for order in orders]
    assert metrics.aurc(prob, y).value == pytest.approx(np.mean(areas))


def test_order_of_examples_is_irrelevant_even_with_ties(sample):
    prob, y = np.round(sample[0], 1), sample[1]
    shuffled = np.random.default_rng(2).permutation(len(y))
    for score in (metrics.ece, metrics.aurc):
        assert score(prob, y).value == pytest.approx(score(prob[shuffled], y[shuffled]).value)


def test_ece_of_true_probabilities_is_noise_and_of_overconfident_ones_is_not():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.5, 1, 30_000)
    prob, y = np.stack([p, 1 - p], 1), (rng.random(30_000) > p).astype(int)
    # 15 bins of 2,000: noise of at most sqrt(.25 / 2000) = .011 a bin.
    assert metrics.ece(prob, y).value < 0.012
    sharper = np.stack([p**3, (1 - p) ** 3], 1)
    assert metrics.ece(sharper / sharper.sum(1, keepdims=True), y).value > 0.08
    assert len(metrics.reliability(prob, y).n) == 15
    assert metrics.reliability(prob, y).n.max() <= 2001


def test_a_zero_probability_costs_a_finite_number_of_nats():
    assert metrics.nll(np.array([[1.0, 0.0]]), np.array([1])).value == pytest.approx(87.34, abs=0.01)


def test_one_example_has_no_standard_error_and_none_has_no_value():
    assert math.isnan(metrics.accuracy(PROB[:1], Y[:1]).se)
    assert math.isnan(metrics.mean_score(np.empty(0)).value)
    assert math.isnan(metrics.ood_auroc(np.ones(3), np.empty(0)).value)
