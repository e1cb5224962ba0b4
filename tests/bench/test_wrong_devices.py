"""Every fit on a GPU that is not there (``no_numbers``, tests/bench/conftest.py), on which no tensor of a CPU may be met."""

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError

from mtbkd.base import registry
from mtbkd.bench.gpu import agreement
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.inference import fitting
from tests.conformance.examples import names

FEW = Sizes(training=2, inference=12)


def fit(student: str, signal: str, inference: str, strength: str = agreement.BY_LAMBDA) -> Any:
    spec = agreement.spec(student, signal, strength, inference, FEW, 1, "cuda")
    return fitting.fit(spec, agreement.dataset(student), agreement.teachers(agreement.dataset(student)), range(2))


# A module of the user's is looked at with real numbers before it becomes a student.
@pytest.mark.parametrize("student", [each for each in names("student") if each.values != ("module",)])
@pytest.mark.parametrize("signal", names("signal"))
def test_no_student_and_no_signal_leaves_a_tensor_behind(student: str, signal: str, no_numbers: None) -> None:
    for strength in agreement.strengths(signal) if student == "linear" else [agreement.BY_LAMBDA]:
        assert fit(student, signal, "map", strength).prob.shape[0] == 2


@pytest.mark.parametrize("name", names("inference"))
@pytest.mark.parametrize("student", ["mlp", "cnn"])
def test_no_algorithm_leaves_a_tensor_behind(name: str, student: str, no_numbers: None) -> None:
    if registry.part("inference", name).NEEDS_SYMBOLIC:
        pytest.skip("PyMC's, not torch's")
    assert fit(student, "tip", name).prob.shape[0] == 2


def test_a_tensor_that_is_left_behind_is_found(monkeypatch: pytest.MonkeyPatch, no_numbers: None) -> None:
    module = registry.part("signal", "tip")
    slope = module.slope
    monkeypatch.setattr(module, "slope", lambda log_q, *rest: slope(log_q, *rest) + torch.ones(log_q.shape))
    with pytest.raises(FakeTensorDeviceMismatchError):
        fit("mlp", "tip", "map")
