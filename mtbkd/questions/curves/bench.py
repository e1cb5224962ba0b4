"""What the fits of a label-count curve share: data, labels and teachers in the label order, and the posterior of any of them.

Shapes: R replicates, F folds, P positions of the label order, n labels, G teachers, K classes, U units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.inference.tuning import shared_of
from mtbkd.pooling import context as weighing
from mtbkd.posterior.problem import adjusted, make_problem
from mtbkd.questions.curves.budget import Order, fold_size, label_order
from mtbkd.questions.curves.spec import Spec
from mtbkd.questions.curves.target import Budget
from mtbkd.students import Student

Rows = list[dict[str, Any]]
# What the signal's constants depend on, the data apart.
READ_BY_CONSTANTS = ("lambda", "no_teacher", "teacher_temperature")


@dataclass(frozen=True)
class Bench:
    """What all budgets share; tensors in the label order: ``x`` (R, P, *inputs), ``y`` (R, P), ``logits`` (R, P, G, K).

    ``by_fold``: teachers that learnt from the labels at hand differ by fold: ``logits`` and ``weights`` have 1 + F rows a
    replicate, the first for fits on all labels.
    ``enough``: the first folds that together keep out so many labels judge candidates, the others do not; None: all judge.
    """

    spec: Spec
    student: Student
    dataset: Dataset
    order: Order
    replicates: tuple[int, ...]
    device: str
    x: "torch.Tensor"
    y: "torch.Tensor"
    logits: "torch.Tensor | None"
    weights: "torch.Tensor | None"
    by_fold: bool = False
    enough: int | None = None

    @classmethod
    def of(cls, spec: Spec, dataset: Dataset, teachers: Sequence[Logits], replicates: range) -> "Bench":
        """Raises ContractError where a teacher does not cover the training and validation splits."""
        fit, order, device = spec.fit, label_order(dataset, spec.fit.seed, replicates), resolve_device(spec.fit.device)
        module = registry.part("student", fit.student.architecture)
        settings = module.Settings.model_validate(fit.student.settings)
        student = module.build(settings, dataset.x.shape[2:], dataset.num_classes)
        x = student.inputs(torch.as_tensor(order.take(dataset.x), device=device)).contiguous()
        y = torch.as_tensor(order.take(dataset.y), device=device)
        logits = weights = None
        if fit.signal.name != "none":
            inside = np.isin(dataset.split, ("train", "val"))
            missing = [t.teacher for t in teachers if not t.covered[inside].all()]
            if missing or not teachers:
                raise ContractError(f"curve {spec.curve}, method {fit.method}", "teachers", f"no logits of {missing or 'any'}",
                                    "teachers that cover the training and validation splits")  # fmt: skip
            taken = order.take(stack_logits(list(teachers)))
            logits = torch.as_tensor(taken, device=device)
            if fit.weights is not None:
                if wanted := weighing.needs(fit.weights):
                    raise ContractError(f"curve {spec.curve}, method {fit.method}", "weights",
                                        f"'{fit.weights}', which depend on {' and '.join(sorted(wanted))}",
                                        "weights of predictions alone, because the number of labels varies")  # fmt: skip
                prob = torch.softmax(torch.as_tensor(taken, dtype=torch.float64), -1).numpy()
                weights = torch.as_tensor(registry.part("weights", fit.weights).weights(prob), dtype=x.dtype, device=device)
        return cls(spec, student, dataset, order, tuple(replicates), device, x, y, logits, weights)

    def judging_folds(self, n: int) -> int:
        """How many folds judge candidates."""
        folds = self.spec.folds
        return folds if self.enough is None else min(folds, -(-self.enough // max(1, fold_size(n, folds))))

    def target(self, units: Rows, n: int, transfer: int) -> Budget:
        """The posterior of ``units`` {setting: value, row: position of the replicate, fold: its number or -1 for none}.

        ``transfer``: how many of the examples behind the first n stay, without label.
        """
        rows = torch.tensor([unit["row"] for unit in units], device=self.device)
        folds = torch.tensor([unit["fold"] for unit in units], device=self.device)
        width = fold_size(n, self.spec.folds) if (folds >= 0).any() else 0
        table, constants = self._constants(units, n)
        signal = registry.part("signal", self.spec.fit.signal.name)
        shared = adjusted(signal, shared_of(units, self.device))
        return Budget(
            self.student, self.x, self.y, rows, signal, constants, shared, bool((shared.student_temperature == 1).all()),
            table, n, folds * width, width, transfer,
        )  # fmt: skip

    def _constants(self, units: Rows, n: int) -> "tuple[torch.Tensor, dict[str, torch.Tensor]]":
        """Each unit's row (U,) of the signal's constants, and these: one row a replicate and value of what they depend on."""
        keys = [(self._taught(unit), *(unit.get(name) for name in READ_BY_CONSTANTS)) for unit in units]
        distinct = list(dict.fromkeys(keys))
        table = torch.tensor([distinct.index(key) for key in keys], device=self.device)
        if self.logits is None:
            return table, {}
        first = {key: unit for key, unit in reversed(list(zip(keys, units, strict=True)))}
        rows = torch.tensor([key[0] for key in distinct], device=self.device)
        name, settings = self.spec.fit.signal.name, self.spec.fit.signal.settings
        signal = registry.part("signal", name)
        problem = make_problem(
            self.student, self.x, self.y, rows, signal, signal.Settings.model_validate(settings),
            shared_of([first[key] for key in distinct], self.device), self.logits, self.weights, self._best_teacher(n),
        )  # fmt: skip
        return table, problem.constants

    def _taught(self, unit: Mapping[str, Any]) -> int:
        """The row of the teachers' logits that ``unit`` reads."""
        return unit["row"] * (1 + self.spec.folds) + 1 + unit["fold"] if self.by_fold else unit["row"]

    def _best_teacher(self, n: int) -> "torch.Tensor":
        """Position (R,) of the teacher that is right on most of the n labels."""
        assert self.logits is not None
        if self.by_fold:
            return torch.zeros(len(self.logits), dtype=torch.int64, device=self.device)
        return (self.logits[:, :n].argmax(-1) == self.y[:, :n, None]).double().mean(1).argmax(-1)
