"""The log-posterior of a student and its gradient by torch's operators (``mtbkd.posterior.problem`` has the equation).

Shapes: E members, N training examples, m minibatch, K classes, P parameters.
"""

import math
from typing import TYPE_CHECKING

from mtbkd.base.lazy import torch
from mtbkd.posterior.minibatch import Batch

if TYPE_CHECKING:
    from mtbkd.posterior.observed import Observed


def log_posterior(
    problem: "Observed",
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
    if problem.has_signal:
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
    problem: "Observed",
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
    problem: "Observed", logits: "torch.Tensor", units: "torch.Tensor", batch: Batch, signal_power: float
) -> "torch.Tensor":
    """Derivative (E, m, K) of the labels' and teachers' terms with respect to the logits.

    Computed with the classes first: sums over a few numbers side by side in memory take longer than the rest of a step.
    """
    shared, front = problem.shared, logits.movedim(-1, 0).contiguous()
    log_q = torch.log_softmax(front, 0)
    classes = torch.arange(len(front), device=front.device).view(-1, 1, 1)
    target = (batch.y == classes).to(front.dtype)
    if not problem.has_signal or not problem.student_at_one:
        target.addcmul_((batch.y >= 0).to(front.dtype), log_q.exp(), value=-1)
    if problem.has_signal:
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
    problem: "Observed", params: "torch.Tensor", units: "torch.Tensor", max_logits: int | None = None
) -> "torch.Tensor":
    """Log-posterior (E,) on all training examples, without gradients, in chunks of members that bound the memory.

    By default, a chunk's activations stay near a CPU's cache, which takes half the time, or keep a GPU busy.
    """
    per_member = problem.num_examples * max((*problem.student.hidden, 16))
    chunk = max(1, (max_logits or (1_000_000 if params.device.type == "cpu" else 20_000_000)) // per_member)
    with torch.no_grad():
        parts = [
            log_posterior(problem, params[i : i + chunk], units[i : i + chunk], problem.full(units[i : i + chunk]))
            for i in range(0, len(params), chunk)
        ]
    return torch.cat(parts)
