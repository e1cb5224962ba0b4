"""A correlated Gaussian as a target: what every algorithm that claims the posterior must recover. U units, E members."""

from dataclasses import dataclass
from typing import Any

import torch

from mtbkd.posterior.target import Target
from mtbkd.students import uniform_init


@dataclass(frozen=True)
class Gaussian:
    """N(mean, cov) in every unit, normalised. ``mean`` (P,) and ``precision`` (P, P) in double precision."""

    mean: torch.Tensor
    precision: torch.Tensor
    num_units: int

    @property
    def num_params(self) -> int:
        return len(self.mean)

    @property
    def num_examples(self) -> int:
        return 1

    @property
    def hidden(self) -> tuple[int, ...]:
        return ()

    def members(self, count: int) -> torch.Tensor:
        return torch.arange(self.num_units).repeat_interleave(count)

    def start(self, seeds: list[int], scale: float = 1.0) -> torch.Tensor:
        return torch.stack([uniform_init(torch.Generator().manual_seed(s), (self.num_params,), 1, scale) for s in seeds])

    def minibatch(self, units: torch.Tensor, size: int, generator: torch.Generator) -> None:
        return None

    def full(self, units: torch.Tensor) -> None:
        return None

    def gradient(
        self, params: torch.Tensor, units: torch.Tensor, batch: Any, signal_power: float = 1.0,
        keep: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        return (self.mean.to(params.dtype) - params) @ self.precision.to(params.dtype)

    def log_density(self, params: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
        return torch.distributions.MultivariateNormal(self.mean, precision_matrix=self.precision).log_prob(params.double())

    def pymc_model(self) -> Any:
        import pymc as pm

        with pm.Model() as model:
            pm.MvNormal("theta", self.mean.numpy(), tau=self.precision.numpy())
        return model

    def pymc_data(self, unit: int) -> dict[str, Any]:
        return {}


def gaussian(mean: torch.Tensor, cov: torch.Tensor, units: int = 1) -> Target:
    """N(``mean`` (P,), ``cov`` (P, P)) as the target of ``units`` units."""
    return Gaussian(mean.double(), torch.linalg.inv(cov.double()), units)
