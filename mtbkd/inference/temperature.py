"""How hot are draws? 1 for draws of the target, more where they are too wide or roughened by noise, less where too narrow.

    T = -E[(theta - c) . grad log pi(theta)] / P

is the configurational temperature: integration by parts makes it 1 under pi for any fixed c (Wenzel et al. 2020, appendix on
diagnostics). The gradient is that of all examples and of the tempered posterior, so 1 is right at every posterior temperature.
c is the mean of the OTHER half of a draw's chain: with a draw's own half, chains that mix slowly would seem cool. Of draws that
jump among modes, it is that of the same mode's draws outside of that half: the density between modes is 0, so each may have a
c of its own, and with one for all the error would be that of the distance between modes.
Shapes: U units, C chains, D draws, S measured draws per chain, P parameters.
"""

import math

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.inference.function_space import thinned
from mtbkd.posterior.target import Target, full_gradient

MEASURED = 100  # draws a unit, over all chains, and as many more as few parameters need for the same error
AFFORDED = 2_000_000_000  # numbers of parameters times examples, over a unit's draws, that more draws may cost


def temperatures(target: Target, params: "torch.Tensor", device: str, modes: np.ndarray | None = None) -> np.ndarray:
    """-(theta - c) . grad log pi(theta) / P of evenly spread draws, (U, C, S), of ``params`` (U, C, D, P).

    Their mean is T; NaN where a chain became non-finite. ``modes`` (U, C, D): the number of each draw's mode; each chain
    is a mode by default.
    """
    units, chains, draws, size = params.shape
    measured = torch.as_tensor(thinned(draws, max(2, measured_draws(size, target.num_examples) // chains)))
    by_chain = np.broadcast_to(np.arange(chains)[:, None], (units, chains, draws))
    found = torch.as_tensor(np.array(by_chain if modes is None else modes, np.int64))
    centre = torch.stack([_centres(*each, measured) for each in zip(params, found, strict=True)])
    theta = params[:, :, measured]
    of = target.members(theta.shape[1] * theta.shape[2])
    slope = full_gradient(target, theta.flatten(0, 2).to(device), of).cpu().view_as(theta)
    return (-((theta - centre) * slope).sum(-1, dtype=torch.float64) / size).numpy()


def _centres(params: "torch.Tensor", modes: "torch.Tensor", measured: "torch.Tensor") -> "torch.Tensor":
    """c (C, S, P) of the ``measured`` (S,) of one unit's draws ``params`` (C, D, P), of ``modes`` (C, D)."""
    chains, draws, size = params.shape
    half = (torch.arange(draws) >= draws // 2).long() + 2 * torch.arange(chains).unsqueeze(1)
    finite = torch.isfinite(params).all(-1)
    total = params.new_zeros((2 * chains, int(modes.max()) + 1, size), dtype=torch.float64)
    total.index_put_((half, modes), params.double().masked_fill(~finite.unsqueeze(-1), 0), accumulate=True)
    count = params.new_zeros(total.shape[:2], dtype=torch.float64)
    count.index_put_((half, modes), finite.double(), accumulate=True)
    half, modes = half[:, measured], modes[:, measured]
    others, number = total.sum(0)[modes] - total[half, modes], count.sum(0)[modes] - count[half, modes]
    mean = others / number.unsqueeze(-1)
    # A mode that no other half visited has no c: the draw itself makes it count nothing.
    mean = torch.where(number.unsqueeze(-1) > 0, mean.float(), params[:, measured])
    return mean.masked_fill(~finite.all(1).view(-1, 1, 1), torch.nan)


def measured_draws(size: int, examples: int = 1) -> int:
    """How many draws are measured: the error of T falls with the square root of draws times parameters."""
    return max(MEASURED, 10 * MEASURED // size, min(60 * MEASURED, AFFORDED // (size * examples)))


def two_errors(values: np.ndarray) -> float:
    """Two standard errors of the mean of ``values`` (C, S): of batch means, or between chains where these differ by more."""
    chains, draws = values.shape
    batches = np.array_split(values, min(draws, max(2, 20 // chains)), axis=1)
    groups = np.concatenate([batch.mean(1) for batch in batches]), values.mean(1)
    return 2 * max((float(g.std(ddof=1)) / math.sqrt(len(g)) for g in groups if len(g) > 1), default=math.nan)
