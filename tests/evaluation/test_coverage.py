"""Credible intervals and coverage."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mtbkd.evaluation import chunks
from mtbkd.evaluation.coverage import SIZES, SUBSETS, by_size, coverage, interval

# A busy machine must not fail a property.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
LEVELS = (0.5, 0.85, 0.9, 0.95)


def brute_force_tau(prob, level, rule):
    """tau of draws (S, K) by trying every deviance as the end of the interval; the mass is summed from its definition."""
    deviance = -2 * np.log(prob)
    ends = np.unique(deviance)
    mass = np.array([prob[deviance <= end].sum() / len(prob) for end in ends])
    if rule == "smallest":
        return ends[np.flatnonzero(mass >= level - 1e-6)[0]]
    return ends[np.abs(mass - level).argmin()]


@st.composite
def draws_with_ties(draw):
    """(S, M, K) whose probabilities repeat, within and between draws."""
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 3), st.integers(2, 4)))
    mass = draw(arrays(np.float64, shape, elements=st.sampled_from([1.0, 2.0, 5.0, 17.0, 0.3])))
    # Quotients that should be equal may differ in their last bit; ties are to be exact ones.
    return (mass / mass.sum(-1, keepdims=True)).round(12)


@pytest.mark.parametrize("rule", ["smallest", "nearest"])
@unhurried
@given(prob=draws_with_ties(), level=st.floats(0.4, 0.99))
def test_interval_ends_where_brute_force_says(rule, prob, level):
    for i, tau in enumerate(interval(prob, [level], rule)[:, 0]):
        draws = prob[:, i]
        expected = brute_force_tau(draws, level, rule)
        if rule == "smallest":
            assert np.isclose(tau, expected)
        else:  # two steps may be equally near, up to rounding
            mass = [draws[-2 * np.log(draws) <= end + 1e-9].sum() / len(draws) for end in (tau, expected)]
            assert np.isclose(abs(mass[0] - level), abs(mass[1] - level), atol=1e-9)


def test_interval_by_hand():
    # One draw (.6, .3, .1): steps .6, .9, 1.
    prob = np.array([[[0.6, 0.3, 0.1]]])
    ends = -2 * np.log([0.6, 0.3, 0.1])
    assert np.allclose(interval(prob, [0.5, 0.7, 0.9, 0.92])[0], ends[[0, 1, 1, 2]])
    assert np.allclose(interval(prob, [0.5, 0.7, 0.9, 0.92], "nearest")[0], ends[[0, 0, 1, 1]])


@unhurried
@given(draws_with_ties(), st.integers(0, 10**6))
def test_coverage_counts_draws_inside_the_interval(prob, seed):
    y = np.random.default_rng(seed).integers(0, prob.shape[2], prob.shape[1])
    found = coverage(prob, y, LEVELS, LEVELS)
    deviance = -2 * np.log(prob)
    for rule, empirical in (("smallest", found.empirical), ("nearest", found.nearest)):
        tau = interval(prob, LEVELS, rule)
        inside = deviance[..., None] <= tau[None, :, None] + 1e-9
        assert np.allclose(empirical, inside[:, np.arange(len(y)), y].mean(0))
        if rule == "smallest":
            assert np.allclose(found.expected, np.einsum("mk,smka->ma", prob.mean(0), inside) / len(prob))
            by_draw = np.einsum("smk,mka->sa", prob, inside.mean(0)) / len(y)
            if len(prob) > 1:
                assert np.allclose(found.shared_sd, by_draw.std(0, ddof=1), atol=1e-9)


def test_self_expected_coverage_of_beta_posteriors_is_below_the_level():
    """Concentrations 3, 10, 300 with means uniform on (.05, .95): .855, .907, .944 at .95 (method.md 4).

    Monte Carlo error: standard deviation over means below .05, 10,000 means: .0005, twice that of the printed rounding.
    """
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.05, 0.95, 10_000)
    for concentration, stated in ((3, 0.855), (10, 0.907), (300, 0.944)):
        p = rng.beta(mean * concentration, (1 - mean) * concentration, (200, 10_000)).astype(np.float32)
        truth = rng.beta(mean * concentration, (1 - mean) * concentration)
        y = (rng.random(10_000) > truth).astype(int)
        found = coverage(np.stack([p, 1 - p], -1), y, [0.95])
        assert abs(found.expected.mean() - stated) < 0.003
        gap = found.empirical - found.expected
        assert abs(gap.mean()) < 4 * gap.std() / 100


def test_a_certain_draw_is_covered_wholly_or_not_at_all():
    prob = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    found = coverage(prob, np.array([0, 1]), [0.9])
    assert found.empirical.tolist() == [[1.0], [0.0]]
    assert np.isnan(found.shared_sd).all()


def test_reading_a_few_examples_at_a_time_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    prob, y = rng.dirichlet([1, 1, 1], (9, 31)), rng.integers(0, 3, 31)
    whole = coverage(prob, y, LEVELS, LEVELS)
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 100)
    for a, b in zip(whole, coverage(prob, y, LEVELS, LEVELS), strict=True):
        assert np.allclose(a, b, atol=1e-12)


def test_subsets_are_nested_the_same_for_all_and_end_at_all_examples():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 1200))
    found = by_size(np.stack([first, second], 1))
    assert list(found) == [n for n in SIZES if n < 1200] + [1200]
    assert all(len(found[n]) == SUBSETS for n in SIZES if n < 1200)
    assert np.allclose(found[1200], [[first.mean(), second.mean()]])
    # With one column an example, the columns of a mean that are not 0 tell which examples it is over.
    small = {n: by_size(np.eye(400))[n] > 0 for n in (100, 300)}
    assert (small[100].sum(1) == 100).all() and (small[300][small[100]]).all()
    assert len({tuple(np.flatnonzero(row)) for row in small[100]}) == SUBSETS


def test_means_over_subsets_scatter_as_their_size_says():
    found = by_size(np.random.default_rng(1).normal(size=20_000))
    for n in (100, 1000):
        # 20 standard deviations of a mean of n: a chi-squared with 19 degrees of freedom.
        assert 0.55 < found[n].std(ddof=1) * np.sqrt(n) < 1.5
