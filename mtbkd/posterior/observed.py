"""Components of a posterior: a student, its training examples and the signal's constants from the teachers.

Shapes: U units, E members, R replicates, N training examples, m minibatch, P parameters.
"""

from dataclasses import dataclass, field
from types import ModuleType

from mtbkd.base.gather import take_columns, take_rows
from mtbkd.base.lazy import torch
from mtbkd.posterior.minibatch import Batch, Rows, Source
from mtbkd.signals import none
from mtbkd.signals.shared import Shared
from mtbkd.students import Student, init_ensemble


@dataclass(frozen=True)
class Observed:
    """What the posterior of U units is given.

    Attributes:
        student: the network.
        x: (R or 1, N, *inputs), already through ``student.inputs``.
        y: int64 (R or 1, N), -1 for unlabelled.
        data_row: int64 (U,), each unit's row of ``x`` and ``y``.
        signal: module of mtbkd/signals.
        constants: what its ``prepare`` returned, each (U, N, ...); a signal may need none.
        shared: the shared settings.
        domain: int64 (R or 1, N), the domains of the examples where they are known, for algorithms that weigh teachers by it.
        student_at_one: every student temperature is 1, so that one log-softmax serves labels and teachers.
    """

    student: Student
    x: "torch.Tensor"
    y: "torch.Tensor"
    data_row: "torch.Tensor"
    signal: ModuleType
    constants: "dict[str, torch.Tensor]"
    shared: Shared
    student_at_one: bool
    domain: "torch.Tensor | None" = field(default=None, kw_only=True)

    @property
    def has_signal(self) -> bool:
        """Whether teachers enter the posterior, with constants or without."""
        return self.signal is not none

    @property
    def num_units(self) -> int:
        return len(self.data_row)

    @property
    def num_params(self) -> int:
        return self.student.num_params

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.student.hidden

    @property
    def num_examples(self) -> int:
        return self.x.shape[1]

    def members(self, count: int) -> "torch.Tensor":
        """Units (U * count,) of an ensemble of ``count`` members per unit, unit by unit."""
        return torch.arange(self.num_units, device=self.x.device).repeat_interleave(count)

    def source(self, size: int) -> Source:
        """What minibatches of ``size`` examples are drawn from."""
        units = torch.arange(self.num_units, device=self.x.device)
        return Source([(0, self.num_examples, size)], size, self.data_row, units, torch.zeros_like(units))

    def take(self, rows: Rows) -> Batch:
        """The examples at ``rows``."""
        constants = {name: take_columns(value, rows.unit) for name, value in self.constants.items()}
        y = take_rows(self.y, rows.row)
        if rows.labelled < y.shape[1]:
            y[:, rows.labelled :] = -1
        weight = None if rows.weight is None else rows.weight.unsqueeze(-1)
        return Batch(take_rows(self.x, rows.row), y, constants, weight)

    def full(self, units: "torch.Tensor") -> Batch:
        """All training examples for every member."""
        rows = self.data_row[units]
        x = self.x if self.x.shape[0] == 1 else self.x[rows]
        return Batch(x, self.y[rows], {name: value[units] for name, value in self.constants.items()})

    def start(self, seeds: list[int], scale: float = 1.0) -> "torch.Tensor":
        """Starting points (E, P), one per seed."""
        return init_ensemble(self.student, seeds, scale).to(self.x.device)
