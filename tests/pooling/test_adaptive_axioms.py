"""The fifteen axioms of adaptive weights: conformance in both directions, exact counterexamples, independence."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.pooling import entropy, exponential_entropy
from mtbkd.pooling.adaptive.axioms import AXIOMS, BY_NUMBER
from mtbkd.pooling.adaptive.evidence import Evidence, Scale
from mtbkd.pooling.adaptive.independence import IMPLIED, WITNESSES, verify
from mtbkd.pooling.adaptive.operators import OPERATORS, LogWeights, shares
from mtbkd.pooling.adaptive.search import Finding, margins_of, search

VANISHING = {f"III.{n}" for n in (2, 3, 4, 5, 11, 12, 13, 20, 21, 22)}
UNBOUNDED = {f"III.{n}" for n in (5, 12, 20, 22)}
# What each operator does NOT keep; all else it keeps.
BROKEN = {
    "equal": set(), "MT-BKD entropy": VANISHING, "MT-BKD entropy + 0.1": UNBOUNDED, "inverse entropy": VANISHING,
    "inverse variance": VANISHING | {"III.14"}, "exponential": UNBOUNDED | {"III.14"}, "accuracy": VANISHING | {"III.14"},
    "softmax hybrid": UNBOUNDED | {"III.14"}, "sufficient form": {"III.5", "III.14", "III.22"}, "safety first": set(),
}  # fmt: skip
ENTRIES = [(name, axiom.number) for name in OPERATORS for axiom in AXIOMS]


@cache
def searched(name: str, number: str) -> Finding:
    operator = OPERATORS[name]
    return search(BY_NUMBER[number], operator.log_weights, 60, 1, operator.most)


def evidence(
    scale: Scale,
    prob: list[list[float]] | None = None,
    amount: tuple[float, ...] = (0, 0),
    score: tuple[float, ...] | None = None,
    critical: float = 0,
) -> Evidence:
    """One candidate."""
    amounts = np.array([amount], float)
    given = np.empty((*amounts.shape, 0)) if prob is None else np.array([prob], float)
    return Evidence(scale, given, amounts, np.array([score or (0.0,) * len(amount)]), np.array([critical], float))


@pytest.mark.parametrize(("name", "number"), [entry for entry in ENTRIES if entry[1] not in BROKEN[entry[0]]])
def test_what_an_operator_keeps_no_candidate_breaks(name: str, number: str) -> None:
    assert searched(name, number).holds


# Found by ``search``; the rows ``~holds`` of the question's table ``matrix``, columns operator, axiom, weights, evidence.
KEPT = json.loads((Path(__file__).parent / "adaptive_counterexamples.json").read_text(encoding="utf-8"))


def test_every_no_has_a_kept_counterexample() -> None:
    assert {(row["operator"], row["axiom"]) for row in KEPT} == {entry for entry in ENTRIES if entry[1] in BROKEN[entry[0]]}


@pytest.mark.parametrize("row", KEPT, ids=lambda row: f"{row['operator']} {row['axiom']}")
def test_what_an_operator_breaks_it_breaks_at_the_kept_counterexample(row: dict[str, Any]) -> None:
    at, of = Evidence.from_json(json.dumps(row["evidence"])), OPERATORS[row["operator"]].log_weights
    axiom = BY_NUMBER[row["axiom"]]
    assert margins_of(axiom, of, at)[0] < -axiom.tolerance
    np.testing.assert_allclose(np.exp(of(at)[0]), row["weights"], atol=1e-12)


SAFER_IS_UNSURE = evidence("token", [[0.5, 0.5], [1, 0]], score=(0.5, 0), critical=1)
KNOWN = [
    ("sufficient form", "III.5", SAFER_IS_UNSURE, (0.45, 0.55), -0.1),
    ("exponential", "III.5", SAFER_IS_UNSURE, (1 / 3, 2 / 3), -1 / 3),
    ("MT-BKD entropy", "III.2", evidence("token", [[0.5, 0.5], [1, 0]]), (0, 1), -1),
    ("inverse entropy", "III.2", evidence("token", [[0.5, 0.5], [1, 0]]), (0, 1), -1),
    ("accuracy", "III.14", evidence("task", amount=(0, 0.5)), (2 / 3, 1 / 3), -1 / 6),
    ("inverse variance", "III.14", evidence("task", amount=(0.5, 1)), (0.8, 0.2), 55 / 101 - 0.6),
]


@pytest.mark.parametrize(("name", "number", "at", "weights", "margin"), KNOWN)
def test_counterexamples_by_hand(
    name: str, number: str, at: Evidence, weights: tuple[float, ...], margin: float
) -> None:  # fmt: skip
    operator = OPERATORS[name]
    of = operator.log_weights
    at = Evidence(at.scale, at.prob, at.amount, at.score, at.critical, operator.most)
    np.testing.assert_allclose(np.exp(of(at)[0]), weights, atol=1e-12)
    assert margins_of(BY_NUMBER[number], of, at)[0] == pytest.approx(margin)


@pytest.mark.parametrize("number", WITNESSES)
def test_a_witness_breaks_its_axiom_and_keeps_the_other_fourteen(number: str) -> None:
    found = verify(number, 60, 1)
    assert len(found) == 15 and {other for other, each in found.items() if not each.holds} == {number}


def test_every_axiom_is_independent_or_implied_by_one_that_is() -> None:
    assert set(WITNESSES) | set(IMPLIED) == set(BY_NUMBER) and len(WITNESSES) == 12
    for number, (by, _) in IMPLIED.items():
        assert by in WITNESSES
        assert all(by in broken for broken in BROKEN.values() if number in broken)


def test_null_sets_leave_context_boundedness_independent_on_a_compact_space() -> None:
    """C = [0, 1] with distances (c, 1 - c) and weights (c, 1 - c): positive almost everywhere, not bounded at c = 0."""

    def of(e: Evidence) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return shares(np.log(e.amount))

    at = evidence("context", amount=(0, 1))
    assert margins_of(BY_NUMBER["III.19"], of, at)[0] > 0 > margins_of(BY_NUMBER["III.20"], of, at)[0]
    assert margins_of(BY_NUMBER["III.18"], of, at)[0] == pytest.approx(0)


def floored(floor: float) -> LogWeights:
    return lambda e: shares(np.log(floor + np.exp(-e.amount)))


@settings(max_examples=50)
@given(st.lists(st.floats(0, 20), min_size=2, max_size=6))
def test_a_floor_of_exp_minus_2_makes_exponential_weights_pareto_compatible(losses: list[float]) -> None:
    """The derivative's sign is that of floor + e^-u (1 - u + J), at least floor - e^-2."""
    at = evidence("task", amount=tuple(losses))
    assert margins_of(BY_NUMBER["III.14"], floored(float(np.exp(-2))), at)[0] >= -1e-9


