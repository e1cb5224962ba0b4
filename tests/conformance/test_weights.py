"""Every weighting of teachers: points of the simplex over teachers. R replicates, N examples, G teachers, K classes."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtbkd.base import registry
from tests.conformance.examples import names

pytestmark = pytest.mark.parametrize("name", names("weights"))


def part(name: str) -> ModuleType:
    return registry.part("weights", name)


@st.composite
def probs(draw: st.DrawFn, least: int = 1) -> np.ndarray:
    """prob (R, N, G, K) of up to five teachers, certain and undecided ones among them."""
    shape = (draw(st.integers(1, 2)), 3, draw(st.integers(least, 5)), draw(st.integers(2, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = rng.normal(size=shape) * draw(st.sampled_from([0.0, 1.0, 30.0, 2000.0]))
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    return prob / prob.sum(-1, keepdims=True)


@given(data=st.data())
def test_weights_are_on_the_simplex_from_the_least_number_of_teachers_on(name: str, data: st.DataObject) -> None:
    module = part(name)
    prob = data.draw(probs(module.MIN_TEACHERS))
    weights = module.weights(prob)
    assert weights.shape == prob.shape[:3]
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-9)


@given(data=st.data())
def test_weights_go_with_the_teachers_whatever_their_order(name: str, data: st.DataObject) -> None:
    module = part(name)
    prob = data.draw(probs(module.MIN_TEACHERS))
    order = data.draw(st.permutations(range(prob.shape[2])))
    np.testing.assert_allclose(module.weights(prob[:, :, order]), module.weights(prob)[:, :, order], atol=1e-9)


@given(data=st.data())
def test_teachers_that_agree_weigh_the_same(name: str, data: st.DataObject) -> None:
    module = part(name)
    one = data.draw(probs())[:, :, :1]
    teachers = max(2, module.MIN_TEACHERS)
    weights = module.weights(np.repeat(one, teachers, axis=2))
    np.testing.assert_allclose(weights, 1 / teachers, atol=1e-9)


def test_the_probabilities_are_left_as_they_are(name: str) -> None:
    prob = np.random.default_rng(0).dirichlet(np.ones(3), (1, 4, 3))
    before = prob.copy()
    part(name).weights(prob)
    assert np.array_equal(prob, before)


def test_at_least_one_teacher_is_needed(name: str) -> None:
    assert part(name).MIN_TEACHERS >= 1
