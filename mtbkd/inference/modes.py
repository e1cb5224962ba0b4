"""The modes of a posterior as mixtures of multivariate t distributions, learned by EM from places where chains have been.

Shapes: U units, K modes per unit, N places, E members, Z coordinates.
"""

from typing import NamedTuple

from mtbkd.base.lazy import torch
from mtbkd.inference.optimise import Ascent
from mtbkd.inference.scale_free import Plain

TAILS = 16  # degrees of freedom of a mode: lighter tails than the posterior's would trap chains there
FLATTEST = 1e-5  # precision that a direction has at least, of the largest
STEPS = 8  # of EM, each time


class Modes(NamedTuple):
    """K multivariate t a unit: ``weight`` (U K,), ``mean`` (U K, Z), ``root`` (U K, Z, Z) of the scale and its ``inverse``."""

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
        """Scales (U K, Z, Z)."""
        return self.root @ self.root.transpose(1, 2)

    def take(self, rows: "torch.Tensor") -> "Modes":
        """Those in ``rows``."""
        return Modes(*(each[rows] for each in self))

    def log_density(self, place: "torch.Tensor") -> "torch.Tensor":
        """Log-densities (U, N, K), times weights, at ``place`` (U, N, Z), up to a common constant."""
        return self._log_density(self.distance(place), len(place))

    def distance(self, place: "torch.Tensor") -> "torch.Tensor":
        """Squared Mahalanobis distances (U, N, K) of ``place`` (U, N, Z)."""
        mean, inverse = (each.unflatten(0, (len(place), -1)) for each in (self.mean, self.inverse))
        return torch.einsum("ukpq,unkq->unkp", inverse, place.double().unsqueeze(2) - mean.unsqueeze(1)).square().sum(-1)

    def _log_density(self, distance: "torch.Tensor", units: int) -> "torch.Tensor":
        scale = self.inverse.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.weight.log()
        return scale.view(units, 1, -1) - 0.5 * (TAILS + self.mean.shape[1]) * (distance / TAILS).log1p()

    def draw(self, chosen: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """One draw (E, Z) of each mode in ``chosen`` (E,)."""
        shape, device = (len(chosen), self.mean.shape[1]), self.mean.device
        noise = torch.randn(shape, generator=generator, dtype=torch.float64, device=device)
        square = torch.randn((len(chosen), TAILS), generator=generator, dtype=torch.float64, device=device).square().sum(1)
        noise = noise * (TAILS / square).sqrt().unsqueeze(-1)
        return (self.mean[chosen] + torch.einsum("epq,eq->ep", self.root[chosen], noise)).float()

    def learn(self, past: "torch.Tensor", share: "torch.Tensor | None" = None) -> "Modes":
        """Fit to places ``past`` (U, N, Z) by EM (Peel & McLachlan 2000); the scales before count as Z places each.

        ``share`` (N, K): the modes' first shares of the places, by default as these modes give them.
        """
        each = torch.arange(len(self.weight), device=past.device).view(len(past), -1)
        fitted = [self.take(rows)._fit(own.unsqueeze(0), share) for rows, own in zip(each, past.double(), strict=True)]
        return Modes(*(torch.cat(parts) for parts in zip(*fitted, strict=True)))

    def _fit(self, past: "torch.Tensor", share: "torch.Tensor | None") -> "Modes":
        """``learn`` of one unit, of ``past`` (1, N, Z)."""
        size, places, modes, held = past.shape[2], past[0], self, self.cov
        for _ in range(STEPS):
            distance = modes.distance(past)
            found = torch.softmax(modes._log_density(distance, 1), -1)[0] if share is None else share
            counts = found * ((TAILS + size) / (TAILS + distance[0]))
            count = found.sum(0)
            mean = (counts.T @ places + self.mean) / (counts.sum(0) + 1).unsqueeze(-1)
            away = places - mean.unsqueeze(1)
            cov = (away * counts.T.unsqueeze(-1)).transpose(1, 2) @ away
            cov = (cov + size * held) / (count + size).view(-1, 1, 1)
            modes, share = Modes.of((count + 1) / (count + 1).sum(), mean, cov), None
        return modes


def climb(space: Plain, place: "torch.Tensor", units: "torch.Tensor", count: int) -> "torch.Tensor":
    """``place`` (E, Z) after ``count`` full-batch Adam steps."""
    place = place.clone()
    ascent = Ascent(place, 0.003, count)
    for _ in range(count):
        ascent.step(space.slope(place, units) / space.target.num_examples)
    return place


def curvature(space: Plain, place: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
    """Covariances (E, Z, Z) of a Gaussian with the curvature at ``place``, a mode on whose kinks it may be negative.

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
