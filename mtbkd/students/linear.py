"""Linear-softmax student on raw or quadratic features, with the first class as reference.

A softmax with K free columns is not identified; with the first class's logit fixed at 0 the posterior under any of the
signals is unimodal or nearly so, and NUTS is a gold standard for the other algorithms.
"""

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.lazy import torch
from mtbkd.students import DenseLayers, Pull, dense, dense_vjp, uniform_init

SYMBOLIC = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    features: Literal["raw", "quadratic"] = Field(
        "raw", description="raw inputs, or inputs with their squares and products (contains the truth of Sim 1)"
    )


def _num_inputs(settings: Settings, features: tuple[int, ...]) -> int:
    d = prod(features)
    return d if settings.features == "raw" else d + d * (d + 1) // 2


def hidden_sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """A linear student has no hidden layer."""
    return ()


def num_params(settings: Settings, features: tuple[int, ...], num_classes: int) -> int:
    """P, counted without building anything."""
    return (_num_inputs(settings, features) + 1) * (num_classes - 1)


def build(settings: Settings, features: tuple[int, ...], num_classes: int) -> "Linear":
    """The student for examples of shape ``features``."""
    return Linear(_num_inputs(settings, features), num_classes, settings.features == "quadratic")


@dataclass(frozen=True)
class Linear:
    """See ``mtbkd.students.Student``."""

    num_inputs: int
    num_classes: int
    quadratic: bool

    @property
    def num_params(self) -> int:
        return (self.num_inputs + 1) * (self.num_classes - 1)

    @property
    def hidden(self) -> tuple[int, ...]:
        return ()

    @property
    def dense_layers(self) -> DenseLayers:
        return DenseLayers((self.num_inputs, self.num_classes - 1), first_is_zero=True)

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        x = x.flatten(2)
        if not self.quadratic:
            return x
        i, j = torch.triu_indices(x.shape[-1], x.shape[-1])
        return torch.cat([x, x[..., i] * x[..., j]], dim=-1)

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        return uniform_init(generator, (self.num_params,), self.num_inputs, scale)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        free = dense(params, x, 0, self.num_inputs, self.num_classes - 1)
        return torch.cat([free.new_zeros((*free.shape[:2], 1)), free], dim=-1)

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        grad = torch.empty_like(params)
        dense_vjp(grad, params, x, pull(self.apply(params, x))[..., 1:], 0, first=True)
        return grad

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        return params

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        import pytensor.tensor as pt

        split = self.num_inputs * (self.num_classes - 1)
        free = pt.dot(x, theta[:split].reshape((self.num_inputs, self.num_classes - 1))) + theta[split:]
        return pt.concatenate([pt.zeros_like(free[:, :1]), free], axis=1)
