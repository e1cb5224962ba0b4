"""Laplace approximation (MacKay 1992; Daxberger et al. 2021) of the whole posterior: labels, teachers and prior.

    q(theta) = N(theta*, Lambda^-1),   Lambda = - Hessian of log pi(theta | D) at the mode theta*

The Hessian of a student's posterior is exact, row j being the derivative of the gradient's component j, many rows as one batch
(central differences of the gradient for other targets, which offer no second derivative). It therefore holds what the curvature
of cross-entropy does not, the mixture's between-teacher term: for a tip student

    Hessian of log sum_g w_g Dir_g = sum_g r_g Hessian log Dir_g + Cov_r(grad log Dir_g),   r = responsibilities,

whose positive part widens q where teachers disagree. Directions of a precision below the prior's own 1 / (s^2 T), negative
ones among them, get that of the prior (1e-6 of the largest for targets without a prior); the log says how many.

theta* is the best MAP run, polished in double precision: full-batch Adam, then Newton steps |Lambda|^-1 gradient, each of the
length among 1, 1/2, ..., 1/64 that raises log pi most, until the Newton decrement says that theta* is within 1e-4 posterior
standard deviations of the mode, or no step leads up. A ReLU network has its mode on kinks, where the gradient jumps instead of
vanishing: the log then shows some tenths of a standard deviation, and the Hessian, that of one side, leaves out what the kinks
add, so that q is too wide (on 2-5-2 students log pi fell by 5 to 7 at one sd of some directions, not 1/2): k-hat shows it.

``diagonal`` keeps Lambda's diagonal; ``last_layer`` fixes all parameters before the last dense layer at the mode, and so has no
density over theta to give PSIS. Kronecker factors, as in laplace-torch, are left out: they assume a likelihood whose curvature
is that of cross-entropy, without the between-teacher term.
"""

import logging
import math
from dataclasses import replace
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import DrawCount
from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import torch
from mtbkd.inference import Context, Fit
from mtbkd.inference.last_layer import behind_features, last_layer
from mtbkd.inference.optimise import Ascent
from mtbkd.posterior.density import log_posterior
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "independent"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"log_ratio"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = None  # but see max_params
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
HESSIAN_LIMIT = 2_000  # rows, each a pass over all examples
STEP = 1e-5  # of central differences, whose error in double precision is about its square
DECREMENT = 1e-8  # square of the distance to the mode in posterior standard deviations


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    curvature: Literal["full", "diagonal", "last_layer"] = Field(
        "full", description="form of the Hessian: full, its diagonal, or the block of the last dense layer"
    )
    polish: int = Field(
        1000, ge=0, le=10_000_000, description="full-batch Adam steps after the MAP fit, at a tenth of its learning rate"
    )
    newton: int = Field(10, ge=0, le=10_000, description="maximum number of Newton steps after these")
    draws: DrawCount = Field(400, description="number of independent draws")


class State(NamedTuple):
    """q: ``mean`` (U, P), and a ``root`` (U, B, B) of the covariance of the last B parameters, the others being fixed."""

    mean: "torch.Tensor"
    root: "torch.Tensor"


def max_params(settings: Settings) -> int | None:
    """The largest student that these settings are for; None: any whose last layer is below the limit."""
    return None if settings.curvature == "last_layer" else HESSIAN_LIMIT


def init(target: Target, settings: Settings, context: Context) -> State:
    """The mode and the curvature there."""
    begin = last_layer(target) if settings.curvature == "last_layer" else 0
    if (rows := target.num_params - begin) > HESSIAN_LIMIT:
        hint = "curvature: last_layer" if settings.curvature != "last_layer" else "a narrower last hidden layer"
        raise ConfigError(
            f"settings of laplace: found curvature: {settings.curvature} of {rows:,} parameters; "
            f"allowed: at most {HESSIAN_LIMIT:,}. Hint: {hint}"
        )
    start, target = context.mode(target).double(), in_double(target)
    mean = polish(target, start, settings.polish, 0.1 * context.training.learning_rate)
    free = behind_features(target, mean) if begin and isinstance(target, Problem) else target
    block, precision, distance = newton(free, mean[:, begin:], settings.newton)
    if settings.curvature == "diagonal":
        precision = torch.diag_embed(precision.diagonal(dim1=1, dim2=2))
    value, vector = torch.linalg.eigh(precision)
    raised = value < (1 - 1e-6) * (floor := least_precision(target, value))
    for unit, replicate in enumerate(context.replicates):
        log.info("replicate %d: within %.1g sd of the mode, %d of %d precisions raised to the prior's", replicate,
                 distance[unit], raised[unit].sum(), rows)  # fmt: skip
    return State(torch.cat([mean[:, :begin], block], 1), vector * value.maximum(floor).rsqrt().unsqueeze(1))


def in_double(target: Target) -> Target:
    """The same posterior in double precision; other targets follow the precision of the parameters."""
    if not isinstance(target, Problem):
        return target

    def double(part: "dict[str, torch.Tensor | None]") -> "dict[str, torch.Tensor | None]":
        return {name: value.double() if value is not None else None for name, value in part.items()}

    shared = replace(target.shared, **double(vars(target.shared)))
    return replace(target, x=target.x.double(), constants=double(dict(target.constants)), shared=shared)


def polish(target: Target, start: "torch.Tensor", steps: int, learning_rate: float) -> "torch.Tensor":
    """Parameters (U, P) after full-batch Adam steps from ``start`` (U, P)."""
    params, units = start.clone(), target.members(1)
    ascent, batch = Ascent(params, learning_rate, max(1, steps)), target.full(units)
    for _ in range(steps):
        ascent.step(target.gradient(params, units, batch) / target.num_examples)
    return params


