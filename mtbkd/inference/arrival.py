"""Has the optimiser of a point estimate converged? The gain in log-posterior from a few better steps.

The gain of the optimiser's own last steps cannot tell: it vanishes with a learning rate that decays to zero, wherever the fit
stands. A quasi-Newton ascent on all examples (L-BFGS, Liu & Nocedal 1989), which adapts its steps to the curvature, is started
from the estimate instead. Near a mode it gains what the gradient leaves, g' H^-1 g / 2, the gradient norm in units of the
log-posterior. Shapes: U units, P parameters.
"""

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import full_gradient

EVALUATIONS = 10  # of log-posterior and gradient on all examples, a unit


def shortfalls(problem: Problem, params: "torch.Tensor") -> np.ndarray:
    """Log-posterior, in nats per label, that EVALUATIONS of L-BFGS add to point estimates: (U, 1, 1), never negative.

    Labels are those of the examples and the beta * lambda pseudo-labels that the teachers put beside each; a tempered
    log-posterior counts untempered. NaN where an estimate became non-finite.

    Args:
        problem: the posterior.
        params: (U, 1, 1, P) on the CPU.
    """
    gains = [_gain(problem, unit, own.numpy()) for unit, own in enumerate(params[:, 0, 0].double())]
    return (np.array(gains) / _labels(problem))[:, None, None]


def _gain(problem: Problem, unit: int, start: np.ndarray) -> float:
    from scipy.optimize import minimize

    device, which = problem.x.device, torch.tensor([unit], device=problem.x.device)

    def fall(theta: np.ndarray) -> tuple[float, np.ndarray]:
        params = torch.as_tensor(theta[None], dtype=torch.float32, device=device)
        values.append(-float(problem.log_density(params, which)))
        return values[-1], -full_gradient(problem, params, which)[0].double().cpu().numpy()

    if not np.isfinite(start).all():
        return np.nan
    values: list[float] = []
    found = minimize(fall, start, jac=True, method="L-BFGS-B", options={"maxfun": EVALUATIONS})
    return values[0] - float(found.fun)


def _labels(problem: Problem) -> np.ndarray:
    """Labels and pseudo-labels (U,), over the temperature."""
    shared, n = problem.shared, problem.num_examples
    labels = (problem.y >= 0).sum(1)[problem.data_row].double()
    if problem.has_signal:
        labels = labels + n * (shared.beta * shared.lam).double()
    return (labels if shared.temperature is None else labels / shared.temperature).cpu().numpy()
