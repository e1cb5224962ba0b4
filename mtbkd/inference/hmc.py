"""Hamiltonian Monte Carlo on all examples that jumps among modes, for small students (P in the tens).

Each chain starts at the best of its own MAP runs and warms up there, without leaving: its step (dual averaging, Hoffman &
Gelman 2014) and a multivariate t, q_k, of its mode are learnt. Then a unit's chains share the mixture q of their modes, learnt
from all of them by EM and fixed when the warm-up ends, and each iteration

    draws a mode k with probability q_k(z) / sum_j q_j(z), moves by a trajectory with the metric of k, accepted by the ratio of
    pi(z) q_k(z) / sum_j q_j(z), so that pi stays invariant though the metric follows the mode;
    proposes ``jumps`` independent draws of q, each accepted with probability min(1, pi(z') q(z) / (pi(z) q(z'))).

A trajectory's step is a random share of the mode's own, so that chains leave places where that is too long for the curvature.
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
DIVERGED = 1_000.0  # error of the energy from which a trajectory counts as divergent
FLATTEST = 1e-5  # precision that a direction has at least, of the largest


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent chains a replicate; at least 2 for R-hat")
    starts: ChainCount = Field(32, description="MAP runs of each chain, which begins at the best of them")
    warmup: Steps = Field(1200, description="first trajectories, left out, in which step and metric are learnt")
    draws: DrawCount = Field(1500, description="trajectories after these; a draw is kept of each")
    leapfrogs: Steps = Field(8, description="gradients a trajectory, at most; each draws its own number")
    jumps: int = Field(4, ge=0, le=1_000, description="independent proposals from all modes after each trajectory")
    target_accept: float = Field(0.8, gt=0, lt=1, description="acceptance that the step size aims at")


class State(NamedTuple):
    """``params`` (U * C, P)."""

    params: "torch.Tensor"


def init(target: Target, settings: Settings, context: Context) -> State:
    """The best of each chain's MAP runs."""
    return State(context.best(target, settings.chains, settings.starts))


