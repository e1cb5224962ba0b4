"""What a torch module says of the rows: asked as it will be used, and left as it was. N rows, K classes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.errors import ContractError

if TYPE_CHECKING:
    import torch

ROWS = 1024  # of X at once


def is_module(source: Any) -> bool:
    """Is it a ``torch.nn.Module``? Without importing torch, as nobody has one before."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def is_pair(source: Any) -> bool:
    """Is it a module with the loader of its inputs, ``(module, loader)``?"""
    return isinstance(source, tuple) and len(source) == 2 and is_module(source[0]) and not is_module(source[1])


def answers(where: str, module: "torch.nn.Module", loader: Any, x: Any) -> np.ndarray:
    """Outputs (N, K) of ``module`` in evaluation mode, without gradients, in the order of the loader.

    Args:
        where: for messages.
        module: returns a tensor (n, K), or something that holds it as ``logits``.
        loader: batches of inputs, or of (inputs, ...) whose first entry alone is read; None: ``x`` itself as numbers.
        x: the rows of the data as the user has them.

    Raises:
        ContractError: a loader that shuffles its rows or has none; batches or outputs that are no tensors.
    """
    import torch

    state = next((each for each in (*module.parameters(), *module.buffers()) if each.is_floating_point()), torch.zeros(()))
    batches = _batches(where, loader) if loader is not None else torch.as_tensor(np.asarray(x, np.float32)).split(ROWS)
    found = []
    with _evaluated(module), torch.no_grad():
        for batch in batches:
            given = batch[0] if isinstance(batch, list | tuple) and len(batch) else batch
            if not isinstance(given, torch.Tensor):
                raise ContractError(where, "loader", f"a batch of {type(given).__name__}", "tensors, or tuples whose first "
                                    "entry is the tensor of inputs")  # fmt: skip
            said = module(given.to(state.device, state.dtype if given.is_floating_point() else None))
            said = getattr(said, "logits", said)
            if not isinstance(said, torch.Tensor):
                raise ContractError(where, "output", type(said).__name__, "a tensor of shape (rows, classes)")
            found.append(said.detach().to("cpu", torch.float64))
    if not found:
        raise ContractError(where, "loader", "no batch", "batches of all rows of X, in their order")
    return torch.cat(found).numpy()


def _batches(where: str, loader: Any) -> Iterable[Any]:
    """The loader, if it gives the rows in their order as far as that can be seen."""
    from torch.utils.data import DataLoader, SequentialSampler

    if not isinstance(loader, Iterable):
        raise ContractError(where, "loader", type(loader).__name__, "a DataLoader, or other batches of tensors")
    sampler = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    if isinstance(loader, DataLoader) and sampler is not None and not isinstance(sampler, SequentialSampler):
        raise ContractError(where, "loader", f"rows in the order of a {type(sampler).__name__}", "rows in the order of X",
                            "DataLoader(..., shuffle=False)")  # fmt: skip
    return loader


@contextmanager
def _evaluated(module: "torch.nn.Module") -> Iterator[None]:
    """Every part of the module in evaluation mode inside, and in its own mode afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
