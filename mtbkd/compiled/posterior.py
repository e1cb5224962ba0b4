"""The compiled form of a posterior: its tables laid out for ``mtbkd.compiled.network``, minibatches as positions in them.

It exists on the CPU in single precision for students of dense layers with few parameters under a signal that is a mixture,
the student's temperature being 1. There an operator of torch takes longer to call than to compute; beyond MOST_PARAMS matrix
products take most of the time, and torch's are better.
Shapes: U units, E members, R replicates, N training examples, m minibatch, G teachers, K classes, P parameters.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.compiled import share_out
from mtbkd.lazy import lazy_import

if TYPE_CHECKING:
    import torch

    from mtbkd.posterior import Problem
else:
    torch = lazy_import("torch")

MOST_PARAMS = 3_000
LEAST_MEMBERS = 8  # fewer take less time than another thread to wake up


class Rows(NamedTuple):
    """A minibatch by the positions (E, m) of its examples in the flattened tables of data and of the signal's constants.

    Attributes:
        row: in ``x`` (R N, ...) and ``y`` (R N,).
        unit: in the signal's constants (U N, ...).
        weight: (m,) how many examples each one stands for; None: N / m.
        labelled: the first so many may use their labels.
    """

    row: "torch.Tensor"
    unit: "torch.Tensor"
    weight: "torch.Tensor | None"
    labelled: int


class CompiledPosterior:
    """Minibatches and gradients of one posterior.

    Args:
        tables: the arguments ``x`` to ``r`` of ``network.gradient``.
        of_unit: ``lam``, ``beta``, ``precision`` and ``heat``, each float32 (U,).
        first_of_unit: int64 (U,), each unit's first row of ``x``.
        num_examples: N.
    """

    def __init__(self, tables: tuple[Any, ...], of_unit: tuple[np.ndarray, ...], first_of_unit: np.ndarray, num_examples: int):
        # Importing numba takes a while, and an import in every step takes longer than the step.
        from mtbkd.compiled import network

        self._network, self._tables, self._of_unit = network, tables, of_unit
        self._first_of_unit, self._num_examples, self._weights = first_of_unit, num_examples, {}

    def draw(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> Rows:
        """Every member of ``units`` (E,) draws its own ``size`` examples, with replacement."""
        row, unit = np.empty((2, len(units), size), np.int64)
        key = np.uint64(torch.randint(1 << 62, (1,), generator=generator).item())
        self._network.draw(key, self._first_of_unit, units.numpy(), self._num_examples, row, unit)
        return Rows(torch.from_numpy(row), torch.from_numpy(unit), None, size)

    def gradient(self, params: "torch.Tensor", units: "torch.Tensor", rows: Rows, signal_power: float) -> "torch.Tensor":
        """Gradient (E, P) at ``params`` (E, P) of members of ``units`` (E,) from ``rows``."""
        grad = np.empty(params.shape, np.float32)
        weight = self._weight(rows.row.shape[1]) if rows.weight is None else rows.weight.numpy()
        lam, beta, *others = self._of_unit
        beta = beta if signal_power == 1 else beta * np.float32(signal_power)
        own = (params.detach().contiguous().numpy(), grad, units.numpy(), rows.row.numpy(), rows.unit.numpy(), weight)
        arguments = (*own, rows.labelled, *self._tables, lam, beta, *others)
        share_out(lambda first, last: self._network.gradient(first, last, *arguments), len(grad), LEAST_MEMBERS)
        return torch.from_numpy(grad)

    def _weight(self, size: int) -> np.ndarray:
        if size not in self._weights:
            self._weights[size] = np.full(size, self._num_examples / size, np.float32)
        return self._weights[size]


def compiled_posterior(problem: "Problem") -> CompiledPosterior | None:
    """The compiled form of ``problem``; None where it has none."""
    student, shared, x = problem.student, problem.shared, problem.x
    layers, mixture = getattr(student, "dense_layers", None), getattr(problem.signal, "mixture", None)
    on_cpu_in_single = x.device.type == "cpu" and x.dtype == torch.float32
    if layers is None or student.num_params > MOST_PARAMS or not on_cpu_in_single or not problem.student_at_one:
        return None
    if problem.constants and mixture is None:
        return None
    found = mixture(problem.constants) if mixture and problem.constants else None
    columns = [x.flatten(0, 1), problem.y.flatten().unsqueeze(-1).float()]
    own: list[torch.Tensor] = [] if found is None else [found.prob.flatten(0, 1).flatten(1)]
    own += [] if found is None or found.log_scale is None else [found.log_scale.flatten(0, 1)]
    constants = torch.cat(own, 1).float() if own else torch.empty(len(columns[0]), 0)
    heat = torch.ones_like(shared.lam) if shared.temperature is None else 1 / shared.temperature
    tables = (
        torch.cat(columns, 1).contiguous().numpy(),
        constants.contiguous().numpy(),
        np.array(layers.sizes, np.int64),
        int(layers.first_is_zero),
        0 if found is None else found.prob.shape[2],
        np.float32(1 if found is None else found.power),
    )
    of_unit = (shared.lam, shared.beta, shared.prior_scale**-2.0, heat)
    values = tuple(value.float().contiguous().numpy() for value in of_unit)
    return CompiledPosterior(tables, values, (problem.data_row * problem.num_examples).numpy(), problem.num_examples)
