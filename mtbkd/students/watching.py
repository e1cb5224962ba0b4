"""How much a ``torch.nn.Module`` makes while it answers: numbers that its layers put out, and that derivatives keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mtbkd.base.lazy import torch

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def hooked(handles: list[Any]) -> Iterator[None]:
    """Take hooks off again."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def outputs(network: "nn.Module") -> "Iterator[list[int]]":
    """Numbers that each layer without layers inside puts out while the context lasts."""
    found: list[int] = []

    def note(layer: Any, inputs: Any, out: Any) -> None:
        found.append(out.numel() if isinstance(out, torch.Tensor) else 0)

    leaves = [layer for layer in network.modules() if not any(True for _ in layer.children())]
    with hooked([layer.register_forward_hook(note) for layer in leaves]):
        yield found


@contextmanager
def kept(network: "nn.Module") -> "Iterator[dict[int, int]]":
    """Memory, in numbers of 4 bytes by its place, that derivatives of answers in this context need, parameters left out.

    What is computed between layers (activations as functions, sums of branches, attention) is no layer's output.
    """
    found: dict[int, int] = {}
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}

    def note(value: "torch.Tensor") -> "torch.Tensor":
        memory = value.untyped_storage()
        if memory.data_ptr() not in own:
            found[memory.data_ptr()] = memory.nbytes() // 4
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        yield found
