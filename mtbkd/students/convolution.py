"""A block of a convolutional student, 3x3 convolution - normalisation - ReLU - 2x2 max-pooling, and its derivative written out.

Members of an ensemble are groups of one grouped convolution, so that no member reads another. Images lie in memory with the
channels last, where the CPU's pooling is several times faster. What is monotone is done after the pooling, on a quarter of the
numbers: ReLU, and the second half of the normalisation. That one is over all channels and pixels of one example in one member
(layer normalisation): batch statistics would tie a member's examples to each other. Its gain is exp(parameter), so that it is
monotone and a Gaussian prior at 0 asks for no rescaling.

The derivatives call torch's own: what a graph would keep, the images before the pooling above all, would be most of a fit's
memory. On the CPU, in float32 and where no graph is asked for, all but the convolutions is compiled
(``mtbkd.students.pooling``): torch would go over the images once an operator, which took longer than the convolutions.
Convolutions are computed in the numbers' own precision; on CUDA that is TF32 for float32, torch's default.
Shapes: N examples, M members of a group, A input and B output channels, H x W pixels.
"""

from functools import cache, partial
from typing import NamedTuple

from mtbkd.base.compiling import share_out
from mtbkd.base.lazy import torch
from mtbkd.students import EPSILON

PAD, ONE, TWO, NONE = [1, 1], [1, 1], [2, 2], [0, 0]
AT_LEAST = 1 << 20  # numbers of a convolution's output from which on a thread of its own pays
KEPT = 31 << 20  # bytes; glibc heeds no block above 32 MiB


class Weights(NamedTuple):
    """Of M members: ``kernel`` (M * B, A, 3, 3), ``bias`` (M * B,); ``log_gain`` and ``shift`` (M, B) where they normalise."""

    kernel: "torch.Tensor"
    bias: "torch.Tensor"
    log_gain: "torch.Tensor | None" = None
    shift: "torch.Tensor | None" = None


class Norm(NamedTuple):
    """What the derivative of a normalisation needs: the images before it, mean and reciprocal deviation (N, M) of their
    numbers, and the normalised maxima (N, M * B, H // 2, W // 2). What is compiled has images as (N, H, W * M * B)."""

    raw: "torch.Tensor"
    mean: "torch.Tensor"
    rstd: "torch.Tensor"
    pooled: "torch.Tensor"


class Tape(NamedTuple):
    """What the derivative of a block needs: its input and output, where the pooling found its maxima, the normalisation's.

    ``index`` is int64, torch's, counted in the pixels of a channel; or int32, the compiled pooling's, in numbers of an example.
    """

    x: "torch.Tensor"
    out: "torch.Tensor"
    index: "torch.Tensor"
    norm: Norm | None


# The derivative of what the convolution puts out (N, M * B, H, W), of log-gain and of shift (M, B).
Before = tuple["torch.Tensor", "torch.Tensor | None", "torch.Tensor | None"]


def images(x: "torch.Tensor") -> "torch.Tensor":
    """Examples (E or 1, N, C, H, W) as images (N, E * C, H, W), channels last in memory."""
    _, n, _, h, w = x.shape
    return _channels_last(x.permute(1, 3, 4, 0, 2).reshape(n, h, w, -1))


def _channels_last(x: "torch.Tensor") -> "torch.Tensor":
    """Images (N, C, H, W) of ``x`` (N, H, W, C). Written as strides: to torch a single channel is in any place, and it takes
    the first."""
    n, h, w, c = x.shape
    return x.contiguous().as_strided((n, c, h, w), (h * w * c, 1, w * c, c))


def _kernel(weights: Weights) -> "torch.Tensor":
    return _channels_last(weights.kernel.permute(0, 2, 3, 1))


def forward(x: "torch.Tensor", weights: Weights, members: int, groups: int) -> Tape:
    """The block of images ``x`` (N, groups * A, H, W): its output is (N, M * B, H // 2, W // 2).

    ``groups`` is the number of members, or 1 where all read the same images.
    """
    raw = torch.conv2d(x, _kernel(weights), weights.bias, padding=1, groups=groups)
    if raw.device.type == "cpu" and raw.dtype == torch.float32 and not raw.requires_grad:
        return _compiled_forward(x, raw, weights, members)
    pooled, index = torch.ops.aten.max_pool2d_with_indices(raw, TWO)
    if weights.log_gain is None or weights.shift is None:
        return Tape(x, torch.relu(pooled), index, None)
    whole = _by_member(raw, members)
    mean = whole.mean((1, 3))
    # Several times faster than torch.var_mean; the numbers are near 0, so that little is lost to the subtraction.
    variance = torch.linalg.vector_norm(whole, dim=(1, 3)).square() / whole[0, :, 0].numel() - mean**2
    rstd = torch.rsqrt(variance.clamp(min=0) + EPSILON)
    parts = _by_member(pooled, members).sub(mean[:, None, :, None]).mul(rstd[:, None, :, None])
    out = torch.relu(parts * weights.log_gain.exp() + weights.shift)
    return Tape(x, _images_of(out, pooled), index, Norm(raw, mean, rstd, _images_of(parts, pooled)))


