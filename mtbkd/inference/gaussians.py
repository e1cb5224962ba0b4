"""Gaussian families q of variational inference, all of one form and scaled by the same marginal ``sigma``.

    theta = mu + sigma * u,   u = eps              mean_field    S = I
                              u = eps + B z        low_rank      S = I + B B^T              B (P, R)
                              u = (I + A) eps      full_rank     S = (I + A) (I + A)^T      A (P, P) strictly lower triangular

with eps, z ~ N(0, I), so that cov(theta) = diag(sigma) S diag(sigma) and the entropy is sum log sigma + 1/2 log det S + const.
low_rank is Ong, Nott & Smith 2018 ("Gaussian variational approximation with a factor covariance structure"); full_rank the
Cholesky form of Kucukelbir et al. 2017. S is inverted by Woodbury's identity through R x R Cholesky factors, or not at all.
Shapes: U units, S samples, P parameters, R rank, W noise a sample. A and B are ``factor``, (U, P, P) and (U, P, R).
"""

import math
from dataclasses import dataclass
from typing import Protocol

from mtbkd.base.lazy import torch


class Family(Protocol):
    """What distinguishes one family from another: the law of u."""

    def noise_size(self, size: int) -> int:
        """W, for ``size`` parameters."""
        ...

    def start(self, mean: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        """The factor of (nearly) independent coordinates, for ``mean`` (U, P)."""
        ...

    def spread(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        """u (U, S, P) of standard normal ``noise`` (U, S, W)."""
        ...

    def solve(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        """S^-1 u (U, S, P)."""
        ...

    def log_det(self, factor: "torch.Tensor") -> "torch.Tensor":
        """log det S, (U,) or a zero."""
        ...

    def pull(self, grad: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        """Derivative of the factor, mean over samples, from ``grad`` (U, S, P), that of u."""
        ...


class MeanField:
    """S = I; the factor is empty, (U, P, 0)."""

    def noise_size(self, size: int) -> int:
        return size

    def start(self, mean: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        return mean.new_zeros((*mean.shape, 0))

    def spread(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return noise

    def solve(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return noise

    def log_det(self, factor: "torch.Tensor") -> "torch.Tensor":
        return factor.new_zeros(())

    def pull(self, grad: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return grad.new_zeros((grad.shape[0], grad.shape[2], 0))


@dataclass(frozen=True)
class LowRank:
    """S = I + B B^T with B (P, ``rank``). B = 0 is a saddle of the ELBO, so B starts small and random."""

    rank: int

    def noise_size(self, size: int) -> int:
        return size + self.rank

    def start(self, mean: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        shape = (*mean.shape, self.rank)
        return 0.1 * torch.randn(shape, generator=generator, device=mean.device, dtype=mean.dtype)

    def spread(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return noise[..., self.rank :] + noise[..., : self.rank] @ factor.mT

    def _cholesky(self, factor: "torch.Tensor") -> "torch.Tensor":
        """Of M = I + B^T B, (U, R, R); NaN where B has become non-finite."""
        eye = torch.eye(self.rank, device=factor.device, dtype=factor.dtype)
        lower, failed = torch.linalg.cholesky_ex(eye + factor.mT @ factor)
        return torch.where(failed.view(-1, 1, 1) > 0, torch.nan, lower)

    def solve(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        u = self.spread(factor, noise)
        inner = torch.cholesky_solve((u @ factor).mT, self._cholesky(factor))
        return u - inner.mT @ factor.mT

    def log_det(self, factor: "torch.Tensor") -> "torch.Tensor":
        return 2 * self._cholesky(factor).diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def pull(self, grad: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return grad.mT @ noise[..., : self.rank] / grad.shape[1]


class FullRank:
    """S = (I + A) (I + A)^T."""

    def noise_size(self, size: int) -> int:
        return size

    def start(self, mean: "torch.Tensor", generator: "torch.Generator") -> "torch.Tensor":
        return mean.new_zeros((*mean.shape, mean.shape[1]))

    def spread(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return noise + noise @ factor.mT

    def solve(self, factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        """(I + A)^-T eps: A has an empty diagonal, which the solver takes for ones."""
        return torch.linalg.solve_triangular(factor.mT, noise.mT, upper=True, unitriangular=True).mT

    def log_det(self, factor: "torch.Tensor") -> "torch.Tensor":
        return factor.new_zeros(())

    def pull(self, grad: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        return (grad.mT @ noise / grad.shape[1]).tril_(-1)


def log_prob(family: Family, log_scale: "torch.Tensor", factor: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
    """log q (U, S) of the draws that ``noise`` (U, S, W) makes."""
    quadratic = (family.spread(factor, noise) * family.solve(factor, noise)).sum(-1)
    normalise = log_scale.sum(-1) + 0.5 * family.log_det(factor) + 0.5 * log_scale.shape[-1] * math.log(2 * math.pi)
    return -0.5 * quadratic - normalise.unsqueeze(-1)
