"""The posteriors on which speed is measured: the three students of the paper's sizes, two teachers, numbers at random."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from mtbkd.base.lazy import torch
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.signals import tip
from mtbkd.students.mlp import Mlp

NUM_EXAMPLES, BATCH_SIZE, TEACHERS = 2_000, 64, 2


@dataclass(frozen=True)
class Case:
    """A student of ``sizes`` (inputs, hidden layers, classes) and what is asked of its speed.

    Attributes:
        name: shown.
        sizes: of its layers.
        replicates_bound: 8 replicates together against one, at most.
        loop_bound: a plain loop's chain-step against one of 64 chains, at least; None where nothing is asked.
    """

    name: str
    sizes: tuple[int, ...]
    replicates_bound: float
    loop_bound: float | None

    @property
    def student(self) -> Mlp:
        return Mlp(self.sizes)

    @property
    def label(self) -> str:
        return f"{self.student.num_params:,} parameters"


CASES = (
    Case("2-5-2 MLP", (2, 5, 2), 2.0, None),
    Case("5-10-5 MLP", (5, 10, 5), 2.0, 20.0),
    Case("320-128-10 head", (320, 128, 10), 4.0, 4.0),
)


def make(case: Case, replicates: int = 1, device: str = "cpu") -> Problem:
    """The posterior of ``replicates`` units, each with its own data; the same numbers on every ``device``."""
    generator = torch.Generator().manual_seed(0)
    classes, shape = case.sizes[-1], (replicates, NUM_EXAMPLES)
    x = torch.randn((*shape, case.sizes[0]), generator=generator)
    y = torch.randint(classes, shape, generator=generator)
    logits = torch.randn((*shape, TEACHERS, classes), generator=generator)
    weights, one = torch.full((*shape, TEACHERS), 1 / TEACHERS), torch.ones(replicates, device=device)
    shared = Shared(one, one, one, one, one)
    x, y, rows = (each.to(device) for each in (x, y, torch.arange(replicates)))
    return make_problem(case.student, x, y, rows, tip, tip.Settings(), shared, logits.to(device), weights.to(device))


def seconds(action: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = perf_counter()
    action()
    return perf_counter() - start


def best(action: Callable[[], Any], at_least: float = 0.15, repeats: int = 4) -> float:
    """Seconds a call: the best of several medians of calls that last ``at_least`` together, whatever else the machine does."""
    count = max(5, round(at_least / max(min(seconds(action) for _ in range(2)), 1e-7)))
    return min(median(seconds(action) for _ in range(count)) for _ in range(repeats))
