"""Multilayer perceptron with ReLU units; MT-BKD's 2-5-2 (27 parameters) and 5-10-5 (115) students are of this kind."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Layers
from mtbkd.base.lazy import torch
from mtbkd.students import DenseLayers, Pull, bake_dense, dense, dense_vjp, uniform_init

SYMBOLIC = True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: Layers = Field((32,), description="units of each hidden layer")


def hidden_sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """Sizes of the hidden layers."""
    return settings.hidden


def num_params(settings: Settings, features: tuple[int, ...], num_classes: int) -> int:
    """P, counted without building anything."""
    return sum((a + 1) * b for a, b in pairwise((prod(features), *settings.hidden, num_classes)))


def build(settings: Settings, features: tuple[int, ...], num_classes: int) -> "Mlp":
    """The student for examples of shape ``features``."""
    return Mlp((prod(features), *settings.hidden, num_classes))


@dataclass(frozen=True)
class Mlp:
    """See ``mtbkd.students.Student``. ``sizes``: inputs, hidden layers, classes."""

    sizes: tuple[int, ...]

    @property
    def num_params(self) -> int:
        return sum((a + 1) * b for a, b in pairwise(self.sizes))

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    @property
    def dense_layers(self) -> DenseLayers:
        return DenseLayers(self.sizes)

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        return x.flatten(2)

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        layers = [uniform_init(generator, ((a + 1) * b,), a, scale) for a, b in pairwise(self.sizes)]
        return torch.cat(layers)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        offset, last = 0, len(self.sizes) - 2
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            x = dense(params, x, offset, a, b)
            offset += (a + 1) * b
            if layer < last:
                x = torch.relu(x)
                if keep is not None:
                    x = x * keep[layer]
        return x

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        layers, offsets, inputs = list(pairwise(self.sizes)), [0], [x]
        for layer, (a, b) in enumerate(layers):
            x = dense(params, inputs[-1], offsets[-1], a, b)
            offsets.append(offsets[-1] + (a + 1) * b)
            if layer < len(layers) - 1:
                x = x.clamp_(min=0)
                inputs.append(x if keep is None else x * keep[layer])
        grad, back = torch.empty_like(params), pull(x)
        for layer in reversed(range(len(layers))):
            back = dense_vjp(grad, params, inputs[layer], back, offsets[layer], layer == 0)
            if layer > 0:
                back = torch.ops.aten.threshold_backward(back, inputs[layer], 0)
                if keep is not None:
                    back = back.mul_(keep[layer - 1])
        return grad

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        params, offset = params.clone(), 0
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            if layer > 0:
                bake_dense(params, keep[layer - 1], offset, b)
            offset += (a + 1) * b
        return params

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        import pytensor.tensor as pt

        offset, last = 0, len(self.sizes) - 2
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            x = pt.dot(x, theta[offset : offset + a * b].reshape((a, b))) + theta[offset + a * b : offset + (a + 1) * b]
            offset += (a + 1) * b
            if layer < last:
                x = pt.maximum(x, 0)
        return x
