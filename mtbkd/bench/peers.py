"""Reference implementations, measured in the same run.

plain loop    one chain, automatic differentiation of the log-posterior, a copy of the parameters every step: published scripts
posteriors    SGLD of the package of that name (Duffield et al. 2025), where it is installed
NUTS          PyMC's, on a linear student, in draws per second
"""

import importlib
import math
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mtbkd.base.lazy import torch
from mtbkd.bench.problems import BATCH_SIZE, Case, best, make, seconds
from mtbkd.inference import Context, nuts
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.signals import tip
from mtbkd.students.linear import Linear

Layers = dict[str, "torch.Tensor"]


def layers_of(case: Case, params: "torch.Tensor") -> Layers:
    """The flat parameters (P,) as weights and biases of their own."""
    found, offset = {}, 0
    for number, (a, b) in enumerate(pairwise(case.sizes)):
        found[f"weight{number}"] = params[offset : offset + a * b].view(a, b).clone()
        found[f"bias{number}"] = params[offset + a * b : offset + (a + 1) * b].clone()
        offset += (a + 1) * b
    return found


def log_posterior(layers: Layers, problem: Problem, index: "torch.Tensor") -> "torch.Tensor":
    """Labels, mixture of Dirichlets and Gaussian prior as the equation has them, on examples ``index`` (m,) of the first unit.

    The teachers' constants are taken as computed beforehand: published scripts often compute them anew in every step.
    """
    x, y, constants = problem.x[0, index], problem.y[0, index], problem.constants
    last = len(layers) // 2 - 1
    for number in range(last + 1):
        x = x @ layers[f"weight{number}"] + layers[f"bias{number}"]
        x = torch.relu(x) if number < last else x
    log_q = torch.log_softmax(x, -1)
    cross = (constants["prob"][0, index] * log_q.unsqueeze(1)).sum(-1)
    teacher = torch.logsumexp(constants["log_scale"][0, index] + problem.shared.lam[0] * cross, -1)
    label = log_q.gather(1, y.unsqueeze(1)).squeeze(1)
    scale = problem.shared.prior_scale[0]
    prior = torch.stack([torch.distributions.Normal(0.0, scale).log_prob(p).sum() for p in layers.values()]).sum()
    return problem.num_examples / len(index) * (label + problem.shared.beta[0] * teacher).sum() + prior


def plain_loop(case: Case, step_size: float = 1e-9) -> Callable[[], None]:
    """A step of the plain loop."""
    problem, kept = make(case), []
    layers = layers_of(case, case.student.init(torch.Generator().manual_seed(0)))

    def step() -> None:
        index = torch.randint(problem.num_examples, (BATCH_SIZE,))
        for p in layers.values():
            p.requires_grad_()
        grads = torch.autograd.grad(log_posterior(layers, problem, index), list(layers.values()))
        with torch.no_grad():
            for (name, p), grad in zip(layers.items(), grads, strict=True):
                layers[name] = p + step_size * grad + math.sqrt(2 * step_size) * torch.randn_like(p)
        kept[:] = [{name: p.clone() for name, p in layers.items()}]

    return step


def posteriors_step(case: Case) -> Callable[[], None] | None:
    """A step of ``posteriors``' SGLD for one chain; None where the package is not installed."""
    try:
        with warnings.catch_warnings(action="ignore"):
            package = importlib.import_module("posteriors")
    except ImportError:
        return None
    problem = make(case)
    transform = package.sgmcmc.sgld.build(
        lambda layers, index: (log_posterior(layers, problem, index), torch.tensor(0.0)), 1e-9
    )
    state = transform.init(layers_of(case, case.student.init(torch.Generator().manual_seed(0))))

    def step() -> None:
        transform.update(state, torch.randint(problem.num_examples, (BATCH_SIZE,)), inplace=True)

    return step


def chain_step_seconds(case: Case) -> dict[str, float | str]:
    """Seconds of a chain-step of the plain loop and of ``posteriors``."""
    other = posteriors_step(case)
    return {"plain loop": best(plain_loop(case), 0.4), "posteriors": best(other, 0.4) if other else "not installed"}


def nuts_problem(examples: int = 300) -> Problem:
    """The posterior of a linear student of 12 parameters."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn((1, examples, 3), generator=generator), torch.randint(4, (1, examples), generator=generator)
    logits, one = torch.randn((1, examples, 2, 4), generator=generator), torch.ones(1)
    weights, shared = torch.full((1, examples, 2), 0.5), Shared(one, one, one, one, one)
    return make_problem(Linear(3, 4, False), x, y, torch.tensor([0]), tip, tip.Settings(), shared, logits, weights)


def nuts_draws() -> dict[str, Any]:
    """Draws per second of NUTS on a linear student, tuning included and compilation told apart."""
    problem = nuts_problem()
    context, state = Context(0, (0,), Training.model_validate({}), "cpu"), nuts.State(torch.zeros(2, problem.num_params))

    def run(draws: int) -> float:
        settings = nuts.Settings.model_validate({"chains": 2, "draws": draws, "tune": 300})
        return seconds(lambda: nuts.run(problem, settings, state, context))

    first, few, many = run(100), run(100), run(3_100)
    rate = 2 * 3_000 / max(many - few, 1e-9)
    return {
        "parameters": problem.num_params,
        "examples": problem.num_examples,
        "draws_per_s": rate,
        "first_run_s": first,
        "next_run_s": few,
    }