def test_a_smaller_floor_does_not() -> None:
    at = evidence("task", amount=(2, 0, 0, 0, 0))
    assert margins_of(BY_NUMBER["III.14"], floored(0.1), at)[0] < -1e-4


def test_fixed_weights_are_always_pareto_compatible() -> None:
    """Weights that do not follow the losses: the objective grows with each of them, whatever the weights."""
    at = evidence("task", amount=(0, 3, 1))
    assert margins_of(BY_NUMBER["III.14"], lambda _: np.log([[0.01, 0.9, 0.09]]), at)[0] == pytest.approx(0.005)


def test_token_weights_are_those_of_the_registered_modules() -> None:
    prob = np.random.default_rng(0).dirichlet(np.ones(3), (20, 3))
    at = Evidence("token", prob, np.zeros((20, 3)), np.zeros((20, 3)), np.zeros(20))
    for name, module in (("MT-BKD entropy", entropy), ("exponential", exponential_entropy)):
        np.testing.assert_allclose(np.exp(OPERATORS[name].log_weights(at)), module.weights(prob[None])[0])


def test_an_operator_that_gives_no_number_breaks_every_axiom() -> None:
    for axiom in AXIOMS:
        at = evidence(axiom.scale, [[1, 0], [0, 1]] if axiom.scale == "token" else None, score=(1, 0), critical=1)
        assert margins_of(axiom, lambda e: np.full(e.amount.shape, np.nan), at)[0] == -np.inf, axiom.number
