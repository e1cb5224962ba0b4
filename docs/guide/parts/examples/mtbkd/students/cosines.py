"""Linear softmax of random Fourier features cos(x W + b) (Rahimi & Recht 2007): a kernel machine with few parameters.

W has entries N(0, 1 / ``width``^2) and b is uniform on [0, 2 pi); both are drawn once, so that only the linear map is learnt.
"""

from dataclasses import dataclass
from math import pi, prod
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.students import Pull, dense, dense_vjp, uniform_init

SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    cosines: int = Field(30, ge=1, le=100_000, description="number of random features")
    width: float = Field(1.0, gt=0, le=1_000, description="length over which the student varies, in standardised inputs")


def hidden_sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """No layer that dropout could act on."""
    return ()


def num_params(settings: Settings, features: tuple[int, ...], num_classes: int) -> int:
    """P, counted without building anything."""
    return (settings.cosines + 1) * num_classes


def build(settings: Settings, features: tuple[int, ...], num_classes: int) -> "Cosines":
    """The student for examples of shape ``features``."""
    return Cosines(prod(features), settings.cosines, settings.width, num_classes)


@dataclass(frozen=True)
class Cosines:
    """See ``mtbkd.students.Student``."""

    num_inputs: int
    cosines: int
    width: float
    num_classes: int

    @property
    def num_params(self) -> int:
        return (self.cosines + 1) * self.num_classes

    @property
    def hidden(self) -> tuple[int, ...]:
        return ()

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        generator = torch.Generator().manual_seed(0)  # the same features for every fit
        weight = torch.randn((self.num_inputs, self.cosines), generator=generator) / self.width
        phase = torch.rand(self.cosines, generator=generator) * 2 * pi
        return torch.cos(x.flatten(2) @ weight.to(x) + phase.to(x))

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        return uniform_init(generator, (self.num_params,), self.cosines, scale)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        return dense(params, x, 0, self.cosines, self.num_classes)

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        grad = torch.empty_like(params)
        dense_vjp(grad, params, x, pull(self.apply(params, x)), 0, first=True)
        return grad

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        return params

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        raise NotImplementedError("cosines: SYMBOLIC is False")
