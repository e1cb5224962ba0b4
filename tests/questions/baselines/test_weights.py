"""The weights of the multi-teacher methods against values known otherwise. U units, N examples, G teachers, K classes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from mtbkd.pooling import entropy
from mtbkd.questions.baselines import aekd, amtss, camkd, ebkd
from mtbkd.questions.baselines.bench import Moment
from tests.questions.baselines.examples import bench


def gram(*gradients: list[float]) -> torch.Tensor:
    d = torch.tensor(gradients, dtype=torch.float64)
    return (d @ d.T).unsqueeze(0)


def test_opposed_gradients_cancel_where_the_cap_lets_them() -> None:
    opposed = gram([2.0, 0.0], [-1.0, 0.0])
    np.testing.assert_allclose(aekd.min_norm_weights(opposed, 1.0)[0], [1 / 3, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(aekd.min_norm_weights(opposed, 0.6)[0], [0.4, 0.6], atol=1e-6)


def test_orthogonal_gradients_weigh_by_their_inverse_squares() -> None:
    """argmin of 1 a^2 + 4 b^2 + 4 c^2 with a + b + c = 1 is (4, 1, 1) / 6; capped at .5 the rest is shared."""
    found = gram([1.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0])
    np.testing.assert_allclose(aekd.min_norm_weights(found, 1.0)[0], [4 / 6, 1 / 6, 1 / 6], atol=1e-6)
    np.testing.assert_allclose(aekd.min_norm_weights(found, 0.5)[0], [0.5, 0.25, 0.25], atol=1e-6)


@given(st.integers(0, 2**32), st.integers(2, 5), st.sampled_from([0.34, 0.6, 1.0]))
def test_the_quadratic_program_is_solved_as_well_as_by_scipy(seed: int, teachers: int, cap: float) -> None:
    d = np.random.default_rng(seed).normal(size=(teachers, 3))
    matrix, bound = d @ d.T, max(cap, 1 / teachers)
    alpha = aekd.min_norm_weights(torch.as_tensor(matrix)[None], cap)[0].numpy()
    assert alpha.sum() == pytest.approx(1) and (alpha >= -1e-9).all() and (alpha <= bound + 1e-6).all()
    other = minimize(lambda a: a @ matrix @ a, np.full(teachers, 1 / teachers), bounds=[(0, bound)] * teachers,
                     constraints={"type": "eq", "fun": lambda a: a.sum() - 1}, method="SLSQP")  # fmt: skip
    assert alpha @ matrix @ alpha <= other.fun + 1e-5 * max(1.0, matrix.max())


@pytest.mark.parametrize("matrix", [torch.zeros(1, 3, 3), torch.ones(1, 3, 3), torch.full((1, 3, 3), torch.nan)])
def test_gradients_that_are_zero_alike_or_broken_weigh_the_same(matrix: torch.Tensor) -> None:
    np.testing.assert_allclose(aekd.min_norm_weights(matrix, 0.6), [[1 / 3] * 3], atol=1e-6)


def test_one_teacher_has_all_the_weight_and_a_cap_that_is_too_small_is_equal_weights() -> None:
    assert aekd.min_norm_weights(torch.ones(2, 1, 1), 0.6).tolist() == [[1.0], [1.0]]
    np.testing.assert_allclose(aekd.min_norm_weights(gram([1.0, 0], [0, 5.0]), 0.1), [[0.5, 0.5]], atol=1e-6)


def test_ebkd_of_two_teachers_is_half_of_the_entropy_weights() -> None:
    logits = torch.randn(1, 20, 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = entropy.weights(torch.softmax(logits, -1).numpy())
    np.testing.assert_allclose(ebkd.weights(logits), ours / 2, atol=1e-12)


def test_ebkd_of_three_teachers_sums_to_two_thirds_and_the_certain_one_weighs_most() -> None:
    weights = ebkd.weights(torch.tensor([[[[9.0, 0, 0], [1.0, 0, 0], [0.0, 0, 0]]]]))
    assert weights.sum().item() == pytest.approx(2 / 3)
    assert weights[0, 0].argmax() == 0 and weights[0, 0].argmin() == 2


def test_ebkd_of_teachers_without_doubt_is_equal() -> None:
    weights = ebkd.weights(torch.tensor([[[[2000.0, 0], [0, 2000.0]]]]))
    np.testing.assert_allclose(weights, [[[0.25, 0.25]]])


def test_camkd_of_two_teachers_is_the_softmax_of_minus_the_losses() -> None:
    logits = torch.randn(1, 30, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = torch.randint(3, (1, 30), generator=torch.Generator().manual_seed(2))
    loss = torch.nn.functional.cross_entropy(logits[0].flatten(0, 1), y[0].repeat_interleave(2), reduction="none").view(30, 2)
    torch.testing.assert_close(camkd.weights(logits, y)[0], torch.softmax(-loss, -1))


def test_camkd_sums_to_one_and_is_equal_without_a_label() -> None:
    logits = torch.randn(1, 8, 3, 3, generator=torch.Generator().manual_seed(1))
    y = torch.tensor([[0, 1, 2, -1, -1, 0, 1, 2]])
    weights = camkd.weights(logits, y)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 8))
    torch.testing.assert_close(weights[0, 3:5], torch.full((2, 3), 1 / 3))
    assert not torch.allclose(weights[0, 0], torch.full((3,), 1 / 3))


def test_margins_are_the_lead_of_the_label_over_the_next_class() -> None:
    prob = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    logits = prob.log()[None, None]
    np.testing.assert_allclose(amtss.margins(logits, torch.tensor([[0]]))[0, 0], [0.3, -0.5], atol=1e-6)
    assert amtss.margins(logits, torch.tensor([[-1]])).tolist() == [[[0, 0]]]


def test_amtss_raises_the_importance_of_the_teacher_that_the_student_follows_least() -> None:
    material = bench(count=2)
    rule = amtss.Importance(material, amtss.Settings(rate=0.5, floor=0.0))
    params = material.start(material.student)
    loss = rule.losses(params)
    rule.update(params)
    expected = torch.softmax(0.5 * loss / loss.mean(-1, keepdim=True), -1)
    torch.testing.assert_close(rule.importance, expected)
    assert (rule.importance.argmax(-1) == loss.argmax(-1)).all()


def test_amtss_learns_in_the_training_only() -> None:
    material = bench(count=2)
    rule = amtss.Importance(material, amtss.Settings(every=1))
    moment = material.moment(material.start(material.student))
    rule(moment)
    assert (rule.importance == 0.5).all()
    rule(Moment(**{**vars(moment), "step": 1}))
    assert (rule.importance != 0.5).all()