class Modes(NamedTuple):
    """K multivariate t a unit: ``weight`` (U K,), ``mean`` (U K, P), ``root`` (U K, P, P) of the scale and its ``inverse``."""

    weight: "torch.Tensor"
    mean: "torch.Tensor"
    root: "torch.Tensor"
    inverse: "torch.Tensor"

    @classmethod
    def of(cls, weight: "torch.Tensor", mean: "torch.Tensor", cov: "torch.Tensor") -> "Modes":
        root = torch.linalg.cholesky(cov)
        identity = torch.eye(cov.shape[-1], dtype=cov.dtype, device=cov.device).expand_as(cov)
        return cls(weight, mean, root, torch.linalg.solve_triangular(root, identity, upper=False))

    @property
    def cov(self) -> "torch.Tensor":
        """(U K, P, P)."""
        return self.root @ self.root.transpose(1, 2)

    def log_density(self, place: "torch.Tensor") -> "torch.Tensor":
        """Log-densities (U, N, K), times weights, at ``place`` (U, N, P), up to a common constant."""
        mean, inverse = (each.unflatten(0, (len(place), -1)) for each in (self.mean, self.inverse))
        white = torch.einsum("ukpq,unkq->unkp", inverse, place.double().unsqueeze(2) - mean.unsqueeze(1))
        scale = inverse.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.weight.view(len(place), -1).log()
        return scale.unsqueeze(1) - 0.5 * (TAILS + place.shape[-1]) * (white.square().sum(-1) / TAILS).log1p()

    def draw(self, chosen: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """One draw (E, P) of each mode in ``chosen`` (E,)."""
        shape, device = (len(chosen), self.mean.shape[1]), self.mean.device
        noise = torch.randn(shape, generator=generator, dtype=torch.float64, device=device)
        square = torch.randn((len(chosen), TAILS), generator=generator, dtype=torch.float64, device=device).square().sum(1)
        noise = noise * (TAILS / square).sqrt().unsqueeze(-1)
        return (self.mean[chosen] + torch.einsum("epq,eq->ep", self.root[chosen], noise)).float()


class StepSize:
    """Dual averaging of every mode's log step (Hoffman & Gelman 2014, algorithm 5)."""

    def __init__(self, target_accept: float, mean: "torch.Tensor"):
        self.aim, self.mean = target_accept, mean
        self.restart()

    def restart(self) -> None:
        """Forget all but the step."""
        self.log = self.mean.clone()
        self.centre, self.error, self.count = self.log + np.log(3.0), torch.zeros_like(self.log), 0

    def learn(self, accept: "torch.Tensor", chosen: "torch.Tensor") -> None:
        """Take note of the acceptance probabilities (E,) of trajectories with the steps ``chosen`` (E,)."""
        times, total = torch.zeros_like(self.log), torch.zeros_like(self.log)
        times.index_add_(0, chosen, torch.ones_like(self.log)[chosen])
        accept = total.index_add_(0, chosen, accept.to(total.dtype)) / times.clamp(min=1)
        accept = torch.where(times > 0, accept, self.aim)
        self.count += 1
        share = 1 / (self.count + 10)
        self.error = (1 - share) * self.error + share * (self.aim - accept)
        # From 2 on a trajectory is unstable even where the metric is exact.
        self.log = (self.centre - self.error * self.count**0.5 / 0.05).clamp(max=0.0)
        weight = self.count**-0.75
        self.mean = weight * self.log + (1 - weight) * self.mean


class Chains:
    """All chains of all units as one ensemble."""

    def __init__(self, space: Plain, settings: Settings, place: "torch.Tensor", generator: "torch.Generator"):
        self.space, self.settings, self.generator = space, settings, generator
        self.units = space.target.members(settings.chains)
        self.place = _climb(space, place, self.units, POLISH)
        self.value, self.slope = space.value(self.place, self.units), space.slope(self.place, self.units)
        weight = torch.full_like(self.value, 1 / settings.chains)
        self.modes = Modes.of(weight, self.place.double(), _curvature(space, self.place, self.units))
        self.step = StepSize(settings.target_accept, torch.full_like(self.value, np.log(0.2)))
        self.mixed = self.learnt = False
        self.energy, self.diverging = self.value, self.value > torch.inf
        self.accepted = torch.zeros_like(self.value)

    def learn(self, seen: "list[torch.Tensor]") -> None:
        """Learn each chain's mode from its own places ``seen``, each (E, P)."""
        past = torch.stack(seen, 1).double()
        self._refit(past, torch.ones_like(past[..., :1]))

    def learn_together(self, seen: "list[torch.Tensor]") -> None:
        """Learn all modes of a unit from the places of all its chains, by a step of EM."""
        past = torch.stack(seen, 1).double().unflatten(0, (-1, self.settings.chains)).flatten(1, 2)
        self._refit(past, torch.softmax(self.modes.log_density(past), -1))

    def _refit(self, past: "torch.Tensor", share: "torch.Tensor") -> None:
        """Fit the modes to places ``past`` (G, N, P), each mode's ``share`` of them (G, N, K); the old one counts as P."""
        size, count = past.shape[-1], share.sum(1)
        old, cov = self.modes.mean.unflatten(0, count.shape), self.modes.cov.unflatten(0, count.shape)
        mean = (share.transpose(1, 2) @ past + old) / (count + 1).unsqueeze(-1)
        for k in range(count.shape[1]):
            away = past - mean[:, k : k + 1]
            spread = (away * share[..., k : k + 1]).transpose(1, 2) @ away
            cov[:, k] = (spread + size * cov[:, k]) / (count[:, k] + size).view(-1, 1, 1)
        weight = count.view(self.space.target.num_units, -1) + 1
        weight = weight / weight.sum(1, keepdim=True)
        self.modes = Modes.of(weight.flatten(), mean.flatten(0, 1), cov.flatten(0, 1))
        self.step.restart()

    def membership(self, place: "torch.Tensor") -> "torch.Tensor":
        """Log-probabilities (E, K) that ``place`` (E, P) belongs to each mode of its unit."""
        return torch.log_softmax(self._weighed(place), -1)

    def _weighed(self, place: "torch.Tensor") -> "torch.Tensor":
        return self.modes.log_density(place.unflatten(0, (-1, self.settings.chains))).flatten(0, 1)

    def _pick(self, chance: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Modes (E,) with the probabilities ``chance`` (E, K): their number in the unit, and among all."""
        drawn = torch.rand((len(chance), 1), generator=self.generator, device=chance.device)
        mode = (drawn * chance.sum(1, keepdim=True) > chance.cumsum(1)).sum(1).clamp(max=chance.shape[1] - 1)
        return mode, mode + self.units * chance.shape[1]

    def move(self) -> None:
        """One trajectory of every member, and then its jumps."""
        chosen = everyone = torch.arange(len(self.place), device=self.place.device)
        before = self.value
        if self.mixed:
            belongs = self.membership(self.place)
            mode, chosen = self._pick(belongs.exp())
            before = before + belongs[everyone, mode]
        root = self.modes.root[chosen].float()
        log_step = self.step.mean if self.learnt else self.step.log
        jitter = 0.1 + torch.rand(len(root), generator=self.generator, device=self.place.device)
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
        weight = self.modes.weight.view(self.space.target.num_units, -1)
        _, chosen = self._pick(weight[self.units])
        place = self.modes.draw(chosen, self.generator)
        now, then = (torch.logsumexp(self._weighed(at), -1) for at in (self.place, place))
        value = self.space.value(place, self.units)
        chance = (value - self.value + now - then).nan_to_num(nan=-torch.inf).clamp(max=0).exp()
        taken = torch.rand(chance.shape, generator=self.generator, device=chance.device) < chance
        self.accepted = self.accepted + taken
        went = [member for member, gone in enumerate(taken.tolist()) if gone]
        if went:
            slope = self.slope.clone()
            slope[went] = self.space.slope(place[went], self.units[went])
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
            chains.learn(seen[len(seen) // 2 :])
            chains.mixed = done == max(local)
        elif done in joint:
            chains.learn_together(seen[max(local) :])
    chains.learnt, seen = True, []
    chains.accepted = torch.zeros_like(chains.value)
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
    params = params.masked_fill(lost.repeat_interleave(settings.draws).unsqueeze(-1), torch.nan)
    kept = {name: torch.stack(values, 1).unflatten(0, shape).cpu().numpy() for name, values in stats.items()}
    return Fit(params.view(*shape, settings.draws, -1).float().cpu(), kept)
