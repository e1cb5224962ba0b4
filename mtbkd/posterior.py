"""log pi(theta | D): labels + teacher signal + Gaussian prior, the one target of every inference algorithm.

    log pi = (sum_{i labelled} log q[i, y_i] + beta sum_i signal_i(q_i) + log N(theta; 0, s^2 I)) / T

T = 1 is the posterior; T < 1 is a "cold" one (Wenzel et al. 2020).

A *unit* is a replicate under one candidate of the shared settings; a *member* of an ensemble is a chain, start or sample
of a unit. Shapes: U units, E members, R replicates, N training examples, m minibatch, G teachers, K classes, P parameters.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mtbkd.compiled.posterior import CompiledPosterior, compiled_posterior
from mtbkd.gather import examples_last, take_columns, take_rows
from mtbkd.lazy import lazy_import
from mtbkd.minibatch import Batch, Rows, Source
from mtbkd.students import Student, init_ensemble

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")


@dataclass(frozen=True)
class Shared:
    """The settings that all methods share, one value a unit.

    Attributes:
        lam: (U,) concentration lambda of the teacher-informed prior.
        beta: (U,) power on the teacher term.
        prior_scale: (U,) standard deviation s of the Gaussian prior; inf leaves it out.
        teacher_temperature: (U,) divisor of the teachers' logits.
        student_temperature: (U,) divisor of the student's logits in the teacher term.
        temperature: (U,) T of the tempered posterior pi^(1/T), "cold" below 1; None: 1 for all.
    """

    lam: "torch.Tensor"
    beta: "torch.Tensor"
    prior_scale: "torch.Tensor"
    teacher_temperature: "torch.Tensor"
    student_temperature: "torch.Tensor"
    temperature: "torch.Tensor | None" = None


@dataclass(frozen=True)
class Problem:
    """The posterior of U units.

    Attributes:
        student: the network.
        x: (R or 1, N, *inputs), already through ``student.inputs``.
        y: int64 (R or 1, N), -1 for unlabelled.
        data_row: int64 (U,), each unit's row of ``x`` and ``y``.
        signal: module of mtbkd/signals.
        constants: what its ``prepare`` returned, each (U, N, ...).
        shared: the shared settings.
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
        """Units (U * count,) of an ensemble of ``count`` members a unit, unit by unit."""
        return torch.arange(self.num_units, device=self.x.device).repeat_interleave(count)

    @cached_property
    def compiled(self) -> CompiledPosterior | None:
        """The compiled form of small students' gradients; None where there is none."""
        return compiled_posterior(self)

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> "Batch | Rows":
        """Every member draws its own ``size`` examples, with replacement."""
        if self.compiled:
            return self.compiled.draw(units, size, generator)
        return self.take(self.source(size).draw(units, self.x.shape[1], generator))

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
        """Starting points (E, P), one a seed."""
        return init_ensemble(self.student, seeds, scale).to(self.x.device)

    def gradient(
        self, params: "torch.Tensor", units: "torch.Tensor", batch: "Batch | Rows", signal_power: float = 1.0,
        keep: "list[torch.Tensor] | None" = None,
    ) -> "torch.Tensor":  # fmt: skip
        """See ``gradient`` below."""
        if isinstance(batch, Rows):
            if self.compiled and keep is None:
                return self.compiled.gradient(params, units, batch, signal_power)
            batch = self.take(batch)
        return gradient(self, params, units, batch, signal_power, keep)

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """``full_log_posterior`` below."""
        return full_log_posterior(self, params, units)

    def pymc_model(self) -> Any:
        """The first unit's posterior as a PyMC model of the one variable ``theta``."""
        from mtbkd.inference.pymc_model import build_model

        return build_model(self)

    def pymc_data(self, unit: int) -> dict[str, Any]:
        """What makes ``pymc_model`` that of another unit."""
        from mtbkd.inference.pymc_model import unit_data

        return unit_data(self, unit)


def make_problem(
    student: Student,
    x: "torch.Tensor",
    y: "torch.Tensor",
    data_row: "torch.Tensor",
    signal: ModuleType,
    signal_settings: Any,
    shared: Shared,
    teacher_logits: "torch.Tensor | None" = None,
    weights: "torch.Tensor | None" = None,
    best: "torch.Tensor | None" = None,
) -> Problem:
    """Prepare the constants of ``signal`` and return the problem.

    Args:
        student: the network; ``x`` has passed its ``inputs``.
        x: (R or 1, N, *inputs).
        y: (R or 1, N).
        data_row: (U,).
        signal: module of mtbkd/signals, with its ``signal_settings``.
        shared: one value a unit.
        teacher_logits: (R or 1, N, G, K); needed by every signal but ``none``.
        weights: (R or 1, N, G).
        best: (R or 1,) position of the best teacher, None where it is not known.
    """
    constants: dict[str, torch.Tensor] = {}
    if teacher_logits is not None:

        def by_unit(value: "torch.Tensor | None") -> "torch.Tensor | None":
            return value if value is None else value[data_row if value.shape[0] > 1 else torch.zeros_like(data_row)]

        logits = teacher_logits[data_row if teacher_logits.shape[0] > 1 else torch.zeros_like(data_row)]
        prob = torch.softmax(logits / shared.teacher_temperature.view(-1, 1, 1, 1), -1)
        constants = signal.prepare(prob, by_unit(weights), shared.lam, signal_settings, by_unit(best))
    at_one = bool((shared.student_temperature == 1).all())
    constants = {name: examples_last(value) for name, value in constants.items()}
    return Problem(student, x.contiguous(), y.contiguous(), data_row, signal, constants, shared, at_one)


