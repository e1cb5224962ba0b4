"""The signal of pooled teachers: one Dirichlet around what the operator makes of them. N examples, G teachers, K classes."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import stats

from mtbkd.pooling.operators import pool
from mtbkd.signals import bkd, pooled

LAM = torch.tensor([3.0], dtype=torch.float64)
PROB = torch.tensor([[[[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]]], dtype=torch.float64)  # (1, 1, 2, 3)
WEIGHTS = torch.tensor([[[0.25, 0.75]]], dtype=torch.float64)
Q = np.array([0.5, 0.3, 0.2])
LOG_Q = torch.as_tensor(np.log(Q))[None, None]


@pytest.mark.parametrize(("operator", "settings"), [("linear", {}), ("logarithmic", {}), ("power_mean", {"r": -2})])
def test_it_is_the_log_dirichlet_density_around_the_pool(operator: str, settings: dict[str, float]) -> None:
    own = pooled.Settings(operator=operator, operator_settings=settings)
    constants = pooled.prepare(PROB, WEIGHTS, LAM, own, None)
    teacher = pool(operator, PROB[0, 0].numpy(), WEIGHTS[0, 0].numpy(), settings)
    assert pooled.term(LOG_Q, constants, LAM).item() == pytest.approx(stats.dirichlet.logpdf(Q, 1 + 3 * teacher))


def test_the_best_single_teacher_is_bkd() -> None:
    constants = pooled.prepare(PROB, WEIGHTS, LAM, pooled.Settings(operator="best_single"), None)
    expected = bkd.prepare(PROB, None, LAM, bkd.Settings(teacher=1), None)
    torch.testing.assert_close(pooled.term(LOG_Q, constants, LAM), bkd.term(LOG_Q, expected, LAM))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"operator": "liner"}, "did you mean 'linear'"),
        ({"operator": "power_mean", "operator_settings": {"q": 1}}, "operator 'power_mean'.*unknown key"),
        ({"operator": "trimmed_mean", "operator_settings": {"trim": 0.7}}, "operator 'trimmed_mean'.*0.7"),
    ],
)
def test_an_unknown_operator_or_setting_is_refused(content: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        pooled.Settings.model_validate(content)
