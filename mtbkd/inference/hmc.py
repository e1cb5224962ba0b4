"""Hamiltonian Monte Carlo on all examples that jumps among modes, for small students (P in the tens).

Each chain starts at the best of its own MAP runs and warms up there, without leaving: its step (dual averaging, Hoffman &
Gelman 2014) and the Gaussian N(mean_k, cov_k) of its mode are learnt. Then the Gaussians of a unit's chains are held fixed,
q(z) their mixture, and each iteration

    draws a mode k with probability q_k(z) / sum_j q_j(z), moves by a trajectory with the metric of k, accepted by the ratio of
    pi(z) q_k(z) / sum_j q_j(z), so that pi stays invariant though the metric follows the mode;
    proposes ``jumps`` independent draws of q, each accepted with probability min(1, pi(z') q(z) / (pi(z) q(z'))).

The jumps give each mode its share of the mass, which chains without them cannot (Andricioaei, Straub & Voter 2001). A mode that
none of a unit's chains has found is missed, as it is by any sampler. Students with one hidden layer are sampled without the
scales that only the prior sees (``mtbkd.scale_free``), in which modes are close to Gaussian.
Shapes: U units, C chains, E = U C members, D draws, P parameters.
"""

import logging
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.bounds import ChainCount, DrawCount, Steps
from mtbkd.inference import Context, Fit
from mtbkd.lazy import lazy_import
from mtbkd.optimise import Ascent
from mtbkd.progress import steps
from mtbkd.scale_free import Plain, coordinates
from mtbkd.seeds import derive
from mtbkd.target import Target

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

log = logging.getLogger(__name__)

DRAWS: Literal["point", "independent", "chains"] = "chains"
CLAIMS_POSTERIOR = True
SUPPLIES: frozenset[str] = frozenset({"energy", "diverging", "mode"})
IMPROPER_PRIOR = False
MAX_PARAMS: int | None = 500
NEEDS_HIDDEN = False
NEEDS_SYMBOLIC = False
POLISH = 300  # full-batch Adam steps to the mode
LOCAL = (0.1, 0.2, 0.35, 0.5)  # shares of the warm-up after which each chain learns the Gaussian of its mode
JOINT = (0.65, 0.8, 1.0)  # and after which the chains of a unit, which jump by then, learn their mixture
TAILS = 8  # degrees of freedom of a mode's distribution: lighter tails than the posterior's would trap chains there
FLATTEST = 1e-5  # precision that a direction has at least, of the largest
DIVERGED = 1_000.0  # error of the energy


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent chains a replicate; at least 2 for R-hat")
    starts: ChainCount = Field(32, description="MAP runs of each chain, which begins at the best of them")
    warmup: Steps = Field(1000, description="first trajectories, left out, in which step and metric are learnt")
    draws: DrawCount = Field(1500, description="trajectories after these; a draw is kept of each")
    leapfrogs: Steps = Field(6, description="gradients a trajectory, at most; each draws its own number")
    jumps: int = Field(4, ge=0, le=1_000, description="independent proposals from all modes after each trajectory")
    target_accept: float = Field(0.8, gt=0, lt=1, description="acceptance that the step size aims at")


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """The best of each chain's MAP runs."""
    return State(context.best(target, settings.chains, settings.starts))


