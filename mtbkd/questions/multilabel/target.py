"""The posterior of a student with K Bernoulli outputs: the target that every inference algorithm samples.

    log pi = (sum_{i labelled} sum_k log Bernoulli(y_ik; q_ik) + beta sum_i sum_k signal_ik(q_ik) + log N(theta; 0, s^2 I)) / T

with q_ik = sigmoid(logit_ik). The signal is one of mtbkd/signals at two classes (absent, present) for every pair of an
example and a location: for ``tip``, log sum_g w_ikg Beta(q_ik; 1 + lambda p_gik, 1 + lambda (1 - p_gik)); for ``kd`` its limit
lambda sum_g w_ikg (p_gik log q_ik + (1 - p_gik) log(1 - q_ik)). With K = 1 this is the two-class softmax posterior of
mtbkd.posterior.problem. MT-BKD (arXiv 2605.27967) has one label an example; several are our extension.

Shapes: U units, E members, R data rows, T tables of the signal's constants, N examples, m minibatch, G teachers, K locations,
P parameters.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.gather import examples_last, positions, take_columns, take_rows
from mtbkd.base.lazy import torch
from mtbkd.posterior.density import log_prior
from mtbkd.posterior.minibatch import Batch
from mtbkd.posterior.problem import Problem, Shared, prepared, require_teachers
from mtbkd.signals import none
from mtbkd.students import Student

MAX_VALUES = 20_000_000  # in one chunk of the full log-density


@dataclass(frozen=True)
class Bernoulli(Problem):
    """The posterior of U units; ``y`` is float (R or 1, N, K): 1 present, 0 absent, -1 unlabelled.

    ``constants`` hold one table (N, ..., K) for every distinct set of what they depend on, since many units share them.

    Attributes:
        table: int64 (U,), each unit's row of the constants.
    """

    table: "torch.Tensor"

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> Batch:
        """Every member draws its own ``size`` examples, with replacement."""
        n = self.num_examples
        index = torch.randint(n, (len(units), size), generator=generator, device=self.x.device)
        row, table = positions(self.data_row[units], index, n), positions(self.table[units], index, n)
        constants = {name: take_columns(value, table) for name, value in self.constants.items()}
        return Batch(take_rows(self.x, row), take_rows(self.y, row), constants)

    def full(self, units: "torch.Tensor") -> Batch:
        """All training examples for every member."""
        rows, tables = self.data_row[units], self.table[units]
        x = self.x if self.x.shape[0] == 1 else self.x[rows]
        return Batch(x, self.y[rows], {name: value[tables] for name, value in self.constants.items()})

    def gradient(
        self, params: "torch.Tensor", units: "torch.Tensor", batch: Batch, signal_power: float = 1.0,
        keep: "list[torch.Tensor] | None" = None,
    ) -> "torch.Tensor":  # fmt: skip
        """Gradient (E, P) of ``log_posterior`` for every member; same arguments."""
        scale = self.num_examples / batch.y.shape[1]

        def pull(logits: "torch.Tensor") -> "torch.Tensor":
            return logit_gradient(self, logits, units, batch, signal_power).mul_(scale)

        with torch.no_grad():
            grad = self.student.vjp(params, batch.x, pull, keep)
            grad.addcdiv_(params, self.shared.prior_scale[units].square().unsqueeze(-1), value=-1)
            temperature = self.shared.temperature
            return grad if temperature is None else grad.div_(temperature[units].unsqueeze(-1))

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-posterior (E,) on all training examples, in chunks of members that bound the memory."""
        per_member = self.num_examples * max((*self.hidden, 8 * self.y.shape[-1]))
        chunk = max(1, MAX_VALUES // per_member)
        with torch.no_grad():
            parts = [
                log_posterior(self, params[i : i + chunk], units[i : i + chunk], self.full(units[i : i + chunk]))
                for i in range(0, len(params), chunk)
            ]
        return torch.cat(parts)

    def pymc_model(self) -> Any:
        """Not available: the PyMC model is that of a softmax student."""
        raise ContractError("a student of several labels", "inference", "an algorithm of PyMC", "one that samples in torch")


def make_bernoulli(
    student: Student, x: "torch.Tensor", y: "torch.Tensor", data_row: "torch.Tensor", signal: ModuleType, shared: Shared,
    teacher_logits: "torch.Tensor | None" = None, weights: "torch.Tensor | None" = None,
) -> Bernoulli:  # fmt: skip
    """Prepare the constants of ``signal`` and return the target.

    Args:
        student: with K logits; ``x`` has passed its ``inputs``.
        x: (R or 1, N, *inputs).
        y: (R or 1, N, K), 1, 0 or -1 for unlabelled.
        data_row: (U,).
        signal: module of mtbkd/signals, with its default settings.
        shared: one value a unit.
        teacher_logits: (N, G, K), of presence; needed by every signal but ``none``.
        weights: (N, K, G).
    """
    y = y.to(x.dtype).contiguous()
    at_one = bool((shared.student_temperature == 1).all())
    require_teachers(signal, teacher_logits)
    if teacher_logits is None or signal is none:
        return Bernoulli(student, x.contiguous(), y, data_row, signal, {}, shared, at_one, torch.zeros_like(data_row))
    read = (shared.lam, shared.teacher_temperature, *([] if shared.no_teacher is None else [shared.no_teacher]))
    keys = list(zip(*(value.tolist() for value in read), strict=True))
    distinct = list(dict.fromkeys(keys))
    first = torch.tensor([keys.index(key) for key in distinct], device=x.device)
    table = torch.tensor([distinct.index(key) for key in keys], device=x.device)
    taken: dict[str, Any] = {name: None if value is None else value[first] for name, value in vars(shared).items()}
    own = Shared(**taken)
    logits = teacher_logits.transpose(1, 2) / own.teacher_temperature.view(-1, 1, 1, 1)
    prob = torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], -1).flatten(1, 2)
    by_pair = None if weights is None else weights.flatten(0, 1).expand(len(first), -1, -1)
    found = prepared(signal, signal.Settings(), prob, by_pair, own)
    n, k = teacher_logits.shape[0], teacher_logits.shape[-1]
    constants = {name: examples_last(value.unflatten(1, (n, k)).movedim(2, -1)) for name, value in found.items()}
    return Bernoulli(student, x.contiguous(), y, data_row, signal, constants, shared, at_one, table)


