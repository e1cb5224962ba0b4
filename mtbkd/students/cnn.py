"""Small convolutional student: 3x3 convolution - ReLU - 2x2 max-pooling blocks, one hidden dense layer or more.

The layer pattern is BKD's and MT-BKD's image student (conv16, conv8, FC 60, FC 10); kernels and padding are not printed
there: ours are 3x3 with padding 1. No batch statistics, so that members of an ensemble stay independent.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mtbkd.errors import ConfigError
from mtbkd.lazy import lazy_import
from mtbkd.students import Pull, automatic_vjp, bake_dense, dense, uniform_init

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

SYMBOLIC = False


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: tuple[PositiveInt, ...] = Field((16, 8), min_length=1, description="output channels of each 3x3 convolution")
    hidden: tuple[PositiveInt, ...] = Field((60,), min_length=1, description="units of each dense hidden layer")


def _sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    if len(features) != 3 or min(features[1:]) >> len(settings.channels) < 1:
        raise ConfigError(
            f"student cnn: found examples of shape {features}; allowed: (channels, height, width) of at least "
            f"{2 ** len(settings.channels)} pixels a side. Hint: use an mlp student, or fewer channels entries"
        )
    height, width = (side >> len(settings.channels) for side in features[1:])
    return (settings.channels[-1] * height * width, *settings.hidden, num_classes)


def hidden_sizes(settings: Settings, features: tuple[int, ...], num_classes: int) -> tuple[int, ...]:
    """Sizes of the dense hidden layers."""
    return settings.hidden


def num_params(settings: Settings, features: tuple[int, ...], num_classes: int) -> int:
    """P, counted without building anything."""
    return build(settings, features, num_classes).num_params


def build(settings: Settings, features: tuple[int, ...], num_classes: int) -> "Cnn":
    """The student for images of shape ``features`` = (channels, height, width)."""
    return Cnn((features[0], *settings.channels), _sizes(settings, features, num_classes))


@dataclass(frozen=True)
class Cnn:
    """See ``mtbkd.students.Student``. ``channels``: of the input and after each convolution; ``sizes``: of the dense part."""

    channels: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def num_params(self) -> int:
        return self._conv_params + sum((a + 1) * b for a, b in pairwise(self.sizes))

    @property
    def _conv_params(self) -> int:
        return sum((a * 9 + 1) * b for a, b in pairwise(self.channels))

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        return x

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        layers = [uniform_init(generator, ((a * 9 + 1) * b,), a * 9, scale) for a, b in pairwise(self.channels)]
        layers += [uniform_init(generator, ((a + 1) * b,), a, scale) for a, b in pairwise(self.sizes)]
        return torch.cat(layers)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        members, n = params.shape[0], x.shape[1]
        x, offset = self._convolve(params, x)
        x = x.view(n, members, -1).transpose(0, 1)
        last = len(self.sizes) - 2
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            x = dense(params, x, offset, a, b)
            offset += (a + 1) * b
            if layer < last:
                x = torch.relu(x)
                if keep is not None:
                    x = x * keep[layer]
        return x

    def _convolve(self, params: "torch.Tensor", x: "torch.Tensor") -> "tuple[torch.Tensor, int]":
        """The convolutional part as grouped convolutions: (N, E * channels, height, width), and the next offset."""
        members, offset = params.shape[0], 0
        shared = x.shape[0] == 1
        x = x[0] if shared else x.transpose(0, 1).flatten(1, 2)
        for layer, (a, b) in enumerate(pairwise(self.channels)):
            end = offset + a * b * 9
            weight = params[:, offset:end].reshape(members * b, a, 3, 3)
            bias = params[:, end : end + b].reshape(-1)
            groups = 1 if shared and layer == 0 else members
            x = torch.conv2d(x, weight, bias, padding=1, groups=groups)
            x = torch.max_pool2d(torch.relu(x), 2)
            offset = end + b
        return x, offset

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        return automatic_vjp(self, params, x, pull, keep)

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        params, offset = params.clone(), self._conv_params
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            if layer > 0:
                bake_dense(params, keep[layer - 1], offset, b)
            offset += (a + 1) * b
        return params

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        raise NotImplementedError("SYMBOLIC is False: the configuration check keeps PyMC's algorithms away")
