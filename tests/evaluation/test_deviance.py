"""Mean deviance and entropies."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mtbkd.evaluation import chunks, deviance

# A busy machine must not fail a property.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def draws_of_probabilities(draw):
    """(S, M, K) with exact zeros and ones among them."""
    shape = draw(array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5).filter(lambda shape: shape[2] >= 2))
    mass = draw(arrays(np.float64, shape, elements=st.sampled_from([0.0, 1e-12, 0.1, 0.5, 1.0, 7.0])))
    mass[..., 0] += mass.sum(-1) == 0
    return mass / mass.sum(-1, keepdims=True)


def by_definition(prob):
    """Delta, total and expected entropy of (S, K), term by term."""
    log = [[np.log(q) if q > 0 else 0.0 for q in row] for row in prob]
    delta = -2 / len(prob) * sum(q * g for row, logs in zip(prob, log, strict=True) for q, g in zip(row, logs, strict=True))
    mean = prob.mean(0)
    expected = np.mean([-sum(q * np.log(q) for q in row if q > 0) for row in prob])
    return delta, -sum(q * np.log(q) for q in mean if q > 0), expected


@unhurried
@given(draws_of_probabilities())
def test_half_the_mean_deviance_is_the_expected_entropy(prob):
    found = deviance.decompose(prob)
    for i in range(prob.shape[1]):
        delta, total, expected = by_definition(prob[:, i])
        assert np.isclose(delta / 2, expected, atol=1e-12)
        assert np.allclose([found.mean_deviance[i], found.entropy_total[i]], [delta, total], atol=1e-9)
        assert np.isclose(found.entropy_expected[i], expected, atol=1e-9)


@unhurried
@given(draws_of_probabilities())
def test_epistemic_entropy_is_never_negative_and_closes_the_sum(prob):
    found = deviance.decompose(prob.astype(np.float32))
    assert (found.entropy_epistemic >= 0).all()
    assert np.allclose(found.entropy_expected + found.entropy_epistemic, found.entropy_total, atol=1e-5)


def test_opposite_certain_draws_are_all_epistemic():
    prob = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    found = deviance.decompose(prob)
    assert found.mean_deviance[0] == 0
    assert np.isclose(found.entropy_epistemic[0], np.log(2))


def test_reading_a_few_examples_at_a_time_changes_nothing(monkeypatch):
    prob = np.random.default_rng(0).dirichlet([1, 1, 1], (7, 23))
    whole = deviance.decompose(prob)
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", 50)
    assert len(list(chunks.by_example(prob))) > 5
    for a, b in zip(whole, deviance.decompose(prob), strict=True):
        assert np.array_equal(a, b)
