"""Every operator: pooled distributions of any teachers, and a verdict on every axiom. G teachers, K classes."""

import warnings
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.base import registry
from mtbkd.pooling.axioms import AXIOMS, Axiom
from mtbkd.pooling.counterexamples import SIZES, margins_of, search
from mtbkd.pooling.operators import pool
from tests.conformance.examples import names, small

pytestmark = pytest.mark.parametrize("name", names("operator"))


def part(name: str) -> ModuleType:
    return registry.part("operator", name)


def tolerance(name: str) -> float:
    return max(1e-9, getattr(part(name), "TOLERANCE", 0.0))


@st.composite
def opinions(draw: st.DrawFn, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """prob (N, G, K) and weights (N, G): certain, undecided and silent teachers among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = 4, draw(st.integers(least, 5)), draw(st.integers(2, 5))
    logits = rng.normal(size=shape) * draw(st.sampled_from([0.0, 1.0, 30.0, 2000.0]))
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    weights = rng.dirichlet(np.ones(shape[1]), shape[0])
    if draw(st.booleans()):
        weights = np.where(weights < weights.max(-1, keepdims=True) / 2, 0, weights)
    return prob / prob.sum(-1, keepdims=True), weights / weights.sum(-1, keepdims=True)


def test_it_says_where_it_is_defined(name: str) -> None:
    assert len(part(name).DOMAIN) > 5


@settings(max_examples=20)
@given(data=st.data())
def test_what_it_makes_is_a_distribution(name: str, data: st.DataObject) -> None:
    prob, weights = data.draw(opinions())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        q = pool(name, prob, weights)
    assert q.shape == (prob.shape[0], prob.shape[2])
    assert (q >= 0).all() and np.isfinite(q).all()
    np.testing.assert_allclose(q.sum(-1), 1, atol=1e-9)


@settings(max_examples=20)
@given(data=st.data())
def test_one_teacher_is_pooled_to_himself(name: str, data: st.DataObject) -> None:
    prob, _ = data.draw(opinions())
    one = prob[:, :1]
    np.testing.assert_allclose(pool(name, one), one[:, 0], atol=tolerance(name))


@settings(max_examples=20)
@given(data=st.data())
def test_teachers_who_agree_are_pooled_to_what_they_say(name: str, data: st.DataObject) -> None:
    prob, weights = data.draw(opinions(2))
    same = np.repeat(prob[:, :1], prob.shape[1], axis=1)
    np.testing.assert_allclose(pool(name, same, weights), same[:, 0], atol=tolerance(name))


@settings(max_examples=20)
@given(data=st.data())
def test_a_silent_teacher_has_no_say(name: str, data: st.DataObject) -> None:
    prob, weights = data.draw(opinions(2))
    silent = weights.argmin(-1)
    rows = np.arange(len(prob))
    weights[rows, silent] = 0
    weights /= weights.sum(-1, keepdims=True)
    other = prob.copy()
    other[rows, silent] = 1 / prob.shape[-1]
    np.testing.assert_allclose(pool(name, other, weights), pool(name, prob, weights), atol=tolerance(name))


@settings(max_examples=20)
@given(data=st.data())
def test_numbering_classes_otherwise_changes_nothing(name: str, data: st.DataObject) -> None:
    prob, weights = data.draw(opinions(2))
    order = data.draw(st.permutations(range(prob.shape[-1])))
    np.testing.assert_allclose(pool(name, prob[..., order], weights), pool(name, prob, weights)[:, order], atol=tolerance(name))


def test_it_is_differentiable_in_probabilities_and_weights(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    logits, scores = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 3, 4), (3, 3)))
    module = part(name)

    def pooled(z: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return module.log_pool(torch.log_softmax(z, -1), torch.softmax(v, -1), small(module)).exp()

    assert torch.autograd.gradcheck(pooled, (logits.requires_grad_(), scores.requires_grad_()), atol=1e-5, rtol=1e-4)


def test_single_precision_agrees_with_double(name: str) -> None:
    rng = np.random.default_rng(0)
    prob, weights = rng.dirichlet(np.ones(4), (50, 3)), rng.dirichlet(np.ones(3), 50)
    single = pool(name, prob.astype(np.float32), weights.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, pool(name, prob, weights), atol=2e-5)


@pytest.mark.parametrize("axiom", AXIOMS, ids=lambda axiom: axiom.name)
def test_every_axiom_has_a_verdict_that_its_example_bears_out(name: str, axiom: Axiom) -> None:
    module = part(name)
    found = search(axiom, module, small(module), 300, 0, SIZES[:3])
    assert found.tried >= 1 and np.isfinite(found.margin)
    assert found.holds == (found.example is None)
    if found.example is not None:
        assert np.allclose(found.example.prob.sum(-1), 1)

        def pooled(log_prob: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            return module.log_pool(log_prob, weights, small(module))

        again = margins_of(axiom, pooled, found.example.prob[None], found.example.weights[None])
        assert again[0] < -axiom.tolerance
