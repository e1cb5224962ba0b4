"""Each example is answered by the teacher of its domain, where the data and the teachers have domains."""

from dataclasses import replace

import numpy as np
import pytest

from mtbkd.contracts.artefacts import Logits, ids_digest
from mtbkd.evaluation.references import teacher_probs
from mtbkd.evaluation.routing import ROUTED, routed
from mtbkd.evaluation.scoring import Examples
from tests.evaluation.examples import K, N, make_dataset


def teachers(domains: dict[str, str | None]) -> tuple[Examples, list[Logits]]:
    """Each names one class of its own for sure, whatever the example."""
    data = make_dataset(1, 0)
    found = []
    for at, (name, domain) in enumerate(domains.items()):
        logits = np.zeros((1, N, K), np.float32)
        logits[..., at] = 50
        found.append(Logits(name, logits, np.ones(N, bool), ids_digest(data.ids), {"domain": domain}))
    return Examples.of(data, 0), found


def answers(domains: dict[str, str | None]) -> tuple[Examples, np.ndarray]:
    examples, own = teachers(domains)
    found = routed(own, examples, teacher_probs(own, examples, 0))
    return examples, found[ROUTED][1]


def test_every_example_is_answered_by_the_teacher_of_its_domain() -> None:
    examples, prob = answers({"a": "left", "b": "right"})
    assert set(prob[examples.domain == "left"].argmax(-1)) == {0}
    assert set(prob[examples.domain == "right"].argmax(-1)) == {1}
    np.testing.assert_allclose(prob.sum(-1), 1)


def test_several_teachers_of_a_domain_are_averaged_and_domains_without_one_get_the_mean_of_all() -> None:
    examples, prob = answers({"a": "left", "b": "right", "c": "left"})
    np.testing.assert_allclose(
        prob[examples.domain == "left"], np.broadcast_to([0.5, 0, 0.5], (sum(examples.domain == "left"), 3)), atol=1e-9
    )
    examples, own = teachers({"a": "left", "b": "right", "c": None})
    assert examples.domain is not None
    middle = replace(examples, domain=np.where(np.arange(N) % 5 == 0, "middle", examples.domain))
    prob = routed(own, middle, teacher_probs(own, middle, 0))[ROUTED][1]
    np.testing.assert_allclose(prob[middle.domain == "middle"], 1 / 3)


@pytest.mark.parametrize("domains", [{"a": None, "b": None}, {"a": "left", "b": None}, {"a": "left", "b": "elsewhere"}])
def test_without_two_domains_that_have_teachers_nobody_is_routed(domains: dict[str, str | None]) -> None:
    examples, own = teachers(domains)
    assert routed(own, examples, teacher_probs(own, examples, 0)) == {}
    assert routed(own, replace(examples, domain=None), teacher_probs(own, examples, 0)) == {}
