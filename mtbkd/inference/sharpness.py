"""How far does a student's mixture prior choose between teachers? Mean |r - w| of responsibilities and weights.

Responsibilities r are the shares of the teachers in each example's prior at the student's prediction (``mtbkd.signals.tip``).
Where they stay at the weights w, the mixture is ``kd`` (method.md, 10.1), and to compare the two signals is to compare a fit
with itself. Under equal weights this is mean |r - 1/G|, at most 2 (G - 1) / G^2. Shapes: U units, N examples, G teachers.
"""

import math

from mtbkd.base.lazy import torch
from mtbkd.posterior.problem import Problem
from mtbkd.signals import log_beta

DRAWS = 20  # of a unit, over which the mean is taken
COLUMN = "responsibility_sharpness"


def sharpness(problem: Problem, params: "torch.Tensor") -> "list[float | None]":
    """Mean |r - w| over examples, teachers and draws of each unit; None for a fit that diverged, [] without a mixture.

    The component that believes no teacher is left out of both.

    Args:
        problem: the posterior.
        params: draws (U, ..., P).
    """
    if "no_teacher" not in getattr(problem.signal, "USES", ()) or problem.signal.mixture(problem.constants).log_scale is None:
        return []
    with torch.no_grad():
        found = [_of_unit(problem, unit, own.reshape(-1, own.shape[-1])) for unit, own in enumerate(params)]
        return [value if math.isfinite(value) else None for value in torch.stack(found).tolist()]


def _of_unit(problem: Problem, unit: int, params: "torch.Tensor") -> "torch.Tensor":
    """Mean over draws that did not diverge, NaN where all did."""
    units = torch.tensor([unit], device=problem.x.device)
    batch, shared = problem.full(units), problem.shared
    prob, log_scale, power, _ = problem.signal.mixture(batch.constants)
    assert log_scale is not None
    lam, none = shared.lam[units].view(-1, 1, 1, 1), prob.sum(-1) == 0
    weights = torch.softmax((log_scale + power * log_beta(1 + lam * prob)).masked_fill(none, -torch.inf), -1)
    gaps = []
    for each in params[:: -(-len(params) // DRAWS)].to(problem.x.device, problem.x.dtype).split(1):
        log_q = torch.log_softmax(problem.student.apply(each, batch.x) / shared.student_temperature[units].view(-1, 1, 1), -1)
        score = log_scale + power * lam.squeeze(-1) * (prob * log_q.unsqueeze(-2)).sum(-1)
        share = torch.softmax(score.masked_fill(none, -torch.inf), -1)
        gaps.append((share - weights).abs().masked_fill(none, 0).sum() / (~none).sum())
    return torch.stack(gaps).nanmean()
