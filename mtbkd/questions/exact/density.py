"""A log-density in closed form as the target of an inference algorithm. Shapes: E members, P parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbkd.base.lazy import torch

# Some algorithms divide gradients by the number of examples: with about as many as the students of the other cases have, one
# step size suits all.
EXAMPLES = 30


@dataclass(frozen=True)
class Density:
    """One unit of a density without examples, whose minibatches are all of it; see ``mtbkd.posterior.target.Target``.

    Attributes:
        log_prob: (E, P) -> (E,), up to a constant, in the precision of its argument.
        symbolic: the same of a PyTensor vector (P,).
        centre, spread: (P,) where chains start: N(centre, spread^2) coordinate by coordinate.
        device: where members and starting points live.
    """

    log_prob: "Callable[[torch.Tensor], torch.Tensor]"
    symbolic: Callable[[Any], Any]
    centre: np.ndarray
    spread: np.ndarray
    device: str = "cpu"

    @property
    def num_units(self) -> int:
        return 1

    @property
    def num_params(self) -> int:
        return len(self.centre)

    @property
    def num_examples(self) -> int:
        return EXAMPLES

    @property
    def hidden(self) -> tuple[int, ...]:
        return ()

    def members(self, count: int) -> "torch.Tensor":
        """``count`` members of the one unit."""
        return torch.zeros(count, dtype=torch.int64, device=self.device)

    def start(self, seeds: list[int], scale: float = 1.0) -> "torch.Tensor":
        """Starting points (E, P), one a seed."""
        noise = torch.stack([torch.randn(self.num_params, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        start = torch.as_tensor(self.centre).to(noise) + scale * torch.as_tensor(self.spread).to(noise) * noise
        return start.to(self.device)

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> None:
        """There are no examples."""

    def full(self, units: "torch.Tensor") -> None:
        """There are no examples."""

    def gradient(
        self, params: "torch.Tensor", units: "torch.Tensor", batch: Any, signal_power: float = 1.0,
        keep: "list[torch.Tensor] | None" = None,
    ) -> "torch.Tensor":  # fmt: skip
        """Gradient (E, P) by automatic differentiation."""
        with torch.enable_grad():
            leaf = params.detach().requires_grad_()
            (grad,) = torch.autograd.grad(self.log_prob(leaf).sum(), leaf)
        return grad

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-density (E,), up to a constant."""
        with torch.no_grad():
            return self.log_prob(params)

    def pymc_model(self) -> Any:
        """A flat ``theta`` (P,) with the density as a potential."""
        import pymc as pm

        with pm.Model() as model:
            theta = pm.Flat("theta", shape=self.num_params, initval=self.centre)
            pm.Potential("log_prob", self.symbolic(theta))
        return model

    def pymc_data(self, unit: int) -> dict[str, Any]:
        """There is one unit only."""
        return {}