class Mode(NamedTuple):
    """``mean`` (U, P), ``precision`` (U, P, P) and ``distance`` (U,) from the mode in posterior standard deviations."""

    mean: "torch.Tensor"
    precision: "torch.Tensor"
    distance: "torch.Tensor"


def newton(target: Target, mean: "torch.Tensor", steps: int) -> Mode:
    """At most ``steps`` Newton steps from ``mean`` (U, P); a unit that is not finite stays."""
    units, done = target.members(1), 0
    while True:
        precision = -hessian(target, mean)
        finite = precision.isfinite().all(2).all(1)
        eye = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        precision = torch.where(finite.view(-1, 1, 1), precision, eye)
        grad = target.gradient(mean, units, target.full(units)).unsqueeze(-1)
        value, vector = torch.linalg.eigh(precision)
        scale, inner = value.abs().maximum(least_precision(target, value)), (vector.mT @ grad).squeeze(-1)
        decrement = (inner.square() / scale).sum(-1)
        if done == steps or not (decrement > DECREMENT).any():
            return Mode(mean, precision, decrement.sqrt())
        moved = search(target, mean, (vector @ (inner / scale).unsqueeze(-1)).squeeze(-1))
        if torch.equal(moved.nan_to_num(), mean.nan_to_num()):
            return Mode(mean, precision, decrement.sqrt())
        mean, done = moved, done + 1


def search(target: Target, mean: "torch.Tensor", step: "torch.Tensor") -> "torch.Tensor":
    """``mean`` (U, P) moved by the best of 0, 1/64, 1/32, ..., 1 times ``step`` (U, P)."""
    lengths = torch.tensor([0.0] + [0.5**k for k in range(6, -1, -1)], dtype=mean.dtype, device=mean.device)
    tried = mean.unsqueeze(1) + lengths.view(1, -1, 1) * step.unsqueeze(1)
    value = target.log_density(tried.flatten(0, 1), target.members(len(lengths))).view(tried.shape[:2])
    return tried[torch.arange(len(mean)), value.nan_to_num(nan=-torch.inf).argmax(1)]


def hessian(target: Target, mean: "torch.Tensor", max_entries: int | None = None) -> "torch.Tensor":
    """Second derivatives (U, P, P) of the log-density at ``mean`` (U, P), rows in chunks that bound the memory.

    By default, a chunk's activations stay near a CPU's cache, or keep a GPU busy.
    """
    size = mean.shape[1]
    units, rows = target.members(size), torch.arange(size, device=mean.device).repeat(len(mean)).unsqueeze(1)
    most = max_entries or (500_000 if mean.device.type == "cpu" else 2_000_000)
    # A module's layers hold more of an example than its dense ones say, and second derivatives keep all of it.
    width = getattr(target.student, "width", 0) if isinstance(target, Problem) else 0
    chunk = max(1, most // (target.num_examples * max((*target.hidden, 16, width))))
    found = []
    for begin in range(0, len(rows), chunk):
        part = slice(begin, begin + chunk)
        found.append(_rows(target, mean[units[part]], units[part], rows[part]))
    matrix = torch.cat(found).view(len(mean), size, size)
    return (matrix + matrix.mT) / 2


def _rows(target: Target, params: "torch.Tensor", units: "torch.Tensor", rows: "torch.Tensor") -> "torch.Tensor":
    """Row ``rows`` (E, 1) of the Hessian at each of ``params`` (E, P), (E, P)."""
    if not isinstance(target, Problem):
        step, batch = torch.zeros_like(params).scatter_(1, rows, STEP), target.full(units)
        above, below = target.gradient(params + step, units, batch), target.gradient(params - step, units, batch)
        return (above - below) / (2 * STEP)
    with torch.enable_grad():
        leaf = params.detach().requires_grad_()
        value = log_posterior(target, leaf, units, target.full(units)).sum()
        (grad,) = torch.autograd.grad(value, leaf, create_graph=True)
        (row,) = torch.autograd.grad(grad.gather(1, rows).sum(), leaf)
    return row


def least_precision(target: Target, value: "torch.Tensor") -> "torch.Tensor":
    """The precision (U, 1) below which no direction is left, for eigenvalues ``value`` (U, P)."""
    if not isinstance(target, Problem):
        return 1e-6 * value.abs().amax(-1, keepdim=True)
    shared = target.shared
    prior = shared.prior_scale.square().reciprocal().unsqueeze(-1)
    return prior if shared.temperature is None else prior / shared.temperature.unsqueeze(-1)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Independent draws of q, and log p - log q of each where no parameter is fixed."""
    generator, free = context.generator("laplace"), state.root.shape[1]
    shape = (target.num_units, settings.draws, free)
    noise = torch.randn(shape, generator=generator, device=generator.device, dtype=state.root.dtype)
    theta = state.mean.unsqueeze(1).repeat(1, settings.draws, 1)
    theta[:, :, target.num_params - free :] += noise @ state.root.mT
    stats = {}
    if free == target.num_params:
        log_det = torch.linalg.slogdet(state.root).logabsdet.unsqueeze(1)
        log_q = -0.5 * noise.square().sum(-1) - log_det - 0.5 * free * math.log(2 * math.pi)
        log_p = in_double(target).log_density(theta.flatten(0, 1), target.members(settings.draws)).view_as(log_q)
        stats = {"log_ratio": (log_p - log_q).unsqueeze(1).cpu().numpy()}
    return Fit(theta.float().unsqueeze(1).cpu(), stats)
