"""Minibatches: eligible examples, drawn examples, and their data.

Shapes: U units, E members, R replicates, N training examples, m minibatch.
"""

from typing import NamedTuple

from mtbkd.base.gather import positions
from mtbkd.base.lazy import torch


class Batch(NamedTuple):
    """Inputs of the log-posterior of E members.

    Attributes:
        x: (E or 1, m, *inputs).
        y: (E, m), -1 for unlabelled.
        constants: of the signal, each (E, m, ...).
        weight: (m, 1), how many examples each one stands for; None: N / m.
    """

    x: "torch.Tensor"
    y: "torch.Tensor"
    constants: "dict[str, torch.Tensor]"
    weight: "torch.Tensor | None" = None


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


class Source(NamedTuple):
    """What minibatches are drawn from, with replacement: so many places of each stratum, one stratum after another.

    Attributes:
        strata: first place, places, and how many of them a minibatch has, of each stratum.
        labelled: the first so many examples of a minibatch may use their labels.
        data_row, constants_row: int64 (U,), each unit's row of the data and of the signal's constants.
        gap, skip: places of the first stratum from a unit's ``gap`` (U,) on lie ``skip`` later.
    """

    strata: list[tuple[int, int, int]]
    labelled: int
    data_row: "torch.Tensor"
    constants_row: "torch.Tensor"
    gap: "torch.Tensor"
    skip: int = 0

    def draw(self, units: "torch.Tensor", n: int, generator: "torch.Generator") -> Rows:
        """A minibatch of every member of ``units`` (E,) from tables of ``n`` places a row."""
        device, places, weight = units.device, [], []
        for begin, count, size in self.strata:
            drawn = begin + torch.randint(count, (len(units), size), generator=generator, device=device, dtype=torch.int64)
            if self.skip and not places:
                drawn += self.skip * (drawn >= self.gap[units].unsqueeze(-1))
            places.append(drawn)
            weight.append(torch.full((size,), count / size, device=device))
        place = torch.cat(places, 1)
        of_all = None if len(places) == 1 else torch.cat(weight)
        row, unit = positions(self.data_row[units], place, n), positions(self.constants_row[units], place, n)
        return Rows(row, unit, of_all, self.labelled)