def log_posterior(
    problem: Bernoulli, params: "torch.Tensor", units: "torch.Tensor", batch: Batch, signal_power: float = 1.0
) -> "torch.Tensor":
    """Log-posterior (E,) of members ``params`` (E, P) of ``units`` (E,), up to the evidence.

    A minibatch of m examples stands for all N, as in ``mtbkd.posterior.density.log_posterior``.
    """
    shared, logits = problem.shared, problem.student.apply(params, batch.x)
    value = label_term(logits, batch.y).sum(-1)
    if problem.has_signal:
        log_q = _log_pairs(logits / shared.student_temperature[units].view(-1, 1, 1))
        teacher = problem.signal.term(log_q, _by_location(batch.constants), _lam(problem, units))
        value = value + signal_power * shared.beta[units] * teacher.reshape(-1, *batch.y.shape[:2]).sum((0, 2))
    scale = problem.num_examples / batch.y.shape[1]
    value = scale * value + log_prior(params, shared.prior_scale[units])
    return value if shared.temperature is None else value / shared.temperature[units]


def label_term(logits: "torch.Tensor", y: "torch.Tensor") -> "torch.Tensor":
    """sum_k log Bernoulli(y_k; sigmoid(logit_k)) (E, m) of ``logits`` (E, m, K); 0 where unlabelled."""
    signed = torch.where(y > 0, logits, -logits)
    return torch.where(y >= 0, torch.nn.functional.logsigmoid(signed), torch.zeros_like(signed)).sum(-1)


def logit_gradient(
    problem: Bernoulli, logits: "torch.Tensor", units: "torch.Tensor", batch: Batch, signal_power: float
) -> "torch.Tensor":
    """Derivative (E, m, K) of the labels' and teachers' terms with respect to the logits.

    Labels give y - q. A signal with slopes t0, t1 with respect to log(1 - q) and log q gives t1 - (t0 + t1) q.
    """
    grad = (batch.y - torch.sigmoid(logits)).mul_(batch.y >= 0)
    if problem.has_signal:
        shared, locations = problem.shared, logits.shape[-1]
        temperature = shared.student_temperature[units].view(-1, 1, 1)
        log_q = _log_pairs(logits / temperature)
        slope = problem.signal.slope(log_q, _by_location(batch.constants), _lam(problem, units))
        absent, present = slope.movedim(-1, 0).unflatten(1, (locations, -1))
        pull = present - (absent + present) * log_q[..., 1].unflatten(0, (locations, -1)).exp()
        grad.addcmul_(pull.movedim(0, -1), (signal_power * shared.beta[units]).view(-1, 1, 1) / temperature)
    return grad


def responsibilities(problem: Bernoulli, params: "torch.Tensor", units: "torch.Tensor", batch: Batch) -> "torch.Tensor":
    """The share of each teacher in the ``tip`` prior of each location, (E, m, K, G): the weights the student chooses."""
    shared = problem.shared
    log_q = _log_pairs(problem.student.apply(params, batch.x) / shared.student_temperature[units].view(-1, 1, 1))
    share = problem.signal.responsibilities(log_q, _by_location(batch.constants), _lam(problem, units))
    return share.unflatten(0, (batch.y.shape[-1], -1)).movedim(0, 2)


def _log_pairs(logits: "torch.Tensor") -> "torch.Tensor":
    """log(1 - q), log q (K * E, m, 2) of ``logits`` (E, m, K): two-class log-probabilities as the signals take them."""
    front = logits.movedim(-1, 0).flatten(0, 1)
    log_sigmoid = torch.nn.functional.logsigmoid
    return torch.stack([log_sigmoid(-front), log_sigmoid(front)]).movedim(0, -1)


def _by_location(constants: "dict[str, torch.Tensor]") -> "dict[str, torch.Tensor]":
    """Constants (E, m, ..., K) as (K * E, m, ...), with the examples last in memory as they are taken."""
    found = {}
    for name, value in constants.items():
        front = value.permute(*range(2, value.ndim), 0, 1).flatten(-3, -2)
        found[name] = front.permute(-2, -1, *range(value.ndim - 3))
    return found


def _lam(problem: Bernoulli, units: "torch.Tensor") -> "torch.Tensor":
    return problem.shared.lam[units].repeat(problem.y.shape[-1])
