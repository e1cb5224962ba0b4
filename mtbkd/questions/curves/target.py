"""The posterior given n labels, with or without the other training examples as an unlabelled transfer set.

    log pi = sum_{labelled} (log q[i, y_i] + beta signal_i(q_i)) + sum_{transfer} beta signal_i(q_i) + log N(theta; 0, s^2 I)

It is the posterior of mtbkd.posterior.problem with y = -1 on the transfer set. Minibatches differ: half of each comes from the
labelled examples and half from the transfer set, each half scaled to what it stands for. The gradient stays unbiased; drawn
from all alike, 30 labels among 15,000 examples would be seen once in eight steps, and Adam would never settle on them.
Shapes: U units, E members, R replicates, P positions of the label order, m minibatch, T rows of the signal's constants.
"""

from dataclasses import dataclass
from functools import cached_property

from mtbkd.base.gather import positions
from mtbkd.base.lazy import torch
from mtbkd.posterior.compiled.posterior import CompiledPosterior, compiled_posterior
from mtbkd.posterior.minibatch import Batch, Rows, Source
from mtbkd.posterior.problem import Problem


@dataclass(frozen=True)
class Budget(Problem):
    """The posterior of units that share their tables, which keeps these small enough for the processor's cache.

    ``x`` (R, P, *inputs), ``y`` (R, P) and ``constants`` (T, P, ...) hold all positions. Of the first ``labels`` positions a
    unit sees those outside its gap, with their labels; of the others the last ``transfer`` ones, without.

    Attributes:
        table: int64 (U,), each unit's row of the constants.
        labels: n.
        gap: int64 (U,), the position at which the examples that the unit's fold keeps out begin.
        width: how many they are; 0 for a fit on all labels.
        transfer: examples without label.
    """

    table: "torch.Tensor"
    labels: int
    gap: "torch.Tensor"
    width: int
    transfer: int

    @cached_property
    def compiled(self) -> CompiledPosterior | None:
        return compiled_posterior(self, any_temperature=True)

    @property
    def labelled(self) -> int:
        """Examples that a unit sees with their labels."""
        return self.labels - self.width

    @property
    def num_examples(self) -> int:
        return self.labelled + self.transfer

    def source(self, size: int) -> Source:
        """Half of the examples labelled, half of the transfer set where there is one."""
        own = size - size // 2 if self.transfer else size
        strata = [(0, self.labelled, own), (self.x.shape[1] - self.transfer, self.transfer, size - own)]
        return Source([each for each in strata if each[2]], own, self.data_row, self.table, self.gap, self.width)

    def full(self, units: "torch.Tensor") -> Batch:
        index = torch.arange(self.num_examples, device=self.x.device).expand(len(units), -1)
        return self.take(self._rows(units, index, self.labelled))

    def _rows(self, units: "torch.Tensor", index: "torch.Tensor", labelled: int) -> Rows:
        """Where the examples at ``index`` (E, m) of those that the units see lie, the ``labelled`` ones first."""
        place = index + self.width * (index >= self.gap[units].unsqueeze(-1)) if self.width else index
        place = torch.where(index < self.labelled, place, index - self.num_examples + self.x.shape[1])
        size = self.x.shape[1]
        row, unit = positions(self.data_row[units], place, size), positions(self.table[units], place, size)
        return Rows(row, unit, None, labelled)

    def joint(self) -> "Joint":
        """The same with the examples of every unit laid out in a row."""
        units = torch.arange(self.num_units, device=self.x.device)
        batch = self.full(units)
        return Joint(
            self.student, batch.x, batch.y, units, self.signal, batch.constants, self.shared, self.student_at_one, self
        )


@dataclass(frozen=True)
class Joint(Problem):
    """A plain problem, for algorithms that look into the data (Laplace, PyMC), with the minibatches of its budget."""

    budget: Budget

    @cached_property
    def compiled(self) -> CompiledPosterior | None:
        return self.budget.compiled

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> Batch | Rows:
        return self.budget.minibatch(units, size, generator)

    def take(self, rows: Rows) -> Batch:
        return self.budget.take(rows)
