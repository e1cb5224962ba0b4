"""Prediction sets: by hand, against the exact law of their coverage, and where a quantile off by one would fail."""

import numpy as np
import pytest
from scipy import stats

from mtbkd.evaluation import conformal
from mtbkd.evaluation.conformal import KINDS, credible_sets, expected_band, guaranteed, label_scores, prediction_sets, rank

PROB = np.array([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.2, 0.6]])


def test_scores_are_those_of_the_papers_by_hand():
    expected = {
        "threshold": [[0.5, 0.7, 0.85, 0.95], [0.95, 0.85, 0.8, 0.4]],
        "aps": [[0, 0.5, 0.8, 0.95], [0.95, 0.8, 0.6, 0]],
        "raps": [[0, 0.5, 0.9, 1.15], [1.15, 0.9, 0.6, 0]],  # .1 for the third class, .2 for the fourth
    }
    for kind, found in KINDS.items():
        np.testing.assert_allclose(found(PROB), expected[kind], atol=1e-12)
    assert label_scores(PROB, np.array([1, 2]), "aps").tolist() == pytest.approx([0.5, 0.6])


def test_split_sets_by_hand():
    held = np.array([0.9, 0.1, 0.6, 0.3])  # with L = .6 the third of four, .6, stays in
    assert prediction_sets(PROB[None], held, 0.6, "aps").tolist() == [[True, True, False, False], [False, False, True, True]]
    assert prediction_sets(PROB[None], held, 0.8, "aps").tolist() == [[True, True, True, False], [False, True, True, True]]
    assert prediction_sets(PROB[None], held, 0.81, "aps").all()  # four labels cannot promise it: every class
    lowest = prediction_sets(PROB[None], np.array([0.1, 0.2]), 0.3, "threshold")
    assert lowest.tolist() == [[True, False, False, False], [False, False, False, True]]  # never empty


def test_cross_sets_by_hand():
    """Two folds: class k stays in while fewer than L (n + 1) held-out scores lie below its score in their own fold."""
    prob = np.array([[[0.6, 0.3, 0.1]], [[0.2, 0.5, 0.3]]])  # aps: (0, .6, .9) and (.8, 0, .5)
    held, fold = np.array([0.05, 0.55, 0.3, 0.7]), np.array([0, 0, 1, 1])
    # below each class: fold 0 (0, 2, 2), fold 1 (2, 0, 1): 2, 2, 3 of 4 in all
    assert prediction_sets(prob, held, 0.6, "aps", fold).tolist() == [[True, True, False]]
    assert prediction_sets(prob, held, 0.8, "aps", fold).tolist() == [[True, True, True]]


def test_cross_sets_of_one_fold_are_split_sets():
    rng = np.random.default_rng(0)
    prob, held = rng.dirichlet(np.ones(4), 50), rng.random(19)
    for kind, scores in KINDS.items():
        kept = scores(prob) <= np.sort(held)[rank(19, 0.8) - 1]
        kept[np.arange(50), prob.argmax(1)] = True
        assert (prediction_sets(prob[None], held, 0.8, kind) == kept).all()


def test_a_credible_set_is_the_smallest_that_reaches_the_level():
    assert credible_sets(PROB, 0.8).tolist() == [[True, True, False, False], [False, False, True, True]]
    assert credible_sets(PROB, 0.81).sum(1).tolist() == [3, 3]
    rng = np.random.default_rng(1)
    prob = rng.dirichlet(np.ones(5), 300)
    inside = credible_sets(prob, 0.9)
    mass, least = (prob * inside).sum(1), np.where(inside, prob, 1).min(1)
    assert (mass >= 0.9 - 1e-8).all() and (mass - least < 0.9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_coverage_follows_its_exact_law(kind: conformal.Kind):
    """Labels drawn from any model: coverage of fresh labels is beta-binomial, here with 19 held out and 50 new, 4,000 times.

    A quantile one place lower (the plain 90 % quantile of 19 scores, without the n + 1) covers .85 on average and fails.
    """
    rng, n, m, level, runs = np.random.default_rng(2), 19, 50, 0.9, 4000
    scores = rng.random((runs, n + m))  # scores of exchangeable examples without ties: any continuous law gives the same
    kept = np.sort(scores[:, :n], 1)[:, rank(n, level) - 1, None]
    hits = (scores[:, n:] <= kept).sum(1)
    r = rank(n, level)
    law = stats.betabinom(m, r, n + 1 - r)
    assert abs(hits.mean() - law.mean()) < 4 * law.std() / np.sqrt(runs) and law.mean() / m == pytest.approx(0.9)
    seen, expected = np.bincount(hits, minlength=m + 1), runs * law.pmf(np.arange(m + 1))
    likely = expected >= 5
    assert stats.chisquare(seen[likely], expected[likely] * seen[likely].sum() / expected[likely].sum()).pvalue > 1e-3
    low, high = expected_band(level, n, m)
    assert ((low <= hits / m) & (hits / m <= high)).mean() >= 0.94
    # The same through the sets themselves, with a wrong model: labels uniform, probabilities not.
    prob = rng.dirichlet(np.ones(6), (600, n + 1))
    y = rng.integers(6, size=(600, n + 1))
    covered = naive = 0
    for p, labels in zip(prob, y, strict=True):
        held = label_scores(p[:n], labels[:n], kind)
        covered += prediction_sets(p[None, n:], held, level, kind)[0, labels[n]]
        naive += label_scores(p[n:], labels[n:], kind)[0] <= np.sort(held)[r - 2]
    assert covered / 600 > 0.9 - 3 * np.sqrt(0.09 / 600) > naive / 600


def test_cross_sets_keep_their_promise_where_students_memorise():
    """A nearest-neighbour student knows its own rows by heart: in-sample scores cover far too little, CV+ does not."""
    rng, n, folds, level, runs = np.random.default_rng(3), 30, 5, 0.8, 300
    fold, hits, in_sample = np.arange(n) % folds, 0, 0

    def student(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
        return 0.05 + 0.85 * np.eye(3)[y[np.abs(at[:, None] - x).argmin(1)]]

    for _ in range(runs):
        x = rng.random(n + 1)
        y = np.where(rng.random(n + 1) < 0.5, (3 * x).astype(int), rng.integers(3, size=n + 1))
        models = [(x[:n][fold != f], y[:n][fold != f]) for f in range(folds)]
        held = np.empty(n)
        for f, model in enumerate(models):
            held[fold == f] = label_scores(student(*model, x[:n][fold == f]), y[:n][fold == f], "aps")
        at = np.array([student(*model, x[n:]) for model in models])
        hits += prediction_sets(at, held, level, "aps", fold)[0, y[n]]
        own = label_scores(student(x[:n], y[:n], x[:n]), y[:n], "aps")
        in_sample += prediction_sets(student(x[:n], y[:n], x[n:])[None], own, level, "aps")[0, y[n]]
    assert hits / runs > level - 3 * np.sqrt(0.16 / runs) > in_sample / runs
    assert guaranteed(level, n, folds) < 2 * level - 1 < hits / runs


def test_guarantees_and_intervals_by_hand():
    assert guaranteed(0.9, 100) == 0.9
    assert guaranteed(0.9, 100, 5) == pytest.approx(0.8 - min(2 * 0.8 / 21, 0.95 / 6))
    assert expected_band(0.9, 5, 10) == (1, 1)  # five labels promise nothing: all classes
    low, high = conformal.exact_interval(7, 20)
    assert stats.binom.sf(6, 20, low) == pytest.approx(0.025) and stats.binom.cdf(7, 20, high) == pytest.approx(0.025)
