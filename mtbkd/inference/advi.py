"""Automatic differentiation variational inference (Kucukelbir et al. 2017) by PyMC: a Gaussian q, mean-field or full-rank.

The same target and families as vi.py's mean_field and full_rank, by another implementation, on all examples at every step or
on minibatches. A minibatch of m stands for all N examples: its labels' and teachers' terms count N/m times, the prior once.
PSIS k-hat of log p - log q, always on all examples, tells how far q is from the posterior.
"""

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Batch, DrawCount, Positive, Rate, Steps
from mtbkd.base.lazy import lazy_import, torch
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.inference.curves import of_history
from mtbkd.inference.pymc_model import Backend, resolve_backend
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target

if TYPE_CHECKING:
    import pymc as pm
else:
    pm = lazy_import("pymc")
pytensor = lazy_import("pytensor")

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "independent"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"log_ratio"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 2000  # q's factor is a dense matrix
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["advi", "fullrank_advi"] = Field("advi", description="independent coordinates, or a full covariance")
    steps: Steps = Field(3_000, description="optimiser steps")
    learning_rate: Rate = Field(0.01, description="learning rate of Adam, with cosine decay to zero")
    samples: DrawCount = Field(1, description="draws of theta per step")
    initial_scale: Positive = Field(0.03, description="initial sigma, around the MAP")
    batch_size: Batch | None = Field(None, description="examples per minibatch, redrawn at every step; null: all")
    draws: DrawCount = Field(400, description="number of independent draws")
    backend: Backend = Field("auto", description="compiler of the step: c, jax or numba; auto uses what is available")


class State(NamedTuple):
    """``mean`` (U, P) of q at the start: the MAP."""

    mean: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """A narrow q around the MAP."""
    return State(context.mode(target))


class Compiled(NamedTuple):
    """PyMC's inference with its step compiled, and ``start``: what q, Adam and the learning rate are before the first step."""

    inference: Any
    start: dict[Any, Any]


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Fit q for every unit with one compiled step, draw from it, and keep log p - log q of every draw for PSIS."""
    feed = Feed(target, settings.batch_size)
    compiled = _compile(feed, settings, derive(context.seed, "advi", first=context.replicates[0]) >> 33)
    num_params = target.num_params
    theta = np.full((target.num_units, settings.draws, num_params), np.nan)
    log_q, elbos = np.full(theta.shape[:2], np.nan), np.full((target.num_units, settings.steps), np.nan)
    for unit, replicate in enumerate(context.replicates):
        began = time.monotonic()
        feed.begin(target.pymc_data(unit), derive(context.seed, "advi minibatch", replicate=replicate))
        try:
            elbos[unit] = _maximise(compiled, settings, state.mean[unit].cpu().double().numpy())
        except FloatingPointError:
            log.warning("replicate %d: became non-finite; masked", replicate)
            continue
        rng = np.random.default_rng(derive(context.seed, "advi draws", replicate=replicate))
        theta[unit], log_q[unit] = _draw(compiled, rng.standard_normal((settings.draws, num_params)))
        elbo = elbos[unit, -100:].mean()
        log.info("replicate %d: %.1f s, ELBO %.1f", replicate, time.monotonic() - began, elbo)
    if context.curves is not None:
        context.curves.append(of_history("ELBO", elbos, 1 / target.num_examples))
    params = torch.as_tensor(theta, dtype=torch.float32)
    members = target.members(settings.draws)
    log_p = target.log_density(params.flatten(0, 1).to(members.device), members).cpu().double().numpy()
    ratio = log_p.reshape(log_q.shape) - log_q
    return Fit(params.unsqueeze(1), {"log_ratio": ratio[:, None]})


class Feed:
    """The model, and what its data are at each step: those of a unit, or of a minibatch of it drawn with replacement."""

    def __init__(self, target: Target, batch_size: int | None):
        self.size, shown = None, target
        # Minibatches are those of a student's posterior: of another density nobody knows which data belong to an example.
        if isinstance(target, Problem) and batch_size and batch_size < target.num_examples:
            self.size, shown = batch_size, first_examples(target, batch_size)
        self.model = shown.pymc_model()
        self.data: dict[str, np.ndarray] = {}
        self.rng = np.random.default_rng()

    def begin(self, data: dict[str, np.ndarray], seed: int) -> None:
        """Go over to the unit of ``data``."""
        self.data, self.rng = data, np.random.default_rng(seed)
        if self.size:
            self.next()
        else:
            pm.set_data(data, model=self.model)

    def next(self, *_: Any) -> None:
        """Draw another minibatch; a callback of PyMC's, called after every step."""
        if self.size:
            rows = self.rng.integers(self.data["labels"].shape[-1], size=self.size)
            for name, value in minibatch(self.data, rows).items():
                self.model[name].set_value(value)