def _by_member(x: "torch.Tensor", members: int) -> "torch.Tensor":
    """Images (N, M * B, H, W) as (N, H * W, M, B)."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, members, x.shape[1] // members)


def _images_of(parts: "torch.Tensor", like: "torch.Tensor") -> "torch.Tensor":
    """The inverse of ``_by_member``."""
    n, c, h, w = like.shape
    return _channels_last(parts.reshape(n, h, w, c))


def backward(
    grad: "torch.Tensor", tape: Tape, weights: Weights, members: int, groups: int, first: bool
) -> "tuple[torch.Tensor | None, Weights]":
    """Derivatives of the block's input (None in the ``first`` one) and weights, for ``grad`` (N, M * B, H // 2, W // 2).

    A tape is good for one call: what is compiled writes over the images before the pooling.
    """
    before = _compiled_backward if tape.index.dtype == torch.int32 else _backward
    grad, log_gain, shift = before(grad, tape, weights, members)
    inputs, kernel, bias = torch.ops.aten.convolution_backward(
        grad, tape.x, _kernel(weights), [grad.shape[1]], ONE, PAD, ONE, False, NONE, groups, [not first, True, True]
    )
    return inputs, Weights(kernel, bias, log_gain, shift)


def _backward(grad: "torch.Tensor", tape: Tape, weights: Weights, members: int) -> Before:
    aten, (n, channels), (h, w) = torch.ops.aten, grad.shape[:2], tape.x.shape[2:]
    grad = aten.threshold_backward(grad, tape.out, 0)
    log_gain = shift = slope = None
    if tape.norm is not None and weights.log_gain is not None:
        parts, normed = _by_member(grad, members), _by_member(tape.norm.pooled, members)
        scaled = parts * weights.log_gain.exp()
        shift, log_gain = parts.sum((0, 1)), (scaled * normed).sum((0, 1))
        # d raw = rstd (g - mean g - normalised mean(g normalised)), g being zero but at the maxima
        count = h * w * channels // members
        offset, slope = -scaled.sum((1, 3)) / count, -(scaled * normed).sum((1, 3)) / count
        grad = _images_of(scaled * tape.norm.rstd[:, None, :, None], grad)
        slope = slope * tape.norm.rstd**2
        offset = offset * tape.norm.rstd - slope * tape.norm.mean
    like = _channels_last(grad.new_empty((n, h, w, channels)))  # only its shape is read
    grad = aten.max_pool2d_with_indices_backward(grad, like, TWO, TWO, NONE, ONE, False, tape.index)
    if tape.norm is not None and slope is not None:
        spread = _by_member(grad, members)
        spread.addcmul_(_by_member(tape.norm.raw, members), slope[:, None, :, None]).add_(offset[:, None, :, None])
        grad = _images_of(spread, grad)
    return grad, log_gain, shift


@cache
def _keep_memory() -> None:
    """Have glibc keep what a step frees for the next one. It hands back all but twice the largest block that was ever mapped
    and freed: to take a step's images from the system again costs up to a quarter of the step. This block is never touched."""
    torch.empty(KEPT, dtype=torch.uint8)


def _rows(x: "torch.Tensor") -> "torch.Tensor":
    """Images (N, C, H, W) as (N, H, W * C), the same memory where their channels are last."""
    return x.permute(0, 2, 3, 1).contiguous().flatten(2)


def _compiled_forward(x: "torch.Tensor", raw: "torch.Tensor", weights: Weights, members: int) -> Tape:
    from mtbkd.students import pooling

    _keep_memory()
    n, channels, h, w = raw.shape
    rows, least = _rows(raw), max(1, AT_LEAST // raw[0].numel())
    out = raw.new_empty((n, h // 2, w // 2, channels))
    index, like = torch.empty(out.shape, dtype=torch.int32), out.flatten(2)
    if weights.log_gain is None or weights.shift is None:
        arrays = [each.numpy() for each in (like, index.flatten(2))]
        share_out(partial(pooling.pool, rows.numpy(), channels, *arrays), n, least)
        return Tape(x, _channels_last(out), index, None)
    normed, mean, rstd = torch.empty_like(like), raw.new_empty((n, members)), raw.new_empty((n, members))
    gain, shift = weights.log_gain.exp().flatten(), weights.shift.flatten()
    arrays = [each.numpy() for each in (rows, gain, shift, like, index.flatten(2), normed, mean, rstd)]
    share_out(partial(pooling.normalise, *arrays), n, least)
    return Tape(x, _channels_last(out), index, Norm(rows, mean, rstd, normed))


def _compiled_backward(grad: "torch.Tensor", tape: Tape, weights: Weights, members: int) -> Before:
    from mtbkd.students import pooling

    (n, channels), (h, w) = grad.shape[:2], tape.x.shape[2:]
    least, given = max(1, AT_LEAST // (h * w * channels)), (_rows(grad), _rows(tape.out), tape.index.flatten(2))
    if tape.norm is None or weights.log_gain is None:
        raw = grad.new_zeros((n, h, w * channels))
        share_out(partial(pooling.pool_back, *(each.numpy() for each in (*given, raw))), n, least)
        return _channels_last(raw.view(n, h, w, channels)), None, None
    raw, mean, rstd, normed = tape.norm
    gain, sums = weights.log_gain.exp().flatten(), grad.new_empty((2, n, channels))
    arrays = [each.numpy() for each in (*given, normed, raw, mean, rstd, gain, sums)]
    share_out(partial(pooling.normalise_back, *arrays), n, least)
    shift, log_gain = sums.sum(1).view(2, members, -1)
    return _channels_last(raw.view(n, h, w, channels)), log_gain, shift
