"""Every fit on a GPU that is not there: fake CUDA tensors have a device and no numbers, and refuse to meet a CPU's.

What asks for a number gets an answer that is made up, yes and no by turns, so that both ways of a branch are taken.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensor, FakeTensorMode
from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError

from mtbkd.base import lazy, registry
from mtbkd.bench.gpu import agreement
from mtbkd.bench.gpu.sizes import Sizes
from mtbkd.inference import convergence, fitting, langevin, laplace, trajectories
from tests.conformance.examples import names

FEW = Sizes(training=2, inference=12)
SMALLEST = {"polish": 1, "newton": 1, "particles": 8, "draws": 4, "sweeps": 1, "final_sweeps": 1, "leapfrogs": 2, "cycles": 1,
            "warmup": 4, "starts": 2, "jumps": 1, "rounds": 2}  # fmt: skip


class CudaGenerator:
    """Stands for a generator on the GPU, which no CPU can make."""

    device = torch.device("cuda")

    def __init__(self, device: str = "cpu"):
        self.device = torch.device(device)

    def manual_seed(self, seed: int) -> "CudaGenerator":
        return self


def drawing(function: Any) -> Any:
    """``function`` of torch, which refuses a generator on another device than the tensor that it fills."""

    def draw(*args: Any, generator: CudaGenerator | None = None, device: Any = "cpu", **kwargs: Any) -> Any:
        given = torch.device(device).type
        assert generator is None or generator.device.type == given, f"a generator on {generator.device}, numbers on {given}"
        return function(*args, device=device, **kwargs)

    return draw


def remember_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins of torch keep what they were asked for: neither what was real before nor what is none may stay in one."""
    stand_ins = {id(each): each for module in list(sys.modules.values()) for each in list(vars(module).values())
                 if isinstance(each, lazy._LazyModule)}  # fmt: skip
    for each in stand_ins.values():
        for name in [name for name in vars(each) if name != "_name"]:
            monkeypatch.delattr(each, name)
    monkeypatch.setattr(lazy._LazyModule, "__getattr__", lambda self, name: getattr(import_module(self._name), name))


@pytest.fixture
def no_numbers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fake CUDA tensors, and answers to what asks for their numbers."""
    remember_nothing(monkeypatch)
    answers = cycle([True, False])

    def array(tensor: torch.Tensor) -> np.ndarray:
        if tensor.device.type != "cpu":
            raise TypeError(f"can't convert {tensor.device} to numpy")
        return np.ones(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))

    monkeypatch.setattr(FakeTensor, "numpy", array, raising=False)
    monkeypatch.setattr(FakeTensor, "__bool__", lambda tensor: next(answers), raising=False)
    monkeypatch.setattr(FakeTensor, "__int__", lambda tensor: 1, raising=False)
    monkeypatch.setattr(FakeTensor, "__float__", lambda tensor: 1.0, raising=False)
    monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: np.ones(tuple(tensor.shape), int).tolist(), raising=False)
    monkeypatch.setattr(torch, "Generator", CudaGenerator)
    for name in ("rand", "randn", "randint"):
        monkeypatch.setattr(torch, name, drawing(getattr(torch, name)))
    monkeypatch.setattr(torch, "equal", lambda first, second: next(answers))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "none")
    monkeypatch.setattr(fitting, "resolve_device", lambda device: device)
    monkeypatch.setattr(agreement, "SMALL", agreement.SMALL | SMALLEST)
    monkeypatch.setattr(langevin, "_lost", lambda params: [])
    monkeypatch.setattr(trajectories, "POLISH", 2)
    # A derivative of a derivative asks the engine for the device itself.
    monkeypatch.setattr(laplace, "_rows", lambda target, params, units, rows: torch.zeros_like(params))
    monkeypatch.setattr(convergence, "judge", lambda *args, **kwargs: [])
    with FakeTensorMode(allow_non_fake_inputs=False):
        yield


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
