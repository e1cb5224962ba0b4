"""The conformance matrix, entry by entry and in both directions, and predicates that can fail.

N candidates, G teachers, K classes.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.pooling.axioms import AXIOMS, Axiom, hull_distance
from mtbkd.pooling.chosen import DEFAULT, settings_of
from mtbkd.pooling.counterexamples import Finding, fraction, lattice, margins_of, search

BY_NAME = {axiom.name: axiom for axiom in AXIOMS}
# What each operator does NOT keep; all else it keeps. Proofs or reasons: convexity of mixtures; Genest (1984) for the rest.
BROKEN = {
    "linear": {"A5 strong"},
    "logarithmic": {"A1 weak", "A1 strong", "A2 strong", "A3 strong"},
    "power 1/2": {"A1 weak", "A1 strong", "A5 strong"},
    "power 2": {"A1 weak", "A1 strong", "A5 strong"},
    "harmonic": {"A1 weak", "A1 strong", "A2 strong", "A3 strong", "A5 strong"},
    "median": {"A1 weak", "A1 strong", "A2 strong", "A3 strong", "A4 weak", "A4 strong", "A5 strong"},
    "trimmed mean": {"A1 weak", "A1 strong", "A2 strong", "A3 strong", "A4 weak", "A4 strong", "A5 strong"},
    "minimax": {"A3 strong", "A5 strong"},
    "best single": {"A2 strong", "A3 strong"},
}
ENTRIES = [(name, axiom.name) for name in DEFAULT for axiom in AXIOMS]
NO = [entry for entry in ENTRIES if entry[1] in BROKEN[entry[0]]]
YES = [entry for entry in ENTRIES if entry[1] not in BROKEN[entry[0]]]
Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def operator(name: str) -> Pool:
    module, own = settings_of(DEFAULT[name].operator, DEFAULT[name].settings)
    return lambda log_prob, weights: module.log_pool(log_prob, weights, own)


def tolerance(name: str, axiom: Axiom) -> float:
    return max(axiom.tolerance, getattr(settings_of(DEFAULT[name].operator, {})[0], "TOLERANCE", 0.0))


@cache
def searched(name: str, axiom: str) -> Finding:
    module, own = settings_of(DEFAULT[name].operator, DEFAULT[name].settings)
    return search(BY_NAME[axiom], module, own, 40_000, 1)


@st.composite
def candidates(draw: st.DrawFn, axiom: Axiom) -> tuple[np.ndarray, np.ndarray]:
    """Eight candidates of the axiom's domain."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    teachers, classes = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    prob = rng.dirichlet(np.full(classes, draw(st.sampled_from([0.1, 1.0, 10.0]))), (8, teachers))
    prob = np.maximum(prob, 1e-4) if axiom.positive else np.where(prob < 1e-3, 0, prob)
    weights = rng.dirichlet(np.ones(teachers), 8)
    if axiom.weights == "equal":
        weights = np.full_like(weights, 1 / teachers)
    if axiom.weights == "any" and draw(st.booleans()):
        weights = np.eye(teachers)[rng.integers(0, teachers, 8)]
    return prob / prob.sum(-1, keepdims=True), weights


@pytest.mark.parametrize(("name", "axiom"), YES)
@settings(max_examples=6)
@given(data=st.data())
def test_what_an_operator_keeps_it_keeps_everywhere(name: str, axiom: str, data: st.DataObject) -> None:
    asked = BY_NAME[axiom]
    prob, weights = data.draw(candidates(asked))
    assert margins_of(asked, operator(name), prob, weights).min() >= -tolerance(name, asked)


@pytest.mark.parametrize(("name", "axiom"), NO)
def test_what_an_operator_breaks_has_a_counterexample(name: str, axiom: str) -> None:
    found, asked = searched(name, axiom), BY_NAME[axiom]
    assert not found.holds and found.example is not None
    margin = margins_of(asked, operator(name), found.example.prob[None], found.example.weights[None])[0]
    assert margin == pytest.approx(found.margin) and margin < -tolerance(name, asked)


def test_the_known_counterexample_of_the_logarithmic_pool() -> None:
    """p1 = (.5, .5, 0), p2 = (.5, 0, .5), w = 1/2 -> (1, 0, 0): outside the range, and two allowed classes lost."""
    prob, weights = np.array([[[0.5, 0.5, 0], [0.5, 0, 0.5]]]), np.array([[0.5, 0.5]])
    pooled = operator("logarithmic")(torch.as_tensor(prob).log(), torch.as_tensor(weights)).exp()
    np.testing.assert_allclose(pooled, [[1, 0, 0]], atol=1e-12)
    for name in ("A1 weak", "A1 strong", "A2 strong"):
        assert margins_of(BY_NAME[name], operator("logarithmic"), prob, weights)[0] == pytest.approx(
            {"A1 weak": -0.5, "A1 strong": -np.sqrt(0.375), "A2 strong": -0.5}[name]
        )


