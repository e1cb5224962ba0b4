"""Residual networks (He et al. 2016) as torch modules: what the families resnet and cifar_resnet share.

Names of modules and parameters are those of the CIFAR networks that akamaster published, so that their files fit.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal

from mtbkd.base.lazy import lazy_import, torch

if TYPE_CHECKING:
    from torch import nn
else:
    nn = lazy_import("torch.nn")

EXPANSION = 4  # of the bottleneck's channels
Shortcut = Literal["padding", "projection"]


def _convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> "nn.Conv2d":
    return nn.Conv2d(inputs, outputs, side, stride, padding=side // 2, bias=False)


def _pad_shortcut(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """Option A: every ``stride``-th pixel, the new channels zero on both sides."""

    class Padding(nn.Module):
        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            side = (outputs - inputs) // 2
            return nn.functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, side, outputs - inputs - side))

    return Padding()


def _block(inputs: int, channels: int, stride: int, bottleneck: bool, shortcut: Shortcut) -> "nn.Module":
    """One residual block of two 3x3 convolutions, or of 1x1, 3x3 and 1x1 ones with four times the channels at its end."""
    outputs = channels * EXPANSION if bottleneck else channels
    shape = ((inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)) if bottleneck else (
        (inputs, channels, 3, stride), (channels, channels, 3, 1))  # fmt: skip

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for i, (a, b, side, step) in enumerate(shape, start=1):
                self.add_module(f"conv{i}", _convolution(a, b, side, step))
                self.add_module(f"bn{i}", nn.BatchNorm2d(b))
            if stride == 1 and inputs == outputs:
                self.shortcut = nn.Sequential()
            elif shortcut == "padding":
                self.shortcut = _pad_shortcut(inputs, outputs, stride)
            else:
                self.shortcut = nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            out = x
            for i in range(1, len(shape) + 1):
                out = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(out))
                out = torch.relu(out) if i < len(shape) else out + self.shortcut(x)
            return torch.relu(out)

    return Block()


def residual_network(
    inputs: int, channels: Sequence[int], blocks: Sequence[int], num_classes: int, bottleneck: bool, shortcut: Shortcut
) -> "nn.Module":
    """Images (N, inputs, H, W) to logits (N, num_classes): a 3x3 convolution, stages of blocks, mean over pixels, a linear map.

    Args:
        inputs: channels of an image.
        channels: of each stage; every stage but the first halves height and width.
        blocks: of each stage.
        num_classes: K.
        bottleneck: blocks of three convolutions, as ResNet-50 has them.
        shortcut: where the shape changes: zero channels (no parameters) or a 1x1 convolution.
    """

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = _convolution(inputs, channels[0], 3), nn.BatchNorm2d(channels[0])
            width = channels[0]
            for stage, (own, number) in enumerate(zip(channels, blocks, strict=True), start=1):
                layers = []
                for i in range(number):
                    layers.append(_block(width, own, 2 if i == 0 and stage > 1 else 1, bottleneck, shortcut))
                    width = own * EXPANSION if bottleneck else own
                self.add_module(f"layer{stage}", nn.Sequential(*layers))
            self.linear = nn.Linear(width, num_classes)

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            out = torch.relu(self.bn1(self.conv1(x)))
            for stage in range(1, len(channels) + 1):
                out = self.get_submodule(f"layer{stage}")(out)
            return self.linear(out.mean((2, 3)))

    return Network()


def logits_of(network: "nn.Module", x: "torch.Tensor", batch_size: int, device: str) -> "torch.Tensor":
    """Logits float32 (N, K) on the CPU of images ``x`` (N, C, H, W), in full precision, batch by batch.

    Every normalisation is folded into the convolution before it, which saves a quarter of the time on a CPU.
    """
    folded: Any = _folded(network)
    folded = folded.to(device, memory_format=torch.channels_last)
    with torch.inference_mode():
        parts = [folded(batch.to(device, memory_format=torch.channels_last)).float().cpu() for batch in x.split(batch_size)]
    return torch.cat(parts)


def _folded(network: "nn.Module") -> "nn.Module":
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = deepcopy(network).eval()
    for module in folded.modules():
        children: dict[str, Any] = dict(module.named_children())
        for name, convolution in children.items():
            if name.startswith("conv"):
                norm = name.replace("conv", "bn")
                module.add_module(name, fuse_conv_bn_eval(convolution, children[norm]))
                module.add_module(norm, nn.Identity())
    return folded
