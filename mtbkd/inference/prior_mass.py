"""The constant Z(w) of a teacher-informed prior as a function of the weights w of its mixture.

    Z(w) = int N(theta; 0, s^2 I) prod_i [ sum_c w_c(d_i) f_ic(theta) ]^beta dtheta,   f_ic = Dir(q_i(theta); 1 + lambda p_ic)

A prior of w needs it: without - log Z(w) the posterior of w is not that of w, but one tilted by Z. Sequential
Monte Carlo without labels runs at J weights; its M particles, pooled, are draws of the mixture of these J priors, so that

    Z(w) ~ (1 / M) sum_m prod_i [...]^beta / sum_j (M_j / M) prod_i [... at w_j]^beta / Z(w_j)

(Veach & Guibas 1995; Shirts & Chodera 2008): a smooth function of w, which PyMC differentiates. ``effective`` says how many of
the particles count at given weights. Components c are the teachers and, last, the one that believes no teacher if there is one.
Shapes: N examples, C components, B domains, J designs, M particles, P parameters, S weights.
"""

from typing import NamedTuple

import numpy as np

from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.inference import Context, smc
from mtbkd.posterior.problem import Problem
from mtbkd.signals import log_beta, tip


class PriorMass(NamedTuple):
    """``ratio`` (M, N, C): f_ic at every particle over its largest component; ``log_weight`` (M,) of the particles, which holds
    what was divided by; ``domain`` (N,) of the examples; ``power`` beta."""

    ratio: np.ndarray
    log_weight: np.ndarray
    domain: np.ndarray
    power: float

    def log_terms(self, weights: np.ndarray) -> np.ndarray:
        """Logarithms (S, M) of the particles' terms at ``weights`` (S, B, C)."""
        mixed = np.einsum("mnc,snc->smn", self.ratio, weights[:, self.domain])
        return self.power * np.log(mixed).sum(-1) + self.log_weight

    def log_z(self, weights: np.ndarray) -> np.ndarray:
        """log Z (S,) at ``weights`` (S, B, C)."""
        return np.logaddexp.reduce(self.log_terms(weights), 1)

    def effective(self, weights: np.ndarray) -> np.ndarray:
        """Effective number (S,) of particles at ``weights`` (S, B, C)."""
        terms = self.log_terms(weights)
        share = np.exp(terms - np.logaddexp.reduce(terms, 1, keepdims=True))
        return 1 / np.square(share).sum(1)


def log_components(problem: Problem, unit: int, params: "torch.Tensor") -> "torch.Tensor":
    """log f_ic (M, N, C) of one unit at ``params`` (M, P)."""
    row = int(problem.data_row[unit]) if problem.x.shape[0] > 1 else 0
    log_q = torch.log_softmax(problem.student.apply(params, problem.x[row : row + 1]), -1)
    lam, prob = problem.shared.lam[unit : unit + 1], problem.constants["prob"][unit : unit + 1]
    constants = {"prob": prob, "log_scale": -log_beta(1 + lam * prob)}
    return tip.log_components(log_q, constants, lam)


def prior_mass(
    problem: Problem, unit: int, domain: np.ndarray, design: np.ndarray, settings: smc.Settings, context: Context
) -> PriorMass:
    """Z(w) of one unit.

    Args:
        problem: its signal is tip.
        unit: its position.
        domain: int (N,) of the examples.
        design: weights (J, B, C) at which particles are drawn; those of interest must lie among them: the corners, too, as
            the particles of middling weights hardly count there.
        settings: of the sequential Monte Carlo.
        context: seeds.
    """
    weights = torch.as_tensor(design[:, domain], dtype=problem.x.dtype)
    several = at_weights(problem, unit, weights)
    found = smc.run(several, settings, smc.init(several, settings, replace_units(context, len(design))), context)
    log_z = torch.as_tensor(found.sample_stats["log_evidence"][..., 0]).logsumexp(1) - np.log(settings.chains)
    with torch.no_grad():
        log_f = log_components(problem, unit, found.params.flatten(0, 2)).double()
    top = log_f.amax(-1, keepdim=True)
    beta, each = float(problem.shared.beta[unit]), settings.chains * settings.particles
    mass = PriorMass((log_f - top).exp().numpy(), np.zeros(len(log_f)), domain, beta)
    # What was divided out is the same above and below, so that it cancels.
    below = torch.logsumexp(torch.as_tensor(mass.log_terms(design)) - log_z.unsqueeze(1), 0) - np.log(len(design))
    return mass._replace(log_weight=-below.numpy() - np.log(each * len(design)))


def replace_units(context: Context, units: int) -> Context:
    """``context`` for as many units of its first replicate."""
    return Context(context.seed, (context.replicates[0],) * units, context.training, context.device)


def at_weights(problem: Problem, unit: int, weights: "torch.Tensor") -> Problem:
    """The unit's prior, no label known, under each of ``weights`` (J, N, C)."""
    rows = torch.full((len(weights),), unit)
    prob, shared = problem.constants["prob"][rows], problem.shared.take(rows)
    constants = {"prob": prob, "log_scale": weights.log() - log_beta(1 + shared.lam.view(-1, 1, 1, 1) * prob)}
    constants = {name: examples_last(value) for name, value in constants.items()}
    return Problem(
        problem.student, problem.x, torch.full_like(problem.y, -1), problem.data_row[rows], tip, constants, shared,
        problem.student_at_one,
    )  # fmt: skip
