"""How hot are draws? 1 for draws of the target, more where they are too wide or roughened by noise, less where too narrow.

    T = -E[(theta - c) . grad log pi(theta)] / P

is the configurational temperature: integration by parts makes it 1 under pi for any fixed c (Wenzel et al. 2020, appendix on
diagnostics). The gradient is that of all examples and of the tempered posterior, so 1 is right at every posterior temperature.
c is the mean of the OTHER half of a draw's chain: with a draw's own half, chains that mix slowly would seem cool.
Shapes: U units, C chains, D draws, S measured draws a chain, P parameters.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.function_space import thinned
from mtbkd.lazy import lazy_import
from mtbkd.target import Target, full_gradient

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

MEASURED = 100  # draws a unit, over all chains, and as many more as few parameters need for the same error


def temperatures(target: Target, params: "torch.Tensor", device: str) -> np.ndarray:
    """-(theta - c) . grad log pi(theta) / P of evenly spread draws, (U, C, S), of ``params`` (U, C, D, P).

    Their mean is T; NaN where a chain left the finite numbers.
    """
    chains, draws, size = params.shape[1:]
    measured = torch.as_tensor(thinned(draws, max(2, measured_draws(size) // chains)))
    # A lone draw has no other half: c is itself, and T is 0.
    halves = params.tensor_split([draws // 2], 2) if draws > 1 else (params, params)
    first, second = (half.mean(2, keepdim=True) for half in halves)
    centre = torch.where((measured < draws // 2).view(-1, 1), second, first)
    theta = params[:, :, measured]
    units = target.members(theta.shape[1] * theta.shape[2])
    slope = full_gradient(target, theta.flatten(0, 2).to(device), units).cpu().view_as(theta)
    return (-((theta - centre) * slope).sum(-1, dtype=torch.float64) / size).numpy()


def measured_draws(size: int) -> int:
    """How many draws are measured: the error of T falls with the square root of draws times parameters."""
    return max(MEASURED, 10 * MEASURED // size)


def two_errors(values: np.ndarray) -> float:
    """Two standard errors of the mean of ``values`` (C, S): of batch means, or between chains where these differ by more."""
    chains, draws = values.shape
    batches = np.array_split(values, min(draws, max(2, 20 // chains)), axis=1)
    groups = np.concatenate([batch.mean(1) for batch in batches]), values.mean(1)
    return 2 * max((float(g.std(ddof=1)) / math.sqrt(len(g)) for g in groups if len(g) > 1), default=math.nan)
