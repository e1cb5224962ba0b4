"""Tempered sequential Monte Carlo (Del Moral, Doucet & Jasra 2006; Neal 2001), for posteriors with several modes.

Particles go from a Gaussian reference N(0, r^2 I) to the target along log pi_b = (1 - b) log N(theta; 0, r^2 I) + b log pi,
b from 0 to 1 in steps that keep the incremental weights' effective sample size at a given share (Jasra et al. 2011); after
every step they are resampled and moved by Hamiltonian Monte Carlo that leaves pi_b invariant. At small b the modes are
joined, so each receives its share of the mass, which plain chains cannot give. Every "chain" is a run of its own, its
draws are the particles, and runs that weighted the modes differently show in R-hat and in their estimates of the evidence.

``log_evidence`` is the logarithm of the integral of exp(log_density) over all P parameters, in nats: of what the target calls
its log-density, with every constant that it keeps or leaves out. A student's keeps the Dirichlet's log B and the Gaussian
prior's constant (there is none where the prior scale is infinite). Its teachers' term is no normalised prior, so that the
evidence of labels is the difference of two runs, with the labels and with none; a temperature divides both.
"""

import logging
import math
from functools import partial
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import ChainCount, Positive, Steps
from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.base.seeds import derive
from mtbkd.inference import Context, Fit
from mtbkd.posterior.target import Target

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"log_evidence"})
IMPROPER_PRIOR = False
MAX_PARAMS: int = 500
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
MAX_TEMPERATURES = 1000


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent runs per replicate; at least 2 for R-hat")
    particles: int = Field(500, ge=4, le=1_000_000, description="particles per run, all stored as draws")
    ess_share: float = Field(0.7, gt=0, lt=1, description="effective share of the particles that a tempering step must retain")
    sweeps: Steps = Field(3, description="Hamiltonian moves after every tempering step")
    final_sweeps: Steps = Field(20, description="Hamiltonian moves at the target itself")
    leapfrogs: Steps = Field(8, description="maximum number of gradients per move; each move draws its own number")
    target_accept: float = Field(0.8, gt=0, lt=1, description="target acceptance rate of the step size")
    reference_scale: Positive = Field(1.0, description="standard deviation r of the initial Gaussian of the particles")


