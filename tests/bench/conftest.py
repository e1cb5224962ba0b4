"""A GPU that is not there: fake CUDA tensors have a device and no numbers, and refuse to meet a CPU's.

What asks for a number gets an answer that is made up, yes and no by turns, so that both ways of a branch are taken.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensor, FakeTensorMode

from mtbkd.base import device as devices
from mtbkd.base import lazy
from mtbkd.bench.gpu import agreement
from mtbkd.inference import chain_stacking, convergence, langevin, trajectories

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


def copied(tensor: torch.Tensor, memo: dict[int, Any]) -> torch.Tensor:
    """torch's own copy looks for the numbers' place in memory."""
    return memo.setdefault(id(tensor), tensor.detach().clone().requires_grad_(tensor.requires_grad))


def no_slope(value: torch.Tensor, of: Any, *rest: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros_like(each) for each in ([of] if isinstance(of, torch.Tensor) else of))


def moved(module: torch.nn.Module, device: Any, **kwargs: Any) -> torch.nn.Module:
    """``Module.to``, which exchanges the memory of tensors that have none here."""
    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                part._parameters[name] = torch.nn.Parameter(value.detach().to(device), value.requires_grad)
        for name, value in part._buffers.items():
            part._buffers[name] = None if value is None else value.to(device)
    return module


def all_true(take: Any) -> Any:
    """``tensor[mask]`` where all of the mask is true: how many are, no fake mask knows."""

    def chosen(tensor: torch.Tensor, index: Any) -> torch.Tensor:
        parts = index if isinstance(index, tuple) else (index,)
        masks = [each for each in parts if getattr(each, "dtype", None) in (torch.bool, np.bool_)]
        if not masks:
            return take(tensor, index)
        for each in masks:
            assert str(each.device.type if isinstance(each, torch.Tensor) else "cpu") in ("cpu", tensor.device.type)
        if isinstance(index, torch.Tensor):
            return tensor.flatten(0, index.ndim - 1).clone()
        return take(tensor, tuple(slice(None) if any(each is mask for mask in masks) else each for each in parts))

    return chosen


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
    monkeypatch.setattr(FakeTensor, "item", lambda tensor: 1.0, raising=False)
    monkeypatch.setattr(FakeTensor, "tolist", lambda tensor: np.ones(tuple(tensor.shape), int).tolist(), raising=False)
    monkeypatch.setattr(FakeTensor, "__deepcopy__", copied, raising=False)
    monkeypatch.setattr(FakeTensor, "__getitem__", all_true(FakeTensor.__getitem__), raising=False)
    monkeypatch.setattr(torch, "nonzero", lambda mask: torch.nonzero_static(mask, size=mask.numel()))
    monkeypatch.setattr(torch.nn.Module, "to", moved)
    monkeypatch.setattr(torch, "Generator", CudaGenerator)
    for name in ("rand", "randn", "randint"):
        monkeypatch.setattr(torch, name, drawing(getattr(torch, name)))
    monkeypatch.setattr(torch, "equal", lambda first, second: next(answers))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "none")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=8e10))
    for module in [
        module for module in list(sys.modules.values()) if vars(module).get("resolve_device") is devices.resolve_device
    ]:
        monkeypatch.setattr(module, "resolve_device", lambda device: device)
    monkeypatch.setattr(agreement, "SMALL", agreement.SMALL | SMALLEST)
    monkeypatch.setattr(langevin, "_lost", lambda params: [])
    monkeypatch.setattr(trajectories, "POLISH", 2)
    # torch's own derivatives ask for the device itself: what they start from is computed, they are not.
    monkeypatch.setattr(torch.autograd, "grad", no_slope)
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: None)
    # Numbers that are all alike have no tail.
    monkeypatch.setattr(
        chain_stacking, "leave_one_out", lambda values, t: (np.zeros(values.shape[::2]), np.zeros(values.shape[::2]))
    )
    monkeypatch.setattr(convergence, "judge", lambda *args, **kwargs: [])
    with FakeTensorMode(allow_non_fake_inputs=False):
        yield