def log_posterior(
    problem: Problem,
    params: "torch.Tensor",
    units: "torch.Tensor",
    batch: Batch,
    signal_power: float = 1.0,
    keep: "list[torch.Tensor] | None" = None,
) -> "torch.Tensor":
    """Log-posterior (E,) of members ``params`` (E, P) of ``units`` (E,), up to the evidence.

    A minibatch of m examples stands for all N: its labels' and teachers' terms are scaled by N / m, or by the examples' own
    weights, the prior is not.
    ``signal_power`` in [0, 1] multiplies beta (warm-up); ``keep`` are dropout masks.
    """
    logits = problem.student.apply(params, batch.x, keep)
    log_q = torch.log_softmax(logits, -1)
    per_example = label_term(log_q, batch.y)
    if batch.constants:
        shared = problem.shared
        if not problem.student_at_one:
            log_q = torch.log_softmax(logits / shared.student_temperature[units].view(-1, 1, 1), -1)
        teacher = problem.signal.term(log_q, batch.constants, shared.lam[units])
        per_example = per_example + (signal_power * shared.beta[units]).unsqueeze(-1) * teacher
    if batch.weight is None:
        value = problem.num_examples / batch.y.shape[1] * per_example.sum(-1)
    else:
        value = (per_example * batch.weight.squeeze(-1)).sum(-1)
    value = value + log_prior(params, problem.shared.prior_scale[units])
    temperature = problem.shared.temperature
    return value if temperature is None else value / temperature[units]


def label_term(log_q: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor":
    """log q[y] (E, m) of ``log_q`` (E, m, K); 0 where unlabelled."""
    picked = log_q.gather(-1, y.clamp(min=0).expand(log_q.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    return torch.where(y >= 0, picked, torch.zeros_like(picked))


def log_prior(params: "torch.Tensor", scale: "torch.Tensor") -> "torch.Tensor":
    """log N(theta; 0, s^2 I) (E,); 0 where s is infinite (an improper flat prior)."""
    finite = torch.isfinite(scale)
    s = torch.where(finite, scale, torch.ones_like(scale))
    p = params.shape[-1]
    value = -0.5 * (params**2).sum(-1) / s**2 - p * torch.log(s) - 0.5 * p * math.log(2 * math.pi)
    return torch.where(finite, value, torch.zeros_like(value))


def gradient(
    problem: Problem,
    params: "torch.Tensor",
    units: "torch.Tensor",
    batch: Batch,
    signal_power: float = 1.0,
    keep: "list[torch.Tensor] | None" = None,
) -> "torch.Tensor":
    """Gradient (E, P) of ``log_posterior`` for every member; same arguments.

    Labels and teachers enter as a target on the logits, d log pi / d logits = t - (sum_k t_k) q with t = 1[k = y] plus beta
    times the signal's slope; only the network itself is differentiated automatically.
    """
    scale = problem.num_examples / batch.y.shape[1] if batch.weight is None else batch.weight

    def pull(logits: "torch.Tensor") -> "torch.Tensor":
        return logit_gradient(problem, logits, units, batch, signal_power).mul_(scale)

    with torch.no_grad():
        grad = problem.student.vjp(params, batch.x, pull, keep)
        grad.addcdiv_(params, problem.shared.prior_scale[units].square().unsqueeze(-1), value=-1)
        temperature = problem.shared.temperature
        return grad if temperature is None else grad.div_(temperature[units].unsqueeze(-1))


def logit_gradient(
    problem: Problem, logits: "torch.Tensor", units: "torch.Tensor", batch: Batch, signal_power: float
) -> "torch.Tensor":
    """Derivative (E, m, K) of the labels' and teachers' terms with respect to the logits.

    Computed with the classes first: sums over a few numbers side by side in memory take longer than the rest of a step.
    """
    shared, front = problem.shared, logits.movedim(-1, 0).contiguous()
    log_q = torch.log_softmax(front, 0)
    classes = torch.arange(len(front), device=front.device).view(-1, 1, 1)
    target = (batch.y == classes).to(front.dtype)
    if not batch.constants or not problem.student_at_one:
        target.addcmul_((batch.y >= 0).to(front.dtype), log_q.exp(), value=-1)
    if batch.constants:
        lam, power = shared.lam[units], (signal_power * shared.beta[units]).unsqueeze(-1)
        if problem.student_at_one:
            target.addcmul_(problem.signal.slope(log_q.movedim(0, -1), batch.constants, lam).movedim(-1, 0), power)
            target.addcmul_(target.sum(0), log_q.exp(), value=-1)
        else:
            temperature = shared.student_temperature[units].unsqueeze(-1)
            log_q = torch.log_softmax(front / temperature, 0)
            pull = problem.signal.slope(log_q.movedim(0, -1), batch.constants, lam).movedim(-1, 0) * (power / temperature)
            target.add_(pull).addcmul_(pull.sum(0), log_q.exp(), value=-1)
    return target.movedim(0, -1).contiguous()


def full_log_posterior(
    problem: Problem, params: "torch.Tensor", units: "torch.Tensor", max_logits: int = 20_000_000
) -> "torch.Tensor":
    """Log-posterior (E,) on all training examples, without gradients, in chunks of members that bound the memory."""
    per_member = problem.num_examples * max((*problem.student.hidden, 16))
    chunk = max(1, max_logits // per_member)
    with torch.no_grad():
        parts = [
            log_posterior(problem, params[i : i + chunk], units[i : i + chunk], problem.full(units[i : i + chunk]))
            for i in range(0, len(params), chunk)
        ]
    return torch.cat(parts)
