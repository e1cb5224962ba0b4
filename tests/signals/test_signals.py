"""The teachers' terms against values computed by hand or by scipy. N examples, G teachers, K classes."""

import numpy as np
import pytest
import torch
from scipy import stats

from mtbkd.base.errors import ContractError
from mtbkd.signals import bkd, kd, log_beta, power, tip

LAM = torch.tensor([3.0], dtype=torch.float64)
PROB = torch.tensor([[[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]]], dtype=torch.float64)  # (1, 1, 2, 3)
WEIGHTS = torch.tensor([[[0.25, 0.75]]], dtype=torch.float64)
Q = np.array([0.5, 0.3, 0.2])
LOG_Q = torch.as_tensor(np.log(Q))[None, None]
DENSITIES = [stats.dirichlet.pdf(Q, 1 + 3 * p) for p in PROB[0, 0].numpy()]


def test_log_beta_of_whole_numbers() -> None:
    """B(2, 3, 1) = 1! 2! 0! / 5!"""
    assert log_beta(torch.tensor([2.0, 3.0, 1.0])).item() == pytest.approx(np.log(2 / 120))


def test_kd_is_the_weighted_cross_entropy() -> None:
    constants = kd.prepare(PROB, WEIGHTS, LAM, kd.Settings(), None)
    by_hand = 3 * (0.25 * (PROB[0, 0, 0].numpy() @ np.log(Q)) + 0.75 * (PROB[0, 0, 1].numpy() @ np.log(Q)))
    assert kd.term(LOG_Q, constants, LAM).item() == pytest.approx(by_hand)


def test_tip_is_the_log_of_a_mixture_of_dirichlet_densities() -> None:
    constants = tip.prepare(PROB, WEIGHTS, LAM, tip.Settings(), None)
    assert tip.term(LOG_Q, constants, LAM).item() == pytest.approx(np.log(np.array([0.25, 0.75]) @ DENSITIES))


def test_responsibilities_are_the_components_shares() -> None:
    constants = tip.prepare(PROB, WEIGHTS, LAM, tip.Settings(), None)
    parts = np.array([0.25, 0.75]) * DENSITIES
    np.testing.assert_allclose(tip.responsibilities(LOG_Q, constants, LAM)[0, 0], parts / parts.sum())


@pytest.mark.parametrize("r", [0.25, 0.5, 1.0])
def test_the_power_signal_is_the_power_mean_of_the_densities(r: float) -> None:
    constants = power.prepare(PROB, WEIGHTS, LAM, power.Settings(r=r), None)
    by_hand = np.log(np.array([0.25, 0.75]) @ np.array(DENSITIES) ** r) / r
    assert power.term(LOG_Q, constants, LAM).item() == pytest.approx(by_hand)


def test_the_power_signal_runs_from_kd_to_tip() -> None:
    """The term at a small r is near the logarithmic pool, whose slope is kd's."""

    def slope(r: float) -> torch.Tensor:
        return power.slope(LOG_Q, power.prepare(PROB, WEIGHTS, LAM, power.Settings(r=r), None), LAM)

    logarithmic = kd.slope(LOG_Q, kd.prepare(PROB, WEIGHTS, LAM, kd.Settings(), None), LAM)
    linear = tip.slope(LOG_Q, tip.prepare(PROB, WEIGHTS, LAM, tip.Settings(), None), LAM)
    torch.testing.assert_close(slope(0.0), logarithmic)
    torch.testing.assert_close(slope(1.0), linear)
    torch.testing.assert_close(slope(1e-6), logarithmic, atol=1e-5, rtol=0)
    assert not torch.allclose(slope(0.5), logarithmic) and not torch.allclose(slope(0.5), linear)


@pytest.mark.parametrize("position", [0, 1])
def test_bkd_is_the_log_dirichlet_density_of_one_teacher(position: int) -> None:
    named = bkd.prepare(PROB, None, LAM, bkd.Settings(teacher=position), None)
    best = bkd.prepare(PROB, None, LAM, bkd.Settings(teacher="best"), torch.tensor([position]))
    for constants in (named, best):
        assert bkd.term(LOG_Q, constants, LAM).item() == pytest.approx(np.log(DENSITIES[position]))


def test_the_best_teacher_of_nobody_knows_which_is_refused() -> None:
    with pytest.raises(ContractError, match="teacher: found best, but"):
        bkd.prepare(PROB, None, LAM, bkd.Settings(teacher="best"), None)


def test_tip_stays_finite_where_every_density_underflows() -> None:
    """At lambda = 5,000 and a student sure of the wrong class, exp(log density) is 0 for all teachers."""
    lam = torch.tensor([5000.0], dtype=torch.float64)
    constants = tip.prepare(PROB, WEIGHTS, lam, tip.Settings(), None)
    log_q = torch.log_softmax(torch.tensor([[[0.0, -40.0, -90.0]]], dtype=torch.float64), -1)
    assert tip.term(log_q, constants, lam).item() < -1e4
    assert tip.slope(log_q, constants, lam).sum().item() == pytest.approx(5000)
