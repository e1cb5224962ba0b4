"""The last layer of a network, the layers before it frozen: its posterior given their features.

Samplers do not reach the posterior of tens of thousands of parameters in useful time; that of the last layer has few of them
and is log-concave in the labels (Snoek et al. 2015; Kristiadi et al. 2020). It knows nothing of the features' uncertainty.
Shapes: U units, P parameters of the network, B of its last layer, H features, S draws.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference import Context
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target
from mtbkd.students.mlp import Mlp

EXAMPLES = 1_000  # at a time, whose features are read


def last_layer(target: Target) -> int:
    """Where the parameters of the last dense layer begin; 0 where there is but one layer."""
    return target.num_params - _last_size(target)[0] if isinstance(target, Problem) and target.hidden else 0


def _last_size(problem: Problem) -> tuple[int, int, int]:
    """Numbers of the last layer's parameters, inputs and outputs."""
    origin, inputs = problem.x.new_zeros((1, problem.num_params)), problem.hidden[-1]
    outputs = problem.student.apply(origin, problem.x[:1, :1]).shape[-1]
    return (inputs + 1) * outputs, inputs, outputs


def features(problem: Problem, params: "torch.Tensor", x: "torch.Tensor") -> "torch.Tensor":
    """What the last layer of each of ``params`` (U, P) reads, (U, N, H), at ``x`` (R or 1, N, *inputs).

    Students say them themselves (``features``), or last layers that pass some inputs on as logits read them off.
    """
    if hasattr(problem.student, "features"):
        own: Any = problem.student
        rows = problem.data_row.tolist() if len(x) > 1 else [0] * len(params)
        found = [own.features(p.unsqueeze(0), x[row : row + 1]) for p, row in zip(params, rows, strict=True)]
        return torch.cat(found).contiguous()
    size, inputs, outputs = _last_size(problem)
    parts = -(-inputs // outputs)
    readers = torch.eye(parts * outputs, dtype=params.dtype, device=params.device)[:inputs]
    readers = readers.view(inputs, parts, outputs).transpose(0, 1).reshape(parts, -1)
    reading = params.unsqueeze(1).repeat(1, parts, 1)
    reading[:, :, -size:] = torch.nn.functional.pad(readers, (0, size - readers.shape[1]))
    found = []
    with torch.no_grad():
        for unit, row in zip(reading, problem.data_row.tolist() if len(x) > 1 else [0] * len(reading), strict=True):
            logits = [problem.student.apply(unit, some) for some in x[row : row + 1].split(EXAMPLES, 1)]
            found.append(torch.cat(logits, 1).transpose(0, 1).flatten(1)[:, :inputs])
    return torch.stack(found).contiguous()


def behind_features(problem: Problem, params: "torch.Tensor") -> Problem:
    """The posterior of the last layer alone, its inputs being the features of ``params`` (U, P)."""
    _, inputs, outputs = _last_size(problem)
    units = problem.members(1)
    x = features(problem, params, problem.x)
    return replace(problem, student=Mlp((inputs, outputs)), x=x, y=problem.y[problem.data_row], data_row=units)


@dataclass(frozen=True)
class Frozen:
    """A posterior of last layers: its ``problem`` and ``dataset``, whose inputs are features, and the networks (U, P)."""

    problem: Problem
    dataset: Dataset
    network: "torch.Tensor"

    @classmethod
    def of(cls, problem: Problem, dataset: Dataset, context: Context) -> "Frozen":
        """Freeze all but the last layer of each unit's MAP fit."""
        network = context.mode(problem)
        x = problem.student.inputs(torch.as_tensor(dataset.x, device=context.device))
        rows = problem.data_row.cpu().numpy()
        seen = replace(dataset, x=features(problem, network, x).cpu().numpy(), y=dataset.y[rows])
        return cls(behind_features(problem, network), seen, network.cpu())

    def before(self, last: int) -> np.ndarray:
        """The parameters (U, P - B) before a last layer of ``last`` = B parameters."""
        return self.network[:, : self.network.shape[1] - last].numpy()

    def whole(self, params: np.ndarray) -> np.ndarray:
        """The parameters (U, ..., P) of the networks whose last layers are ``params`` (U, ..., B)."""
        before = self.before(params.shape[-1])
        shape = (*params.shape[:-1], before.shape[1])
        before = np.broadcast_to(before.reshape(len(before), *(1,) * (params.ndim - 2), -1), shape)
        return np.concatenate([before, params], -1)