def test_the_smallest_counterexample_is_found_first() -> None:
    """In two classes the logarithmic pool lies between its teachers; with two teachers and three classes it need not."""
    found = searched("logarithmic", "A1 weak")
    assert found.sizes == ((2, 2), (2, 3)) and found.example is not None
    assert set(found.example.prob.ravel()) == {0.0, 0.5} and (found.example.weights == 0.5).all()
    assert "(0, 1/2, 1/2)" in found.example.told()


def test_the_same_seed_tries_the_same_candidates() -> None:
    module, own = settings_of("linear", {})
    one, two, other = (search(BY_NAME["A3 weak"], module, own, 3_000, seed, sizes=((3, 3),)) for seed in (1, 1, 2))
    assert one == two and one.margin != other.margin


# Operators that break an axiom plainly, so that a predicate that cannot fail is found out.
WRONG: dict[str, Pool] = {
    "A1 weak": lambda log_prob, weights: torch.log_softmax(3 * (weights.unsqueeze(-1) * log_prob).sum(-2), -1),
    "A1 strong": lambda log_prob, weights: torch.logsumexp(log_prob + weights.log().unsqueeze(-1), -2) + 0.1,
    "A2 weak": lambda log_prob, weights: torch.where(log_prob[..., 0, :] < -1, -torch.inf, log_prob[..., 0, :]),
    "A2 strong": lambda log_prob, weights: log_prob.amin(-2),
    "A3 weak": lambda log_prob, weights: torch.where(log_prob[..., 0, :] * 1e12 % 2 > 1, 0.5, 0.1).log(),
    "A3 strong": lambda log_prob, weights: torch.where(weights[..., :1] > 0, log_prob[..., 0, :], log_prob[..., 1, :]),
    "A4 weak": lambda log_prob, weights: torch.logsumexp(log_prob + (1 - weights).log().unsqueeze(-1), -2),
    "A4 strong": lambda log_prob, weights: torch.logsumexp(log_prob + (1 - weights).log().unsqueeze(-1), -2),
    "A5 weak": lambda log_prob, weights: torch.logsumexp(log_prob.flip(-1) + weights.log().unsqueeze(-1), -2),
    "A5 strong": lambda log_prob, weights: torch.logsumexp(log_prob + weights.log().unsqueeze(-1), -2),
}


@pytest.mark.parametrize("axiom", AXIOMS, ids=lambda axiom: axiom.name)
def test_every_predicate_can_fail(axiom: Axiom) -> None:
    rng = np.random.default_rng(0)
    prob = rng.dirichlet(np.ones(3), (200, 2))
    prob[:20, 0] = (0, 0, 1)
    weights = np.full((200, 2), 0.5)
    weights[20:40] = (0, 1)
    rows = slice(40, None) if axiom.positive else slice(None)
    assert margins_of(axiom, WRONG[axiom.name], prob[rows], weights[rows]).min() < -max(axiom.tolerance, 1e-6)


def test_an_operator_that_gives_no_number_breaks_every_axiom() -> None:
    prob, weights = np.full((1, 2, 2), 0.5), np.full((1, 2), 0.5)
    lost = margins_of(BY_NAME["A1 weak"], lambda log_prob, _: log_prob[..., 0, :] * torch.nan, prob, weights)
    assert lost[0] == -np.inf


def test_the_distance_from_the_hull_by_hand() -> None:
    """From the corner (0, 0, 1) to the edge between the other two corners: the square root of 3/2; inside: 0."""
    prob = torch.eye(3, dtype=torch.float64)[:2].expand(2, 2, 3)
    q = torch.tensor([[0.0, 0, 1], [0.25, 0.75, 0]], dtype=torch.float64)
    torch.testing.assert_close(hull_distance(prob, q), torch.tensor([1.5, 0], dtype=torch.float64).sqrt(), atol=1e-6, rtol=0)


def test_lattice_points_are_all_multiples_and_sum_to_one() -> None:
    points = lattice(3, 4, positive=False)
    assert len(points) == 15 and len(np.unique(points, axis=0)) == 15
    np.testing.assert_allclose(points.sum(1), 1)
    assert (points * 4 % 1 == 0).all() and len(lattice(3, 4, positive=True)) == 3 and not len(lattice(3, 2, positive=True))


@pytest.mark.parametrize(("value", "shown"), [(0.5, "1/2"), (2 / 7, "2/7"), (0.123456, "0.123"), (1.0, "1"), (0.0, "0")])
def test_numbers_are_shown_as_simple_fractions_where_they_are(value: float, shown: str) -> None:
    assert fraction(value) == shown