def first_examples(problem: Problem, size: int) -> Problem:
    """The problem of only the first examples: a model of that size, whose data are then swapped."""
    constants = {name: value[:, :size] for name, value in problem.constants.items()}
    return replace(problem, x=problem.x[:, :size], y=problem.y[:, :size], constants=constants)


def minibatch(data: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    """What ``mtbkd.posterior.symbolic.unit_data`` gives, for examples ``rows`` (m,); labels and teachers' power times N/m."""
    scale = data["labels"].shape[-1] / len(rows)
    part = {name: value[..., rows] if value.ndim else value for name, value in data.items() if name != "x"}
    return part | {"x": data["x"][rows], "labels": scale * part["labels"], "beta": scale * part["beta"]}


def _compile(feed: Feed, settings: Settings, seed: int) -> Compiled:
    model = feed.model
    rate = pytensor.shared(settings.learning_rate, "learning_rate")

    def decay(approx: Any, losses: np.ndarray, step: int) -> None:
        rate.set_value(settings.learning_rate * 0.5 * (1 + np.cos(np.pi * len(losses) / settings.steps)))

    inference = {"advi": pm.ADVI, "fullrank_advi": pm.FullRankADVI}[settings.method](model=model, random_seed=seed)
    inference.fit(
        0, progressbar=False, obj_n_mc=settings.samples, obj_optimizer=pm.adam(learning_rate=rate),
        callbacks=[decay, feed.next], backend=resolve_backend(settings.backend),
    )  # fmt: skip
    values = {v: v.get_value() for v in inference.state.step.get_shared() if v not in model.data_vars}
    # Noise goes on from unit to unit; JAX keeps its generator out of reach anyway.
    return Compiled(inference, {v: x for v, x in values.items() if not isinstance(x, np.random.Generator)})


def _maximise(compiled: Compiled, settings: Settings, mean: np.ndarray) -> np.ndarray:
    """Fit q from a narrow Gaussian around ``mean`` (P,); return the ELBO (steps,), as each step estimated it."""
    if not np.isfinite(mean).all():
        raise FloatingPointError("no finite starting point")
    for variable, value in compiled.start.items():
        variable.set_value(value)
    q, rho = compiled.inference.approx.groups[0].params_dict, np.log(np.expm1(settings.initial_scale))
    q["mu"].set_value(mean)
    if "rho" in q:
        q["rho"].set_value(np.full_like(mean, rho))
    else:
        q["L_tril"].set_value(np.diag(np.full_like(mean, rho))[np.tril_indices(mean.size)])
    compiled.inference.refine(settings.steps, progressbar=False)
    return -compiled.inference.hist[-settings.steps :]


def _draw(compiled: Compiled, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """theta (D, P) = mu + L noise and log q (D,), of standard normal ``noise``; PyMC keeps L's diagonal through softplus."""
    q = {name: np.asarray(v.get_value()) for name, v in compiled.inference.approx.groups[0].params_dict.items()}
    size = q["mu"].size
    factor = np.diag(q.get("rho", np.zeros(size)))
    if "L_tril" in q:
        factor[np.tril_indices(size)] = q["L_tril"]
    diagonal = np.logaddexp(0, factor.diagonal())
    np.fill_diagonal(factor, diagonal)
    log_q = -0.5 * (noise**2 + np.log(2 * np.pi)).sum(-1) - np.log(diagonal).sum()
    return q["mu"] + noise @ factor.T, log_q
