"""Has an optimiser arrived? Known quadratics, and networks that were stopped too early."""

from typing import Any, cast

import numpy as np
import pytest
import torch

from mtbkd.data.datasets import sim2
from mtbkd.inference.arrival import shortfalls
from mtbkd.inference.convergence import Claim, judge
from mtbkd.inference.fitting import Spec, fit
from mtbkd.posterior.problem import Problem, Shared
from mtbkd.signals import none, tip
from mtbkd.teachers import mlp

CURVATURE = torch.tensor([1.0, 4.0, 25.0])
LABELS = 10


class Quadratic(Problem):
    """log pi = -theta' diag(CURVATURE) theta / 2 of LABELS labels and 5 more examples without."""

    def log_density(self, params, units):
        return -0.5 * (params**2 * CURVATURE).sum(-1)

    def gradient(self, params, units, batch, signal_power=1.0, keep=None):
        return -params * CURVATURE

    def full(self, units):
        return cast(Any, None)


def quadratic(lam: float = 1.0, signal: Any = none) -> Quadratic:
    y = torch.tensor([[0] * LABELS + [-1] * 5])
    one = torch.ones(3)
    student = cast(Any, type("Student", (), {"hidden": ()})())
    return Quadratic(
        student,
        y[..., None].float(),
        y,
        torch.zeros(3, dtype=torch.int64),
        signal,
        {},
        Shared(one * lam, one, one, one, one),
        True,
    )


def at(*theta: float) -> torch.Tensor:
    return torch.tensor([[0.0, 0.0, 0.0], theta, [torch.nan, 0.0, 0.0]])[:, None, None]


def test_the_shortfall_of_a_quadratic_is_its_height_below_the_mode_a_label() -> None:
    height = 0.5 * float((torch.tensor([0.3, -0.2, 0.1]) ** 2 * CURVATURE).sum())
    found = shortfalls(quadratic(), at(0.3, -0.2, 0.1))
    assert found.shape == (3, 1, 1)
    assert found[0] == 0 and np.isnan(found[2])
    assert found[1].item() == pytest.approx(height / LABELS, rel=1e-3)
    taught = shortfalls(quadratic(4.0, tip), at(0.3, -0.2, 0.1))
    assert taught[1].item() == pytest.approx(height / (LABELS + 15 * 4), rel=1e-3)


def verdict(shortfall: float, kind: Any = "point") -> dict[str, Any]:
    one = np.zeros((1, 1, 1))
    rows = judge(Claim(kind, False), one, np.full((1, 1, 1, 1, 2), 0.5), {"shortfall": one + shortfall}, np.zeros((1, 1), bool))
    return next(row for row in rows if row["gate"] == "optimised")


def test_the_gate_judges_points_alone() -> None:
    assert verdict(0.0049)["verdict"] is True
    failed = verdict(0.0051)
    assert failed["verdict"] is False and "more steps" in failed["note"]
    assert verdict(0.0, "independent")["verdict"] is None


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Any:
    raw = tmp_path_factory.getbasetemp()
    data = sim2.prepare("taught", sim2.Settings(n_train=2000, n_val=100, n_test=200), 5, range(2), raw)
    settings = mlp.Settings(hidden=(7, 15, 12, 10, 7), steps=500, dropout=0.0, exposure=0.01)
    return data, [mlp.train(f"t_{d}", d, settings, data, 5, 0, "cpu", raw) for d in ("c1", "c2", "c3")]


@pytest.mark.parametrize(("signal", "lam", "steps", "arrives"), [
    ("tip", 100.0, 300, False),  # at chance, at a learning rate that has decayed to zero
    ("tip", 5.0, 60, False),
    ("none", 5.0, 60, False),
    ("none", 5.0, 3000, True),
    ("tip", 5.0, 3000, True),
])  # fmt: skip
def test_a_network_that_was_stopped_too_early_fails_the_gate(
    taught, signal: str, lam: float, steps: int, arrives: bool
) -> None:
    data, teachers = taught
    fixed = {
        "beta": [1.0],
        "prior_scale": [1.0],
        "teacher_temperature": [1.0],
        "student_temperature": [1.0],
        "temperature": [1.0],
    }
    spec = Spec.model_validate({
        "method": "m", "dataset": "taught", "student": {"architecture": "mlp", "settings": {"hidden": [10]}},
        "signal": {"name": signal}, "weights": "equal" if signal == "tip" else None, "inference": {"name": "map"},
        "posterior": {"lambda": [lam], **fixed}, "training": {"steps": steps, "restarts": 1}, "output": {"probes": 2},
        "seed": 5, "device": "cpu",
    })  # fmt: skip
    found = [row for row in fit(spec, data, teachers, range(2)).gates if row["gate"] == "optimised"]
    assert [row["verdict"] for row in found] == [arrives, arrives], found
