"""log pi(theta | D): labels + teacher signal + Gaussian prior, the one target of every inference algorithm.

    log pi = (sum_{i labelled} log q[i, y_i] + beta sum_i signal_i(q_i) + log N(theta; 0, s^2 I)) / T

beta lambda = kappa is the strength of the teachers, in pseudo-labels an example, lambda their sharpness (method.md, 10.1).

T = 1 is the posterior; T < 1 is a "cold" one (Wenzel et al. 2020).

A *unit* is a replicate under one candidate of the shared settings; a *member* of an ensemble is a chain, start or sample
of a unit. Shapes: U units, E members, R replicates, N training examples, m minibatch, G teachers, K classes, P parameters.
"""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.posterior.compiled.posterior import CompiledPosterior, compiled_posterior
from mtbkd.posterior.density import full_log_posterior, gradient, log_posterior
from mtbkd.posterior.minibatch import Batch, Rows
from mtbkd.posterior.observed import Observed
from mtbkd.posterior.symbolic import build_model, unit_data
from mtbkd.signals import none, with_no_teacher
from mtbkd.signals.shared import Shared
from mtbkd.students import Student


@dataclass(frozen=True)
class Problem(Observed):
    """The posterior of U units, as a target of inference algorithms."""

    @cached_property
    def compiled(self) -> CompiledPosterior | None:
        """The compiled form of small students; None if there is none, as for a subclass with a gradient of its own."""
        return compiled_posterior(self) if type(self).gradient is Problem.gradient else None

    def release(self) -> None:
        """Forget the compiled form: it refers back to the problem, so that both would wait for the garbage collector."""
        self.__dict__.pop("compiled", None)

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> "Batch | Rows":
        """Every member draws its own ``size`` examples, with replacement."""
        if self.compiled:
            return self.compiled.draw(units, size, generator)
        return self.take(self.source(size).draw(units, self.x.shape[1], generator))

    def gradient(
        self, params: "torch.Tensor", units: "torch.Tensor", batch: "Batch | Rows", signal_power: float = 1.0,
        keep: "list[torch.Tensor] | None" = None,
    ) -> "torch.Tensor":  # fmt: skip
        """See ``mtbkd.posterior.density.gradient``."""
        if isinstance(batch, Rows):
            if self.compiled and keep is None:
                return self.compiled.gradient(params, units, batch, signal_power)
            batch = self.take(batch)
        return gradient(self, params, units, batch, signal_power, keep)

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """See ``mtbkd.posterior.density.full_log_posterior``."""
        if self.compiled and self.student_at_one and params.dtype == torch.float32:
            return self.compiled.log_density(params, units)
        return full_log_posterior(self, params, units)

    def sample(self, size: int, generator: "torch.Generator") -> Rows:
        """``size`` examples of each unit (U, size), drawn with replacement: what ``density`` reads."""
        units = self.members(1)
        if self.compiled:
            return self.compiled.draw(units, size, generator)
        return self.source(size).draw(units, self.x.shape[1], generator)

    def density(self, params: "torch.Tensor", units: "torch.Tensor", rows: Rows) -> "torch.Tensor":
        """Estimate of ``log_density`` (E,) by ``rows`` of the members (E, m), each of which stands for several examples."""
        if self.compiled and params.dtype == torch.float32:
            return self.compiled.density(params, units, rows)
        with torch.no_grad():
            return log_posterior(self, params, units, self.take(rows))

    def pymc_model(self) -> Any:
        """The first unit's posterior as a PyMC model of the one variable ``theta``."""
        return build_model(self)

    def pymc_data(self, unit: int) -> dict[str, Any]:
        """What makes ``pymc_model`` that of another unit."""
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
        shared: one value per unit.
        teacher_logits: (R or 1, N, G, K); needed by every signal but ``none``.
        weights: (R or 1, N, G).
        best: (R or 1,) position of the best teacher, None where it is not known.

    Raises:
        ContractError: the signal has teachers, and no logits are given.
    """
    require_teachers(signal, teacher_logits)
    constants: dict[str, torch.Tensor] = {}
    shared = adjusted(signal, shared)
    if teacher_logits is not None:

        def by_unit(value: "torch.Tensor | None") -> "torch.Tensor | None":
            return value if value is None else value[data_row if value.shape[0] > 1 else torch.zeros_like(data_row)]

        logits = teacher_logits[data_row if teacher_logits.shape[0] > 1 else torch.zeros_like(data_row)]
        weights, divisor = by_unit(weights), shared.teacher_temperature.view(-1, 1, 1, 1)
        if hasattr(signal, "temper"):
            prob, weights = signal.temper(logits, weights, divisor)
        else:
            prob = torch.softmax(logits / divisor, -1)
        constants = prepared(signal, signal_settings, prob, weights, shared, by_unit(best))
    at_one = bool((shared.student_temperature == 1).all())
    constants = {name: examples_last(value) for name, value in constants.items()}
    return Problem(student, x.contiguous(), y.contiguous(), data_row, signal, constants, shared, at_one)


def adjusted(signal: ModuleType, shared: Shared) -> Shared:
    """The shared settings as ``signal`` reads them."""
    return signal.adjust(shared) if hasattr(signal, "adjust") else shared


def prepared(
    signal: ModuleType, settings: Any, prob: "torch.Tensor", weights: "torch.Tensor | None", shared: Shared,
    best: "torch.Tensor | None" = None,
) -> "dict[str, torch.Tensor]":  # fmt: skip
    """The constants of ``signal``, of tempered teachers ``prob`` (U, N, G, K) and ``weights`` (U, N, G).

    A signal with a mixture has the component of no teacher where w0 > 0 in any unit.
    """
    mixes = "no_teacher" in signal.USES
    if mixes and weights is not None and shared.no_teacher is not None and (shared.no_teacher > 0).any():
        prob, weights = with_no_teacher(prob, weights, shared.no_teacher)
    constants = signal.prepare(prob, weights, shared.lam, settings, best)
    if mixes and shared.kappa is not None and "log_scale" in constants:
        power = signal.mixture(constants).power
        constants["log_scale"] = constants["log_scale"] - power * torch.lgamma(prob.shape[-1] + shared.lam).view(-1, 1, 1)
    return constants


def require_teachers(signal: ModuleType, teacher_logits: "torch.Tensor | None") -> None:
    """ContractError if ``signal`` is one of teachers that are not given."""
    if teacher_logits is None and signal is not none:
        name = signal.__name__.rpartition(".")[2]
        raise ContractError(f"signal {name}", "teacher_logits", "none", "logits of its teachers", "only none has no teachers")
