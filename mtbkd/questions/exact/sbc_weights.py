"""Simulation-based calibration of full Bayes over the teachers' weights (``mtbkd.inference.nuts_weights``).

Weights from their prior, parameters from the teachers' prior at these weights (by sequential Monte Carlo, as it is tilted),
labels from the parameters; then the rank of the truth among posterior draws, uniform only if - log Z(w) is right (Talts et al.
2018). A student of two parameters, two teachers and a component of no teacher.
Shapes: U data sets, N examples, T quantities, L ranked draws.
"""

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, nuts_weights, prior_mass, smc
from mtbkd.inference.evidence import FAST
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.signals import tip
from mtbkd.signals.shared import Shared
from mtbkd.students.linear import Linear

EXAMPLES, LAMBDA, RANKED = 24, 2.0, 19
QUANTITIES = ("slope", "intercept", "weight of the first teacher", "weight of no teacher")
SETTINGS = {"chains": 1, "draws": 400, "tune": 300, "designs": 16, "particles": 40}


def problem() -> Problem:
    """Two teachers, one sure and one that says little; every third example will have a label."""
    x = torch.linspace(-2, 2, EXAMPLES).view(1, -1, 1)
    one, logit = torch.ones(1), torch.stack([3 * x[0, :, 0], torch.full((EXAMPLES,), -0.2)], 1)
    logits = torch.stack([torch.zeros_like(logit), logit], -1).unsqueeze(0)
    shared = Shared(LAMBDA * one, one, 1.5 * one, one, one, no_teacher=0.1 * one)
    y, weights = torch.zeros((1, EXAMPLES), dtype=torch.int64), torch.full((1, EXAMPLES, 2), 0.5)
    row = torch.tensor([0])
    return make_problem(Linear(1, 2, False), x, y, row, tip, tip.Settings(), shared, logits, weights)


def ranks(datasets: int, seed: int, with_mass: bool = True) -> np.ndarray:
    """Ranks (U, T) of the truth among RANKED thinned draws; without - log Z(w) where ``with_mass`` is false."""
    settings = nuts_weights.Settings.model_validate(SETTINGS)
    context = Context(seed, (0,), Training.model_validate({"steps": 100, "restarts": 1}), "cpu")
    of, rng = problem(), np.random.default_rng(derive(seed, "sbc weights"))
    weighted = nuts_weights.Weighted.of(of, 0, settings, context)
    truth = weighted.prior_draws(datasets, rng)
    theta = _parameters(of, truth, context)
    if not with_mass:
        weighted.log_z = lambda log_weights: 0.0 * log_weights.sum()  # type: ignore[method-assign]
    found = []
    for i, (weights, own) in enumerate(zip(truth, theta, strict=True)):
        log_q = torch.log_softmax(of.student.apply(own.unsqueeze(0), of.x), -1)[0]
        drawn = (torch.as_tensor(rng.random(EXAMPLES)) < log_q[:, 1].exp()).long()
        labelled = Problem(
            of.student, of.x, torch.where(torch.arange(EXAMPLES) % 3 == 0, drawn, -1).unsqueeze(0), of.data_row, tip,
            of.constants, of.shared, True,
        )  # fmt: skip
        own_context = Context(seed, (i,), context.training, "cpu")
        start = own_context.chain_starts(labelled, 1, 1.0).double().numpy()
        draws, stats = nuts_weights.sample(weighted, labelled, 0, start, settings, own_context)
        values = np.stack([*draws[0].T, stats["weight_0_0"][0], stats["no_teacher"][0]], 1)
        at = np.linspace(0, len(values) - 1, RANKED).round().astype(int)
        first, none = weights[0, 0] / (1 - weights[0, -1]), weights[0, -1]
        found.append((values[at] < np.array([*own.double().tolist(), first, none])).sum(0))
    return np.array(found)


def _parameters(of: Problem, weights: np.ndarray, context: Context) -> "torch.Tensor":
    """Parameters (U, P) from the prior of each of ``weights`` (U, 1, C)."""
    each = torch.as_tensor(np.repeat(weights, EXAMPLES, 1), dtype=torch.float32)
    several = prior_mass.at_weights(of, 0, each)
    settings = smc.Settings.model_validate({**FAST, "chains": 1, "final_sweeps": 10})
    # Every data set starts from particles of its own.
    own = Context(context.seed, tuple(range(len(weights))), context.training, "cpu")
    return smc.run(several, settings, smc.init(several, settings, own), own).params[:, 0, 0]


def told(found: np.ndarray) -> list[str]:
    """A line a quantity: p of uniform ranks, chi-square in five bins, and how far the mean rank is from the middle."""
    from scipy import stats

    lines, error = [], np.sqrt(((RANKED + 1) ** 2 - 1) / 12 / len(found))
    for name, own in zip(QUANTITIES, found.T, strict=True):
        p = stats.chisquare(np.bincount(own * 5 // (RANKED + 1), minlength=5))[1]
        away = (own.mean() - RANKED / 2) / error
        lines.append(f"{name}: p of uniform ranks {p:.3f}; mean rank {away:+.1f} standard errors from the middle")
    return lines