class State(NamedTuple):
    """``params`` (U * C * N, P): particles of every run, run by run."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """Independent draws of the reference."""
    runs = [(r, c) for r in context.replicates for c in range(settings.chains)]
    draws = [
        torch.randn(
            (settings.particles, target.num_params),
            generator=torch.Generator().manual_seed(derive(context.seed, "particles", replicate=r, chain=c)),
        )
        for r, c in runs
    ]
    return State(torch.cat(draws).to(context.device) * settings.reference_scale)


class Runs:
    """All runs of all units as one ensemble. S runs of N particles with P parameters each."""

    def __init__(self, target: Target, settings: Settings, params: "torch.Tensor", generator: "torch.Generator"):
        self.target, self.settings, self.generator = target, settings, generator
        self.units = target.members(settings.chains * settings.particles)
        compiled = getattr(target, "compiled", None)
        self.gradient = compiled.full_gradient if compiled else partial(target.gradient, batch=target.full(self.units))
        self.params = params
        self.gain = self._gain(params)
        self.power = params.new_zeros(params.shape[0] // settings.particles)
        # The integral of exp(_reference), where the incremental weights start from.
        of_reference = params.shape[1] * (0.5 * math.log(2 * math.pi) + math.log(settings.reference_scale))
        self.log_evidence = torch.full_like(self.power, of_reference, dtype=torch.float64)
        self.step_size = torch.full_like(self.power, 0.3 / params.shape[1] ** 0.25)
        self.scale = torch.full((len(self.power), params.shape[1]), settings.reference_scale, device=params.device)

    def by_run(self, values: "torch.Tensor") -> "torch.Tensor":
        """(S * N, ...) as (S, N, ...)."""
        return values.unflatten(0, (-1, self.settings.particles))

    def each(self, values: "torch.Tensor") -> "torch.Tensor":
        """One value per run (S, ...) repeated for its particles (S * N, ...)."""
        return values.repeat_interleave(self.settings.particles, 0)

    def _reference(self, params: "torch.Tensor") -> "torch.Tensor":
        """Log-density of the reference without its constant."""
        return -0.5 * (params / self.settings.reference_scale).square().sum(-1)

    def _gain(self, params: "torch.Tensor") -> "torch.Tensor":
        """log pi - log reference (S * N,), up to a constant; minus infinity where pi is not a number."""
        gain = self.target.log_density(params, self.units) - self._reference(params)
        return gain.nan_to_num(nan=-torch.inf, posinf=-torch.inf)

    def temper(self) -> None:
        """Raise every run's power as far as ``ess_share`` allows, and resample (systematic)."""
        gain = self.by_run(self.gain).double()
        low, high = torch.zeros_like(gain[:, 0]), 1 - self.power.double()
        whole = _ess_share(gain, high) >= self.settings.ess_share
        low = torch.where(whole, high, low)
        for _ in range(40):
            middle = (low + high) / 2
            enough = _ess_share(gain, middle) >= self.settings.ess_share
            low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
        log_weight = _log_weight(gain, low)
        self.log_evidence += torch.logsumexp(log_weight, 1) - math.log(self.settings.particles)
        self.power = torch.where(whole, torch.ones_like(self.power), self.power + low.float())
        chosen = _systematic(torch.softmax(log_weight, 1), self.generator)
        self.params, self.gain = self.params[chosen], self.gain[chosen]
        self.scale = self.by_run(self.params).std(1).clamp(min=1e-4)

    def _force(self, params: "torch.Tensor", power: "torch.Tensor") -> "torch.Tensor":
        pull = self.gradient(params, self.units)
        return power * pull - (1 - power) * params / self.settings.reference_scale**2

    def move(self) -> None:
        """One Hamiltonian move of every particle, its mass the inverse variance of its run's particles."""
        power, scale = self.each(self.power).unsqueeze(-1), self.each(self.scale)
        jitter = 0.8 + 0.4 * torch.rand(len(self.power), generator=self.generator, device=self.params.device)
        step = self.each(self.step_size * jitter).unsqueeze(-1)
        momentum = torch.randn(self.params.shape, generator=self.generator, device=self.params.device)
        before = self._energy(self.gain, self.params, momentum)
        params, force = self.params, self._force(self.params, power)
        limit = self.settings.leapfrogs
        for _ in range(int(torch.randint((limit + 1) // 2, limit + 1, (), generator=self.generator, device=params.device))):
            momentum = momentum + 0.5 * step * scale * force
            params = params + step * scale * momentum
            force = self._force(params, power)
            momentum = momentum + 0.5 * step * scale * force
        gain = self._gain(params)
        accept = (before - self._energy(gain, params, momentum)).nan_to_num(nan=-torch.inf).clamp(max=0).exp()
        taken = torch.rand(accept.shape, generator=self.generator, device=params.device) < accept
        self.params = torch.where(taken.unsqueeze(-1), params, self.params)
        self.gain = torch.where(taken, gain, self.gain)
        rate = self.by_run(accept).mean(1)
        self.step_size = (self.step_size * torch.exp(0.8 * (rate - self.settings.target_accept))).clamp(1e-4, 2.0)

    def _energy(self, gain: "torch.Tensor", params: "torch.Tensor", momentum: "torch.Tensor") -> "torch.Tensor":
        return 0.5 * momentum.square().sum(-1) - self._reference(params) - self.each(self.power) * gain


def _log_weight(gain: "torch.Tensor", step: "torch.Tensor") -> "torch.Tensor":
    """Incremental log-weights (S, N) of a step (S,) in power; particles where the target has no density get none."""
    return torch.where(torch.isfinite(gain), gain * step[:, None], -torch.inf)


def _ess_share(gain: "torch.Tensor", step: "torch.Tensor") -> "torch.Tensor":
    """Effective share (S,) of the particles that have a density, after a ``step`` (S,) in power."""
    weight = torch.softmax(_log_weight(gain, step), 1)
    return 1 / weight.square().sum(1) / torch.isfinite(gain).sum(1)


def _systematic(weight: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
    """Positions (S * N,) of the chosen particles, by one uniform a run; equal ones stay neighbours."""
    runs, count = weight.shape
    start = torch.rand((runs, 1), generator=generator, device=weight.device, dtype=weight.dtype)
    at = (torch.arange(count, device=weight.device) + start) / count
    chosen = torch.searchsorted(weight.cumsum(1), at).clamp(max=count - 1)
    return (chosen + count * torch.arange(runs, device=weight.device).unsqueeze(1)).view(-1)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Temper all runs of all units together; runs that arrive early go on moving at the target."""
    runs = Runs(target, settings, state.params, context.generator("smc"))
    temperatures = 0
    while bool((runs.power < 1).any()):
        temperatures += 1
        if temperatures > MAX_TEMPERATURES:
            raise ConfigError(
                f"settings of smc: found reference_scale {settings.reference_scale:g}, from which {MAX_TEMPERATURES:,} "
                "tempering steps do not reach the target; allowed: about the posterior's own scale. "
                "Hint: raise reference_scale or particles"
            )
        runs.temper()
        if temperatures % 10 == 0:
            log.info("%d tempering steps, to power %.2g of 1", temperatures, float(runs.power.min()))
        for _ in range(settings.sweeps):
            runs.move()
    for _ in steps(range(settings.final_sweeps), "moves at the target"):
        runs.move()
    shape = (target.num_units, settings.chains, settings.particles)
    evidence = runs.log_evidence.view(shape[:2]).cpu()
    log.info("%d tempering steps; standard deviation of log-evidence over runs: %s", temperatures,
             ", ".join(f"{value:.2f}" for value in evidence.std(1).tolist()))  # fmt: skip
    stats = {"log_evidence": evidence.unsqueeze(-1).expand(shape).numpy().copy()}
    return Fit(runs.params.view(*shape, -1).float().cpu(), stats)