class Modes(NamedTuple):
    """One multivariate t a chain: ``weight`` (E,), ``mean`` (E, P), lower ``root`` (E, P, P) of its scale, its ``inverse``."""

    weight: "torch.Tensor"
    mean: "torch.Tensor"
    root: "torch.Tensor"
    inverse: "torch.Tensor"

    @classmethod
    def of(cls, weight: "torch.Tensor", mean: "torch.Tensor", cov: "torch.Tensor") -> "Modes":
        root = torch.linalg.cholesky(cov)
        identity = torch.eye(cov.shape[-1], dtype=cov.dtype, device=cov.device).expand_as(cov)
        return cls(weight, mean, root, torch.linalg.solve_triangular(root, identity, upper=False))

    def log_density(self, place: "torch.Tensor", chains: int) -> "torch.Tensor":
        """Log-densities (U, N, C), times weights, at ``place`` (U, N, P), up to a common constant."""
        mean, inverse = self.mean.unflatten(0, (-1, chains)), self.inverse.unflatten(0, (-1, chains))
        white = torch.einsum("ukpq,unkq->unkp", inverse, place.double().unsqueeze(2) - mean.unsqueeze(1))
        scale = inverse.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.weight.view(-1, chains).log()
        return scale.unsqueeze(1) - 0.5 * (TAILS + place.shape[-1]) * (white.square().sum(-1) / TAILS).log1p()

    def draw(self, chosen: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """One draw (E, P) of each mode in ``chosen`` (E,)."""
        shape, device = (len(chosen), self.mean.shape[1]), self.mean.device
        noise = torch.randn(shape, generator=generator, dtype=torch.float64, device=device)
        square = torch.randn((len(chosen), TAILS), generator=generator, dtype=torch.float64, device=device).square().sum(1)
        noise = noise * (TAILS / square).sqrt().unsqueeze(-1)
        return (self.mean[chosen] + torch.einsum("epq,eq->ep", self.root[chosen], noise)).float()


class StepSize:
    """Dual averaging of every member's log step (Hoffman & Gelman 2014, algorithm 5)."""

    def __init__(self, members: int, target_accept: float):
        self.aim, self.log, self.mean = target_accept, torch.full((members,), np.log(0.2)), torch.full((members,), np.log(0.2))
        self.restart()

    def restart(self) -> None:
        """Forget all but the step."""
        self.log = self.mean.clone()
        self.centre, self.error, self.count = self.log + np.log(3.0), torch.zeros_like(self.log), 0

    def learn(self, accept: "torch.Tensor", chosen: "torch.Tensor") -> None:
        """Take note of the acceptance probabilities (E,) of trajectories with the steps ``chosen`` (E,)."""
        times = torch.bincount(chosen, minlength=len(self.log))
        accept = torch.bincount(chosen, accept, len(self.log)) / times.clamp(min=1)
        accept = torch.where(times > 0, accept, self.aim)
        self.count += 1
        share = 1 / (self.count + 10)
        self.error = (1 - share) * self.error + share * (self.aim - accept)
        self.log = self.centre - self.error * self.count**0.5 / 0.05
        weight = self.count**-0.75
        self.mean = weight * self.log + (1 - weight) * self.mean


class Chains:
    """All chains of all units as one ensemble."""

    def __init__(self, space: Plain, settings: Settings, place: "torch.Tensor", generator: "torch.Generator"):
        self.space, self.settings, self.generator = space, settings, generator
        self.units = space.target.members(settings.chains)
        self.place = _climb(space, place, self.units, 300)
        self.value, self.slope = space.value(self.place, self.units), space.slope(self.place, self.units)
        weight = torch.full_like(self.value, 1 / settings.chains)
        self.modes = Modes.of(weight, self.place.double(), _curvature(space, self.place, self.units))
        self.step, self.mixed = StepSize(len(place), settings.target_accept), False
        self.learnt = False
        self.energy, self.diverging = self.value, self.value > torch.inf
        self.accepted = torch.zeros_like(self.value)

    def learn(self, seen: "list[torch.Tensor]", joint: bool) -> None:
        """Learn the modes' Gaussians from ``seen``, places (E, P): each chain its own, or ``joint``, by a step of EM."""
        chains = self.settings.chains
        past = torch.stack(seen, 1).double()
        share = torch.ones_like(past[..., 0]).unsqueeze(1)
        if joint:
            past = past.unflatten(0, (-1, chains)).flatten(1, 2)
            share = torch.softmax(self.modes.log_density(past, chains), -1).transpose(1, 2)
            past, share = past.repeat_interleave(chains, 0), share.reshape(-1, 1, past.shape[1])
        count, size = share.sum(2), past.shape[-1]
        mean = (torch.einsum("eon,enp->ep", share, past) + self.modes.mean) / (count + 1)
        away = past - mean.unsqueeze(1)
        old = self.modes.root @ self.modes.root.transpose(1, 2)
        cov = ((away * share.transpose(1, 2)).transpose(1, 2) @ away + size * old) / (count + size).unsqueeze(-1)
        weight = (count[:, 0] + size).unflatten(0, (-1, chains))
        self.modes = Modes.of((weight / weight.sum(1, keepdim=True)).flatten(), mean, cov)
        self.step.restart()

    def membership(self, place: "torch.Tensor") -> "torch.Tensor":
        """Log-probabilities (E, C) that ``place`` belongs to each mode of its unit."""
        chains = self.settings.chains
        return torch.log_softmax(self.modes.log_density(place.unflatten(0, (-1, chains)), chains).flatten(0, 1), -1)

    def move(self) -> None:
        """One trajectory of every member, and then its jumps."""
        chosen = everyone = torch.arange(len(self.place), device=self.place.device)
        before = self.value
        if self.mixed:
            belongs = self.membership(self.place)
            mode = torch.multinomial(belongs.exp(), 1, generator=self.generator).squeeze(1)
            chosen = chosen - chosen % self.settings.chains + mode
            before = before + belongs[everyone, mode]
        root = self.modes.root[chosen].float()
        log_step = self.step.mean if self.learnt else self.step.log
        jitter = 0.9 + 0.2 * torch.rand(len(root), generator=self.generator, device=self.place.device)
        step = (log_step[chosen].exp() * jitter).float().unsqueeze(-1)
        momentum = torch.randn(self.place.shape, generator=self.generator, device=self.place.device)
        self.energy = 0.5 * momentum.square().sum(-1) - before
        place, slope, limit = self.place, self.slope, self.settings.leapfrogs
        for _ in range(int(torch.randint((limit + 1) // 2, limit + 1, (), generator=self.generator, device=place.device))):
            momentum = momentum + 0.5 * step * torch.einsum("epq,ep->eq", root, slope)
            place = place + step * torch.einsum("epq,eq->ep", root, momentum)
            slope = self.space.slope(place, self.units)
            momentum = momentum + 0.5 * step * torch.einsum("epq,ep->eq", root, slope)
        value = self.space.value(place, self.units)
        after = value
        if self.mixed:
            after = after + self.membership(place)[everyone, mode]
        gain = (self.energy - 0.5 * momentum.square().sum(-1) + after).nan_to_num(nan=-torch.inf, posinf=-torch.inf)
        self.diverging = gain < -DIVERGED
        accept = gain.clamp(max=0).exp()
        self._take(torch.rand(accept.shape, generator=self.generator, device=accept.device) < accept, place, value, slope)
        if not self.learnt:
            self.step.learn(accept, chosen)
        for _ in range(self.settings.jumps if self.mixed else 0):
            self._jump()

    def _jump(self) -> None:
        """Propose a draw of the mixture to every member."""
        chains = self.settings.chains
        weight = self.modes.weight.view(-1, chains).repeat_interleave(chains, 0)
        mode = torch.multinomial(weight, 1, generator=self.generator).squeeze(1)
        chosen = torch.arange(len(mode), device=mode.device) // chains * chains + mode
        place = self.modes.draw(chosen, self.generator)
        value = self.space.value(place, self.units)

        def log_mixture(at: "torch.Tensor") -> "torch.Tensor":
            return torch.logsumexp(self.modes.log_density(at.unflatten(0, (-1, chains)), chains), -1).flatten()

        gain = value - self.value - log_mixture(place) + log_mixture(self.place)
        taken = (
            torch.rand(gain.shape, generator=self.generator, device=gain.device)
            < gain.nan_to_num(nan=-torch.inf).clamp(max=0).exp()
        )
        self.accepted += taken
        if taken.any():
            slope = self.slope.clone()
            slope[taken] = self.space.slope(place[taken], self.units[taken])
            self._take(taken, place, value, slope)

    def _take(self, taken: "torch.Tensor", place: "torch.Tensor", value: "torch.Tensor", slope: "torch.Tensor") -> None:
        self.place = torch.where(taken.unsqueeze(-1), place, self.place)
        self.value = torch.where(taken, value, self.value)
        self.slope = torch.where(taken.unsqueeze(-1), slope, self.slope)


def _climb(space: Plain, place: "torch.Tensor", units: "torch.Tensor", count: int) -> "torch.Tensor":
    """``place`` (E, P) after ``count`` full-batch Adam steps."""
    place = place.clone()
    ascent = Ascent(place, 0.003, count)
    for _ in range(count):
        ascent.step(space.slope(place, units) / space.target.num_examples)
    return place


def _curvature(space: Plain, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
    """Covariances (E, P, P) of a Gaussian with the curvature at ``place``, a mode on whose kinks it may be negative.

    Central differences of the gradient over half a standard deviation smooth the kinks of ReLU units.
    """
    members, size = place.shape
    width = torch.full_like(place, 1e-2)
    for _ in range(3):
        shift = torch.diag_embed(width)
        ends = torch.cat([(place.unsqueeze(1) + sign * shift).flatten(0, 1) for sign in (1, -1)])
        of = units.repeat_interleave(size).repeat(2)
        up, down = space.slope(ends, of).double().view(2, members, size, size)
        hessian = ((down - up) / (2 * width.unsqueeze(-1))).nan_to_num()
        hessian = 0.5 * (hessian + hessian.transpose(1, 2))
        diagonal = hessian.diagonal(dim1=1, dim2=2).abs()
        floor = FLATTEST * diagonal.amax(1, keepdim=True).clamp(min=1e-12)
        width = (0.5 / diagonal.maximum(floor).sqrt()).float()
    value, vector = torch.linalg.eigh(hessian)
    value = value.abs().maximum(floor)
    return (vector / value.unsqueeze(1)) @ vector.transpose(1, 2)


def run(target: Target, settings: Settings, state: State, context: Context) -> Fit:
    """Warm up, then keep a draw of every trajectory."""
    space, generator = coordinates(target), context.generator("hmc")
    # A chain whose MAP runs were all lost moves on from near the origin, so that the others have what to compute with.
    lost = ~torch.isfinite(state.params).all(-1)
    start = state.params.masked_fill(lost.unsqueeze(-1), 0.1)
    chains = Chains(space, settings, space.from_params(start), generator)
    local, joint = ({max(1, round(share * settings.warmup)) for share in shares} for shares in (LOCAL, JOINT))
    seen: list[torch.Tensor] = []
    for done in steps(range(1, settings.warmup + 1), "trajectories to warm up"):
        chains.move()
        seen.append(chains.place)
        if done in local:
            chains.learn(seen[len(seen) // 2 :], joint=False)
            chains.mixed = done == max(local)
        elif done in joint:
            chains.learn(seen[max(local) :][-len(seen) // 4 :], joint=True)
    chains.learnt, chains.accepted, seen = True, torch.zeros_like(chains.accepted), []
    stats: dict[str, list[torch.Tensor]] = {"energy": [], "diverging": [], "mode": []}
    for _ in steps(range(settings.draws), "trajectories"):
        chains.move()
        stats["energy"].append(chains.energy)
        stats["diverging"].append(chains.diverging)
        stats["mode"].append(chains.membership(chains.place).argmax(1))
        seen.append(chains.place)
    shape = (target.num_units, settings.chains)
    taken = (chains.accepted / max(1, settings.jumps * settings.draws)).view(shape).mean(1).tolist()
    log.info("share of jumps taken: %s", ", ".join(f"{share:.2g}" for share in taken))
    rng = np.random.default_rng(derive(context.seed, "scales", first=context.replicates[0]))
    place = torch.stack(seen, 1)
    params = space.to_params(place.flatten(0, 1), chains.units.repeat_interleave(settings.draws), rng)
    params[lost.repeat_interleave(settings.draws)] = torch.nan
    kept = {name: torch.stack(values, 1).unflatten(0, shape).numpy() for name, values in stats.items()}
    return Fit(params.view(*shape, settings.draws, -1).float().cpu(), kept)
