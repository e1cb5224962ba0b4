"""What an optimiser's objective was along its steps: its training curve.

A curve is looked at a few dozen times, on the same few examples every time, so that it costs about a hundredth of the steps and
its changes are those of the parameters, not of the minibatch. Where the objective at the end is known on all examples, the
curve is shifted to end there.
Shapes: U units, S starts, E members, T looks, m examples, P parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.base.progress import note
from mtbkd.contracts.draws import Curve
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target

STARTS = 12  # of a unit that are looked at
FEWEST, MOST, EACH = 12, 60, 30  # looks: one in so many steps on average, denser at the start


def looks(steps: int) -> tuple[int, ...]:
    """After how many of ``steps`` to look: 0, then ever more seldom, the last step.

    >>> looks(20)
    (0, 1, 3, 4, 6, 8, 11, 13, 17, 20)
    """
    count = min(MOST, max(FEWEST, steps // EACH), steps + 1)
    return tuple(sorted({round(steps * (i / (count - 1)) ** 2) for i in range(count)}))


@dataclass
class Recorder:
    """Looks at the objective of some members of each unit while an optimiser is at work.

    Attributes:
        name: of the objective.
        at: the steps after which to look.
        members: int64 (U, S), positions of those that are looked at.
        share: one over the number of training examples.
        objective: what the optimiser has got (parameters (E, P), or another state) -> values (U * S,) of these members.
    """

    name: str
    at: tuple[int, ...]
    members: "torch.Tensor"
    share: float
    objective: "Callable[[Any], torch.Tensor]"
    values: "list[torch.Tensor]" = field(default_factory=list)

    def look(self, done: int, state: Any) -> None:
        """Keep the objective if it is time after ``done`` steps."""
        if done in self.at:
            self.values.append(self.objective(state))
            note(lambda: f"{self.name} {self.share * self.values[-1].median().item():.3f}")

    def curve(self, end: "torch.Tensor | None" = None) -> Curve:
        """What was seen, shifted to the objective at the end on all examples, ``end`` (E,), where it is known."""
        value = torch.stack(self.values, -1).double().view(*self.members.shape, -1)
        if end is not None:
            value += end[self.members].double().unsqueeze(-1) - value[..., -1:]
        steps = np.array(self.at[: len(self.values)], np.int64)
        return Curve(self.name, steps, (self.share * value).float().cpu().numpy())


def recorder(
    target: Target, count: int, size: int, steps: int, generator: "torch.Generator", wanted: bool
) -> Recorder | None:  # fmt: skip
    """Looks at the log-posterior of ``count`` members a unit by ``size`` examples; None where no curve is wanted."""
    if not wanted or not isinstance(target, Problem):
        return None
    members = torch.arange(target.num_units * count, device=target.x.device).view(-1, count)[:, :STARTS]
    value = estimate(target, target.members(members.shape[1]), size, generator)
    shown = members.flatten()
    return Recorder("log-posterior", looks(steps), members, 1 / target.num_examples, lambda params: value(params[shown]))


def estimate(
    problem: Problem, units: "torch.Tensor", size: int, generator: "torch.Generator"
) -> "Callable[[torch.Tensor], torch.Tensor]":
    """The log-posterior of members of ``units`` (E,) by the same ``size`` examples whenever it is asked for."""
    if size >= problem.num_examples:
        return lambda params: problem.log_density(params, units)
    rows = problem.sample(size, generator)
    rows = rows._replace(row=rows.row[units], unit=rows.unit[units])
    return lambda params: problem.density(params, units, rows)


def of_history(name: str, histories: np.ndarray, share: float) -> Curve:
    """The curve of an optimiser that keeps its objective at every step: ``histories`` (U, steps), in means between looks."""
    ends = np.array(looks(histories.shape[1])[1:])
    starts = np.concatenate([[0], ends[:-1]])
    means = np.add.reduceat(histories, starts, axis=1) / (ends - starts)
    return Curve(name, ends, (share * means[:, None]).astype(np.float32))
