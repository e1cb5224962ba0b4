"""Coordinates in which a sampler moves: those of the target, or, for ReLU students, without the scales that no label sees.

A ReLU unit with incoming weights and bias a (A numbers) and outgoing weights c (K numbers) says the same as one with a t and
c / t, t > 0, and softmax does not see the mean of c. With c = mean + e, only the direction u = a / |a| and f = |a| e enter the
likelihood; the Gaussian prior N(0, s^2 I) alone decides how |f| is shared out, along a curved ridge on which samplers crawl.
Integrated over r = |a| it leaves

    density of (u, f) = constant * |f|^v K_v(|f| / s^2),    v = (A - K + 1) / 2,   K_v: modified Bessel function,

(from r^(A-K) exp(-r^2 / (2 s^2) - |f|^2 / (2 s^2 r^2)), by r^2 = t), and given |f|, r^2 is generalised inverse Gaussian with
index v, a = 1 / s^2, b = |f|^2 / s^2. So one samples (u, f) and draws r afterwards: draws of the very same posterior.
The coordinates here are z = (a, c) of the unit with parameters (a / |a|, c); |a| gets a density of its own,
log |a| ~ N(0, SPREAD^2), which no other coordinate depends on. Shapes: E members, P parameters, H units.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mtbkd.lazy import lazy_import
from mtbkd.posterior import Problem
from mtbkd.students.mlp import Mlp
from mtbkd.target import Target, full_gradient

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

SPREAD = 0.1  # of log |a|, which means nothing; narrow, so that |a| stays away from 0


@dataclass(frozen=True)
class Plain:
    """The target's own coordinates."""

    target: Target

    def from_params(self, params: "torch.Tensor") -> "torch.Tensor":
        """Coordinates (E, P) of ``params`` (E, P)."""
        return params.clone()

    def to_params(self, place: "torch.Tensor", units: "torch.Tensor", rng: np.random.Generator) -> "torch.Tensor":
        """Parameters (E, P) at ``place`` (E, P), what the coordinates leave open drawn from its conditional distribution."""
        return place

    def value(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-density (E,) at ``place`` (E, P) of members of ``units`` (E,), float64, up to a constant of the unit."""
        return self.target.log_density(place, units).double()

    def slope(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Its gradient (E, P)."""
        return full_gradient(self.target, place, units)


@dataclass(frozen=True)
class ScaleFree(Plain):
    """Coordinates of the posterior of a student with one hidden layer of ReLU units and a proper Gaussian prior."""

    target: Problem

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs D, hidden units H, classes K."""
        assert isinstance(self.target.student, Mlp)
        return self.target.student.sizes

    @cached_property
    def variance(self) -> "torch.Tensor":
        """(U,) of the prior, heated."""
        shared = self.target.shared
        variance = shared.prior_scale.double().square()
        return variance if shared.temperature is None else variance * shared.temperature.double()

    @property
    def index(self) -> float:
        """v of the Bessel function."""
        inputs, _, classes = self.sizes
        return (inputs + 2 - classes) / 2

    def split(self, params: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """``a`` (E, D + 1, H) and ``c`` (E, H, K) in double precision, of ``params`` (E, P)."""
        inputs, hidden, classes = self.sizes
        into, out = params.double().split([(inputs + 1) * hidden, (hidden + 1) * classes], 1)
        return into.view(-1, inputs + 1, hidden), out[:, : hidden * classes].view(-1, hidden, classes)

    def join(self, into: "torch.Tensor", out: "torch.Tensor", params: "torch.Tensor") -> "torch.Tensor":
        """Parameters (E, P) of ``a`` and ``c``, the biases of the classes as in ``params``."""
        last = params[:, -self.sizes[-1] :].double()
        return torch.cat([into.flatten(1), out.flatten(1), last], 1).float()

    def from_params(self, params: "torch.Tensor") -> "torch.Tensor":
        into, out = self.split(params)
        length = into.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return self.join(into / length, out * length.transpose(1, 2), params)

    def to_params(self, place: "torch.Tensor", units: "torch.Tensor", rng: np.random.Generator) -> "torch.Tensor":
        from scipy.stats import geninvgauss

        into, out = self.split(place)
        mean = out.mean(-1, keepdim=True)
        force = (out - mean).norm(dim=-1).clamp(min=1e-9)
        ratio = force / self.variance[units].unsqueeze(-1)
        drawn = geninvgauss.rvs(self.index, ratio.cpu().numpy(), random_state=rng)
        length = (force * torch.as_tensor(drawn, device=force.device)).sqrt()
        unit_length = into / into.norm(dim=1, keepdim=True)
        return self.join(unit_length * length.unsqueeze(1), mean + (out - mean) / length.unsqueeze(-1), place)

    def value(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        into, out = self.split(place)
        at = self.join(into / into.norm(dim=1, keepdim=True), out, place)
        held = 0.5 * (1 + out.square().sum(-1)) / self.variance[units].unsqueeze(-1)  # in the target's density
        return super().value(at, units) + (held + self._prior(into, out, units)).sum(-1)

    def _prior(self, into: "torch.Tensor", out: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Prior log-density (E, H) of each unit's coordinates, up to a constant."""
        variance = self.variance[units].unsqueeze(-1)
        mean = out.mean(-1, keepdim=True)
        force, log_length = (out - mean).norm(dim=-1).clamp(min=1e-12), into.norm(dim=1).log()
        bessel, _ = self._bessel(force / variance)
        of_force = self.index * force.log() + bessel.log() - force / variance
        of_mean = -0.5 * out.shape[-1] * mean.squeeze(-1).square() / variance
        return of_force + of_mean - into.shape[1] * log_length - 0.5 * (log_length / SPREAD).square()

    def slope(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        into, out = self.split(place)
        length = into.norm(dim=1, keepdim=True)
        direction = into / length
        slope = super().slope(self.join(direction, out, place), units)
        along, of_out = self.split(slope)
        # The prior of a / |a| is constant: only what turns a counts.
        turn = (along - direction * (direction * along).sum(1, keepdim=True)) / length
        of_into = turn - direction / length * (into.shape[1] + length.log() / SPREAD**2)
        variance = self.variance[units].unsqueeze(-1)
        spare = out - out.mean(-1, keepdim=True)
        force = spare.norm(dim=-1).clamp(min=1e-12)
        bessel, below = self._bessel(force / variance)
        of_out = of_out + ((1 - below / bessel / force) / variance).unsqueeze(-1) * spare
        return self.join(of_into, of_out, slope)

    def _bessel(self, at: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """exp(x) K_v(x) and exp(x) K_(v-1)(x)."""
        from scipy.special import kve

        values = at.cpu().numpy()
        found, below = (torch.as_tensor(kve(index, values), device=at.device) for index in (self.index, self.index - 1))
        return found, below


def coordinates(target: Target) -> Plain:
    """The coordinates that suit ``target``."""
    if isinstance(target, Problem) and isinstance(target.student, Mlp) and len(target.student.sizes) == 3:
        return ScaleFree(target)
    return Plain(target)
