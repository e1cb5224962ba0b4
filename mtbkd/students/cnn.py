"""Small convolutional student: 3x3 convolution - ReLU - 2x2 max-pooling blocks, one hidden dense layer or more.

The layer pattern is BKD's and MT-BKD's image student: conv16, norm, ReLU, pool; conv8, norm, ReLU, pool; FC 60; FC 10. Kernels
and padding are not printed there, and no usual choice has the printed .1M parameters: ours are 3x3 with padding 1. Their
normalisation (``norm: layer``) cannot be by batch, as members of an ensemble and draws of a posterior have no batch statistics:
it is over one example (``convolution``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.bounds import Layers
from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import torch
from mtbkd.students import Pull, bake_dense, convolution, dense, dense_vjp, uniform_init, vjp_in_parts
from mtbkd.students.convolution import Tape, Weights

SYMBOLIC = False
# Numbers of a convolution's output that are computed at once: calling torch costs as much as computing a small convolution, so
# that many members share a call. On a CPU a larger output than this is no faster, and its memory is not kept between calls.
CPU_VALUES, GPU_VALUES, CPU_EXAMPLES = 1 << 22, 1 << 28, 256
# More members than that in one grouped convolution are slower on a GPU: of images of 8 x 8 pixels, 2.7 million a second in
# groups of 128 and .67 in groups of 256 (H200, cuDNN 9.19).
GPU_MEMBERS = 128
CPU_KEPT, GPU_KEPT = 1 << 28, 1 << 31  # numbers that a derivative keeps of its way forward


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Layers = Field((16, 8), description="output channels of each 3x3 convolution")
    hidden: Layers = Field((60,), description="units of each dense hidden layer")
    norm: Literal["none", "layer"] = Field(
        "none", description="layer: normalise each example over channels and pixels after every convolution"
    )


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
    channels = (features[0], *settings.channels)
    return Cnn(channels, _sizes(settings, features, num_classes), settings.norm == "layer")


@dataclass(frozen=True)
class Cnn:
    """See ``mtbkd.students.Student``. ``channels``: of the input and after each convolution; ``sizes``: of the dense part."""

    channels: tuple[int, ...]
    sizes: tuple[int, ...]
    norm: bool = False

    @property
    def num_params(self) -> int:
        return self._conv_params + sum((a + 1) * b for a, b in pairwise(self.sizes))

    @property
    def _conv_params(self) -> int:
        return sum(sum(self._parts(a, b)) for a, b in pairwise(self.channels))

    def _parts(self, a: int, b: int) -> tuple[int, ...]:
        """Numbers of a block's kernel, bias and, where it normalises, log-gain and shift."""
        return (9 * a * b, b, b, b) if self.norm else (9 * a * b, b)

    @property
    def hidden(self) -> tuple[int, ...]:
        return self.sizes[1:-1]

    def inputs(self, x: "torch.Tensor") -> "torch.Tensor":
        return x

    def init(self, generator: "torch.Generator", scale: float = 1.0) -> "torch.Tensor":
        layers = []
        for a, b in pairwise(self.channels):
            layers.append(uniform_init(generator, ((a * 9 + 1) * b,), a * 9, scale))
            layers += [torch.zeros(2 * b)] if self.norm else []
        layers += [uniform_init(generator, ((a + 1) * b,), a, scale) for a, b in pairwise(self.sizes)]
        return torch.cat(layers)

    def apply(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None" = None) -> "torch.Tensor":
        found = []
        for members in self._chunks(params, x):
            own = x if len(x) == 1 else x[members]
            parts = own.split(_at_once(params)[1], 1)
            found.append(torch.cat([_flat(self._convolve(params[members], part)[-1].out, members) for part in parts], 1))
        return self._dense(params, torch.cat(found), keep)[-1]

    def _chunks(self, params: "torch.Tensor", x: "torch.Tensor") -> Iterator[slice]:
        """Members that are computed at once."""
        values, examples = _at_once(params)
        per_member = max(self.channels[1:]) * min(x.shape[1], examples) * x.shape[-2:].numel()
        count = max(1, values // max(1, per_member))
        count = count if params.device.type == "cpu" else min(count, GPU_MEMBERS)
        for first in range(0, len(params), count):
            yield slice(first, min(first + count, len(params)))

    def _weights(self, params: "torch.Tensor") -> list[Weights]:
        """Each block's weights out of ``params`` (M, P)."""
        found, offset = [], 0
        for a, b in pairwise(self.channels):
            sizes = self._parts(a, b)
            kernel, bias, *norm = params[:, offset : offset + sum(sizes)].split(sizes, 1)
            found.append(Weights(kernel.reshape(-1, a, 3, 3), bias.reshape(-1), *norm))
            offset += sum(sizes)
        return found

    def _convolve(self, params: "torch.Tensor", x: "torch.Tensor") -> list[Tape]:
        """The blocks of ``params`` (M, P) on ``x`` (M or 1, N, C, H, W)."""
        members, value, tapes = len(params), convolution.images(x), []
        for layer, weights in enumerate(self._weights(params)):
            groups = 1 if layer == 0 and len(x) == 1 else members
            tapes.append(convolution.forward(value, weights, members, groups))
            value = tapes[-1].out
        return tapes

    def _dense(self, params: "torch.Tensor", x: "torch.Tensor", keep: "list[torch.Tensor] | None") -> "list[torch.Tensor]":
        """Inputs of the dense layers and the logits, each (E, N, H)."""
        values, offset, last = [x], self._conv_params, len(self.sizes) - 2
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            x = dense(params, x, offset, a, b)
            offset += (a + 1) * b
            if layer < last:
                x = torch.relu(x)
                x = x if keep is None else x * keep[layer]
            values.append(x)
        return values

    def vjp(
        self, params: "torch.Tensor", x: "torch.Tensor", pull: Pull, keep: "list[torch.Tensor] | None" = None
    ) -> "torch.Tensor":
        limit = CPU_KEPT if params.device.type == "cpu" else GPU_KEPT
        many = max(1, limit // self._kept_numbers(params, x))
        if x.shape[1] > many:
            parts = ((slice(None), slice(first, first + many)) for first in range(0, x.shape[1], many))
            return vjp_in_parts(self, self.vjp, params, x, pull, keep, parts)
        chunks = list(self._chunks(params, x))
        tapes = [self._convolve(params[members], x if len(x) == 1 else x[members]) for members in chunks]
        flat = torch.cat([_flat(tape[-1].out, members) for tape, members in zip(tapes, chunks, strict=True)])
        values = self._dense(params, flat, keep)
        grad, back, offset = torch.empty_like(params), pull(values[-1]), self.num_params
        for layer in reversed(range(len(self.sizes) - 1)):
            a, b = self.sizes[layer : layer + 2]
            offset -= (a + 1) * b
            back = dense_vjp(grad, params, values[layer], back, offset, first=False)
            if layer > 0:
                back = torch.ops.aten.threshold_backward(back, values[layer], 0)
                back = back if keep is None else back.mul_(keep[layer - 1])
        for members, tape in zip(chunks, tapes, strict=True):
            self._convolve_vjp(grad[members], params[members], tape, back[members], shared=len(x) == 1)
        return grad

    def _kept_numbers(self, params: "torch.Tensor", x: "torch.Tensor") -> int:
        """Numbers of one example's way through the convolutions that a derivative keeps, of all members."""
        return 2 * len(params) * max(self.channels[1:]) * x.shape[-2:].numel()

    def _convolve_vjp(
        self, grad: "torch.Tensor", params: "torch.Tensor", tapes: list[Tape], back: "torch.Tensor", shared: bool
    ) -> None:
        """Write the derivatives of the blocks into ``grad`` (M, P), for ``back`` (M, N, features) of what they put out."""
        members, n = back.shape[:2]
        height, width = tapes[-1].out.shape[2:]
        pulled = convolution.images(back.view(members, n, -1, height, width))
        weights, offset = self._weights(params), self._conv_params
        for layer in reversed(range(len(tapes))):
            groups = 1 if layer == 0 and shared else members
            inputs, found = convolution.backward(pulled, tapes[layer], weights[layer], members, groups, layer == 0)
            parts = torch.cat([part.reshape(members, -1) for part in found if part is not None], 1)
            grad[:, offset - parts.shape[1] : offset] = parts
            offset -= parts.shape[1]
            pulled = pulled if inputs is None else inputs

    def bake(self, params: "torch.Tensor", keep: "list[torch.Tensor]") -> "torch.Tensor":
        params, offset = params.clone(), self._conv_params
        for layer, (a, b) in enumerate(pairwise(self.sizes)):
            if layer > 0:
                bake_dense(params, keep[layer - 1], offset, b)
            offset += (a + 1) * b
        return params

    def apply_symbolic(self, theta: Any, x: Any) -> Any:
        raise NotImplementedError("SYMBOLIC is False: the configuration check keeps PyMC's algorithms away")


def _at_once(params: "torch.Tensor") -> tuple[int, int]:
    """Numbers and examples that are computed at once where ``params`` lie."""
    return (CPU_VALUES, CPU_EXAMPLES) if params.device.type == "cpu" else (GPU_VALUES, 16 * CPU_EXAMPLES)


def _flat(out: "torch.Tensor", members: slice) -> "torch.Tensor":
    """What the blocks put out (N, M * C, H, W) as examples (M, N, C * H * W)."""
    count = members.stop - members.start
    return out.reshape(len(out), count, -1).transpose(0, 1)
