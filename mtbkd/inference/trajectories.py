"""Chains that move by trajectories with the metrics of modes, and jump among these; ``mtbkd.inference.hmc`` has the equations.

Shapes: U units, C chains, E = U C members, K modes per unit, Z coordinates.
"""

import logging

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import ChainCount, Steps
from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference.modes import Modes, climb, curvature
from mtbkd.inference.rounds import Round, by_unit
from mtbkd.inference.scale_free import Plain

log = logging.getLogger(__name__)

POLISH = 300  # full-batch Adam steps to the mode
MOST_STEP = 0.25  # 2 is unstable where the metric is exact, and curvatures of 50 times what it says are common
SHORTEST = 0.2  # share of its step that a trajectory takes at least
PARTS = 2  # of each chain's past, whose modes it brings to the unit's mixture
SHORTER = 0.7  # share of their length that steps keep where a trajectory diverged
DIVERGED = 1_000.0  # error of the energy from which a trajectory counts as divergent


class Jumping(BaseModel):
    """How chains move and jump."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chains: ChainCount = Field(4, description="independent chains per replicate; at least 2 for R-hat")
    leapfrogs: Steps = Field(12, description="maximum number of gradients per trajectory; each trajectory draws its own number")
    jumps: int = Field(4, ge=0, le=1_000, description="number of independent proposals from all modes after each trajectory")
    target_accept: float = Field(0.9, gt=0, lt=1, description="target acceptance rate of the step size")


class StepSize:
    """Dual averaging of every mode's log step (Hoffman & Gelman 2014, algorithm 5)."""

    def __init__(self, target_accept: float, most: float, mean: "torch.Tensor"):
        self.aim, self.most, self.mean = target_accept, float(np.log(most)), mean
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
        self.log = (self.centre - self.error * self.count**0.5 / 0.05).clamp(max=self.most)
        weight = self.count**-0.75
        self.mean = weight * self.log + (1 - weight) * self.mean


class Chains:
    """All chains of all units as one ensemble."""

    def __init__(self, space: Plain, settings: Jumping, place: "torch.Tensor", generator: "torch.Generator"):
        self.space, self.settings, self.generator = space, settings, generator
        self.units = space.target.members(settings.chains)
        self.place = climb(space, place, self.units, POLISH)
        self.value, self.slope = space.value(self.place, self.units), space.slope(self.place, self.units)
        weight = torch.full_like(self.value, 1 / settings.chains)
        self.modes = Modes.of(weight, self.place.double(), curvature(space, self.place, self.units))
        self.step = StepSize(settings.target_accept, MOST_STEP, torch.full_like(self.value, np.log(0.2)))
        self.mixed = self.learnt = False
        self.energy, self.diverging = self.value, self.value > torch.inf
        self.accepted = torch.zeros_like(self.value)

    @property
    def count(self) -> int:
        """U."""
        return len(self.place) // self.settings.chains

    def learn(self, seen: "list[torch.Tensor]") -> None:
        """Learn each chain's mode from its own places ``seen``, each (E, Z)."""
        weight = self.modes.weight
        self.modes = self.modes.learn(torch.stack(seen, 1))._replace(weight=weight)
        self.step.restart()

    def mix(self, seen: "list[torch.Tensor]") -> None:
        """From now on the modes of a unit are those of all its chains, those of each part of a chain's past by themselves."""
        self.modes = self.modes.take(torch.arange(len(self.place), device=self.place.device).repeat_interleave(PARTS))
        self.modes = self.modes._replace(weight=self.modes.weight / PARTS)
        self.step.mean = self.step.mean.repeat_interleave(PARTS)
        self.mixed = True
        chains, length = self.settings.chains, len(seen)
        part = (torch.arange(length) * PARTS // length).unsqueeze(1) + PARTS * torch.arange(chains)
        share = torch.nn.functional.one_hot(part.flatten(), PARTS * chains).double().to(self.place.device)
        self.learn_together(seen, share)

    def learn_together(self, seen: "list[torch.Tensor]", share: "torch.Tensor | None" = None) -> None:
        """Learn all modes of a unit from the places of all its chains."""
        past = torch.stack(seen, 1).unflatten(0, (-1, self.settings.chains)).transpose(1, 2).flatten(1, 2)
        self.modes = self.modes.learn(past, share)
        self.step.restart()

    def keep(self, units: "list[int]") -> None:
        """Go on with the units at positions ``units`` alone."""
        rows = torch.tensor(units, device=self.place.device).unsqueeze(1)
        members, modes = ((rows * n + torch.arange(n, device=rows.device)).flatten() for n in (
            self.settings.chains, len(self.modes.weight) // self.count))  # fmt: skip
        self.units, self.place, self.value, self.slope, self.accepted = (
            each[members] for each in (self.units, self.place, self.value, self.slope, self.accepted)
        )
        self.modes, self.step.mean = self.modes.take(modes), self.step.mean[modes]
        self.step.restart()

    def improve(self, at: int, place: "torch.Tensor", diverged: bool, first: bool) -> bool:
        """Learn the modes of the unit at position ``at`` from places (C, N, Z), and make its steps shorter if one diverged."""
        if not (diverged or first):
            return False
        count = len(self.modes.weight) // self.count
        of = torch.arange(count, device=place.device) + at * count
        found = self.modes.take(of).learn(place.flatten(0, 1).unsqueeze(0))
        self.modes = Modes(*(old.index_copy(0, of, new) for old, new in zip(self.modes, found, strict=True)))
        if diverged:
            self.step.mean[of] += float(np.log(SHORTER))
        return True

    def round(self, draws: int) -> list[Round]:
        """See ``Ensemble``."""
        seen: list[Round] = []
        self.accepted = torch.zeros_like(self.value)
        for _ in steps(range(draws), "trajectories"):
            self.move()
            seen.append(Round(self.place, self.value, self.energy, self.diverging, self.membership(self.place).argmax(1)))
        taken = (self.accepted / max(1, self.settings.jumps * draws)).view(self.count, -1).mean(1).tolist()
        log.info("share of jumps taken: %s", ", ".join(f"{share:.2g}" for share in taken))
        return by_unit(seen, self.count)

    def membership(self, place: "torch.Tensor") -> "torch.Tensor":
        """Log-probabilities (E, K) that ``place`` (E, Z) belongs to each mode of its unit."""
        return torch.log_softmax(self._weighed(place), -1)

    def _weighed(self, place: "torch.Tensor") -> "torch.Tensor":
        return self.modes.log_density(place.unflatten(0, (-1, self.settings.chains))).flatten(0, 1)

    def _pick(self, chance: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Modes (E,) with the probabilities ``chance`` (E, K): their number in the unit, and among all."""
        drawn = torch.rand((len(chance), 1), generator=self.generator, device=chance.device)
        mode = (drawn * chance.sum(1, keepdim=True) > chance.cumsum(1)).sum(1).clamp(max=chance.shape[1] - 1)
        unit = torch.arange(self.count, device=chance.device).repeat_interleave(self.settings.chains)
        return mode, mode + unit * chance.shape[1]

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
        jitter = SHORTEST + (1 - SHORTEST) * torch.rand(len(root), generator=self.generator, device=self.place.device)
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
        weight = self.modes.weight.view(self.count, -1).repeat_interleave(self.settings.chains, 0)
        _, chosen = self._pick(weight)
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
