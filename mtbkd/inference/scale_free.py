"""Coordinates in which a sampler moves: those of the target, or, for ReLU students, without the scales that no label sees.

A ReLU unit with incoming weights and bias a (A numbers) and outgoing weights c (K numbers) says the same as one with a t and
c / t, t > 0, and softmax does not see the mean of c. With c = mean + e, only the direction u = a / |a| and f = |a| e enter the
likelihood; the Gaussian prior N(0, s^2 I) alone decides how |f| is shared out, along a curved ridge on which samplers crawl.
Integrated over r = |a| it leaves

    density of (u, f) = constant * |f|^v K_v(|f| / s^2),    v = (A - K + 1) / 2,   K_v: modified Bessel function,

(from r^(A-K) exp(-r^2 / (2 s^2) - |f|^2 / (2 s^2 r^2)), by r^2 = t), and given |f|, r^2 is generalised inverse Gaussian with
index v, a = 1 / s^2, b = |f|^2 / s^2. So one samples (u, f) and draws r, and the means, afterwards: draws of the very same
posterior. The coordinates here are z = (a, f, b) with u = a / |a|, and f and the biases b of the classes without their means,
K - 1 numbers each; |a| gets a density of its own, log |a| ~ N(0, SPREAD^2), which no other coordinate depends on.
Shapes: E members, P parameters, H units, Z = (A + K - 1) H + K - 1 coordinates.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.posterior.problem import Problem
from mtbkd.posterior.target import Target, full_gradient
from mtbkd.students.mlp import Mlp

SPREAD = 0.05  # of log |a|, which means nothing; narrow, as tangents to the sphere of u scale with |a|
NO_FORCE = 1e-4  # |f| / s^2 below which r is drawn as at this value: a relative difference of about 1e-8


@dataclass(frozen=True)
class Plain:
    """The target's own coordinates."""

    target: Target

    def from_params(self, params: "torch.Tensor") -> "torch.Tensor":
        """Coordinates (E, Z) of ``params`` (E, P); Z = P here."""
        return params.clone()

    def shown(self, place: "torch.Tensor") -> "torch.Tensor":
        """Parameters (E, P) that predict what ``place`` (E, Z) stands for."""
        return place

    def to_params(self, place: "torch.Tensor", units: "torch.Tensor", rng: np.random.Generator) -> "torch.Tensor":
        """Parameters (E, P) at ``place`` (E, Z), what the coordinates leave open drawn from its conditional distribution."""
        return place

    def value(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-density (E,) at ``place`` (E, Z) of members of ``units`` (E,), float64, up to a constant of the unit."""
        return self.target.log_density(place, units).double()

    def slope(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Its gradient (E, Z)."""
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

    @cached_property
    def basis(self) -> "torch.Tensor":
        """Orthonormal (K, K - 1) of the differences among classes."""
        classes, device = self.sizes[-1], self.variance.device
        differences = torch.eye(classes, dtype=torch.float64, device=device)[:, 1:] - 1 / classes
        return torch.linalg.qr(differences).Q

    def split(self, place: "torch.Tensor", classes: int) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """``a`` (E, D + 1, H), weights (E, H, ``classes``) and biases (E, ``classes``) behind, in double precision."""
        inputs, hidden, _ = self.sizes
        into, out, bias = place.double().split([(inputs + 1) * hidden, hidden * classes, classes], 1)
        return into.unflatten(1, (-1, hidden)), out.unflatten(1, (hidden, -1)), bias

    def at(self, place: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """``a`` and ``f`` of ``place``, and the parameters (E, P) with |a| = 1 and f = e."""
        into, force, bias = self.split(place, self.sizes[-1] - 1)
        return into, force, _join(into / into.norm(dim=1, keepdim=True), force @ self.basis.T, bias @ self.basis.T)

    def shown(self, place: "torch.Tensor") -> "torch.Tensor":
        return self.at(place)[2]

    def from_params(self, params: "torch.Tensor") -> "torch.Tensor":
        into, out, bias = self.split(params, self.sizes[-1])
        length = into.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return _join(into / length, out @ self.basis * length.transpose(1, 2), bias @ self.basis)

    def to_params(self, place: "torch.Tensor", units: "torch.Tensor", rng: np.random.Generator) -> "torch.Tensor":
        from scipy.stats import geninvgauss

        into, force, bias = self.split(place, self.sizes[-1] - 1)
        variance = self.variance[units].unsqueeze(-1)
        # Towards |f| = 0 and v > 0 the distribution of r does not change, and scipy finds no draw of it.
        size = torch.maximum(force.norm(dim=-1), variance * (NO_FORCE if self.index > 0 else 1e-9))
        drawn = geninvgauss.rvs(self.index, (size / variance).cpu().numpy(), random_state=rng)
        length = (size * torch.as_tensor(drawn, device=size.device)).sqrt().unsqueeze(-1)
        noise = torch.as_tensor(rng.standard_normal((len(place), self.sizes[1] + 1, 1)), device=size.device)
        mean = noise * (variance / self.sizes[-1]).sqrt().unsqueeze(-1)
        out, bias = force / length @ self.basis.T + mean[:, :-1], bias @ self.basis.T + mean[:, -1]
        return _join(into / into.norm(dim=1, keepdim=True) * length.transpose(1, 2), out, bias)

    def value(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        into, force, params = self.at(place)
        variance = self.variance[units].unsqueeze(-1)
        size, log_length = force.norm(dim=-1).clamp(min=1e-12), into.norm(dim=1).log()
        bessel, _ = self._bessel(size / variance)
        of_force = self.index * size.log() + bessel.log() - size / variance + 0.5 * size.square() / variance
        of_length = -into.shape[1] * log_length - 0.5 * (log_length / SPREAD).square()
        return super().value(params, units) + (of_force + of_length).sum(-1)

    def slope(self, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        into, force, params = self.at(place)
        along, of_out, of_bias = self.split(super().slope(params, units), self.sizes[-1])
        length = into.norm(dim=1, keepdim=True)
        direction = into / length
        # The prior of a / |a| is constant: only what turns a counts.
        turn = (along - direction * (direction * along).sum(1, keepdim=True)) / length
        of_into = turn - direction / length * (into.shape[1] + length.log() / SPREAD**2)
        variance = self.variance[units].unsqueeze(-1)
        size = force.norm(dim=-1).clamp(min=1e-12)
        bessel, below = self._bessel(size / variance)
        of_force = of_out @ self.basis + ((1 - below / bessel / size) / variance).unsqueeze(-1) * force
        return _join(of_into, of_force, of_bias @ self.basis)

    def _bessel(self, at: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """exp(x) K_v(x) and exp(x) K_(v-1)(x)."""
        from scipy.special import kve

        values = at.cpu().numpy()
        found, below = (torch.as_tensor(kve(index, values), device=at.device) for index in (self.index, self.index - 1))
        return found, below


def _join(*parts: "torch.Tensor") -> "torch.Tensor":
    """``parts`` (E, ...) side by side, (E, ...), in single precision."""
    return torch.cat([part.flatten(1) for part in parts], 1).float()


def coordinates(target: Target) -> Plain:
    """The coordinates that suit ``target``."""
    if isinstance(target, Problem) and isinstance(target.student, Mlp) and len(target.student.sizes) == 3:
        return ScaleFree(target)
    return Plain(target)
