"""Weights that look at labels, validation examples or inputs, against values by hand. N examples, G teachers, K classes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.pooling import stacking
from mtbkd.pooling.context import Context, composed, needs, teacher_weights
from tests.conformance.examples import dataset

INFORMED = [name for name in registry.WEIGHTS if needs(name)]


def teachers_of(data: Dataset, seed: int = 0) -> list[Logits]:
    """Two teachers: the first right on domain 0 and guessing on 1, the second the other way round."""
    assert data.domain is not None
    rng = np.random.default_rng(seed)
    found = []
    for own in range(2):
        right = 4 * np.eye(3)[data.y] * (data.domain == own)[..., None]
        logits = (right + rng.normal(size=right.shape)).astype(np.float32)
        card = {"domain": data.domain_names[own]}
        found.append(Logits(f"t{own}", logits, np.ones(data.num_examples, bool), ids_digest(data.ids), card))
    return found


@pytest.fixture
def data() -> Dataset:
    """Two domains that lie apart in the inputs; some training labels are hidden."""
    found = dataset((3,), replicates=2)
    assert found.domain is not None
    x = found.x + 6 * found.domain[..., None].astype(np.float32)
    y = found.y.copy()
    y[:, :10] = -1
    return replace(found, x=x, y=y).validate()


def weigh(name: str, data: Dataset, split: str = "train") -> np.ndarray:
    teachers, rows = teachers_of(data), data.rows(split)
    logits = np.stack([teacher.logits[:, rows] for teacher in teachers], 2).astype(np.float64)
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    return teacher_weights(name, prob / prob.sum(-1, keepdims=True), Context(data, teachers, rows))


@pytest.mark.parametrize("name", INFORMED)
@pytest.mark.parametrize("split", ["train", "test"])
def test_informed_weights_are_on_the_simplex(name: str, split: str, data: Dataset) -> None:
    found = weigh(name, data, split)
    assert found.shape == (2, len(data.rows(split)), 2) and (found >= 0).all()
    np.testing.assert_allclose(found.sum(-1), 1)


def test_with_two_teachers_label_confidence_is_the_softmax_of_minus_the_loss(data: Dataset) -> None:
    found, rows = weigh("label_confidence", data), data.rows("train")
    teachers = teachers_of(data)
    log_prob = np.stack([t.logits[:, rows] for t in teachers], 2).astype(np.float64)
    log_prob -= np.log(np.exp(log_prob).sum(-1, keepdims=True))
    known = data.y[:, rows] >= 0
    own = np.take_along_axis(log_prob, np.maximum(data.y[:, rows], 0)[:, :, None, None], -1)[..., 0]
    expected = np.exp(own) / np.exp(own).sum(-1, keepdims=True)
    np.testing.assert_allclose(found[known], expected[known])
    assert (found[~known] == 0.5).all() and (~known).sum() == 20


def test_labels_of_test_examples_are_never_looked_at(data: Dataset) -> None:
    assert (weigh("label_confidence", data, "test") == 0.5).all()
    changed = np.where(data.split == "test", (data.y + 1) % 3, data.y)
    for name in INFORMED:
        np.testing.assert_array_equal(weigh(name, replace(data, y=changed), "train"), weigh(name, data, "train"))


@pytest.mark.parametrize("name", ["validation", "density_ratio", "product", "routed"])
def test_the_teacher_who_knows_the_domain_weighs_more(name: str, data: Dataset) -> None:
    assert data.domain is not None
    found, rows = weigh(name, data, "test"), data.rows("test")
    own = np.take_along_axis(found, data.domain[:, rows, None], -1)
    assert own.mean() > 0.7


def test_validation_weights_are_the_mean_likelihood_of_the_domain(data: Dataset) -> None:
    assert data.domain is not None
    context = Context(data, teachers_of(data), data.rows("test"))
    val = data.domain[:, data.rows("val")] == 1
    score = np.array([context.validation[r, val[r]].mean(0) for r in range(2)])
    expected = np.exp(score) / np.exp(score).sum(-1, keepdims=True)
    found = weigh("validation", data, "test")
    for r in range(2):
        at = data.domain[r, data.rows("test")] == 1
        np.testing.assert_allclose(found[r, at], np.broadcast_to(expected[r], (at.sum(), 2)))


def test_stacking_finds_the_best_mixture() -> None:
    score = np.log(np.random.default_rng(0).uniform(0.1, 1, (1, 60, 2)))

    def loss(share: float) -> float:
        return -np.log(np.exp(score[0]) @ [share, 1 - share]).mean()

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded").x
    assert stacking.stacked(score)[0, 0] == pytest.approx(best, abs=2e-3)


def test_the_product_of_scales_is_renormalised_over_teachers_only() -> None:
    token, task = np.array([[[0.5, 0.3, 0.2]]]), np.array([0.2, 0.2, 0.6])
    np.testing.assert_allclose(composed(token, task), [[[10 / 28, 6 / 28, 12 / 28]]])


def test_where_the_product_leaves_nobody_the_weights_are_equal() -> None:
    np.testing.assert_array_equal(composed(np.array([1.0, 0.0]), np.array([0.0, 1.0])), [0.5, 0.5])


def test_routed_examples_follow_the_teachers_of_their_domain_and_all_where_there_is_none(data: Dataset) -> None:
    assert data.domain is not None
    first, second = teachers_of(data)
    three = [first, second, replace(second, teacher="t2")]
    found = teacher_weights("routed", np.full((2, 90, 3, 3), 1 / 3), Context(data, three, np.arange(90)))
    np.testing.assert_array_equal(found, np.array([[1, 0, 0], [0, 0.5, 0.5]])[data.domain])
    without = [first, replace(second, card={})]
    found = teacher_weights("routed", np.full((2, 90, 2, 3), 1 / 3), Context(data, without, np.arange(90)))
    np.testing.assert_array_equal(found, np.array([[1, 0], [0.5, 0.5]])[data.domain])


@pytest.mark.parametrize("name", ["density_ratio", "routed"])
def test_weights_by_domain_without_specialists_are_refused(name: str, data: Dataset) -> None:
    teachers = [replace(teacher, card={}) for teacher in teachers_of(data)]
    rows = data.rows("test")
    prob = np.full((2, len(rows), 2, 3), 1 / 3)
    with pytest.raises(ContractError, match=f"{name} on toy: domains: found no teacher with its own domain"):
        teacher_weights(name, prob, Context(data, teachers, rows))


def test_validation_logits_must_be_there(data: Dataset) -> None:
    teachers = teachers_of(data)
    covered = data.split != "val"
    with pytest.raises(ContractError, match="no logits of t0 on the validation split"):
        _ = Context(data, [replace(teachers[0], covered=covered), teachers[1]], data.rows("test")).validation
