"""Interface of the target density of an inference algorithm, so that any log-density can be a target.

A student's posterior (``posterior.Problem``) is one; the exact cases that judge the algorithms are others.
Shapes: U units (independent densities of the same form), E members (chains, starts, samples) of units, P parameters.
"""

from typing import Any, Protocol

from mtbkd.base.lazy import torch


class Target(Protocol):
    """U log-densities of P real parameters."""

    @property
    def num_units(self) -> int: ...

    @property
    def num_params(self) -> int: ...

    @property
    def num_examples(self) -> int:
        """What a minibatch is drawn from; 1 where the density is no sum over examples."""
        ...

    @property
    def hidden(self) -> tuple[int, ...]:
        """Sizes of the layers that dropout acts on; () where there are none."""
        ...

    def members(self, count: int) -> "torch.Tensor":
        """Units (U * count,) of an ensemble of ``count`` members per unit, unit by unit."""
        ...

    def start(self, seeds: list[int], scale: float = 1.0) -> "torch.Tensor":
        """Starting points (E, P), one per seed; ``scale`` > 1 overdisperses them."""
        ...

    def minibatch(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> Any:
        """``size`` examples for each member, drawn by itself; what ``gradient`` reads."""
        ...

    def full(self, units: "torch.Tensor") -> Any:
        """All examples for each member."""
        ...

    def gradient(
        self, params: "torch.Tensor", units: "torch.Tensor", batch: Any, signal_power: float = 1.0,
        keep: "list[torch.Tensor] | None" = None,
    ) -> "torch.Tensor":  # fmt: skip
        """Unbiased gradient (E, P) at ``params`` (E, P) from ``batch``."""
        ...

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-density (E,) on all examples, up to a constant of the unit."""
        ...

    def pymc_model(self) -> Any:
        """The first unit's density as a PyMC model of the one variable ``theta`` (P,)."""
        ...

    def pymc_data(self, unit: int) -> dict[str, Any]:
        """Data (``pm.set_data``) that make ``pymc_model`` that of another unit."""
        ...


def full_gradient(
    target: Target, params: "torch.Tensor", units: "torch.Tensor", max_values: int = 20_000_000
) -> "torch.Tensor":
    """Gradient (E, P) at ``params`` (E, P) from all examples, in chunks of members that bound the memory."""
    if compiled := getattr(target, "compiled", None):
        return compiled.full_gradient(params, units)
    chunk = max(1, max_values // (target.num_examples * max((*target.hidden, 16))))
    parts = zip(params.split(chunk), units.split(chunk), strict=True)
    return torch.cat([target.gradient(own, of, target.full(of)) for own, of in parts])
