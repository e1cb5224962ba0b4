"""Seeds of the papers' small CNN trained together against a plain loop over seeds, and against one of ours.

A plain loop's step is what published scripts do: one seed, torch's layers on images with the channels first, automatic
differentiation. It is timed before ours, which has the system keep a step's memory for the next one, and in a new process, as
what ran before could do that, too. Where convolutions are most of the work, they cost a CPU core the same for every seed:
against one of ours eight gain little there. Where images are small, or on a GPU, calling torch is most of the work, and eight
share it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mtbkd.base.lazy import lazy_import, torch
from mtbkd.bench.problems import BATCH_SIZE, best
from mtbkd.students import cnn, init_ensemble

if TYPE_CHECKING:
    from torch.nn import functional
else:
    functional = lazy_import("torch.nn.functional")

Layers = list[list["torch.Tensor"]]
Step = Callable[[], Any]

SEEDS, CLASSES = 8, 10
SHAPES = {"28 x 28 grey": (1, 28, 28), "8 x 8 colour": (3, 8, 8)}
CALLS_COUNT = {"8 x 8 colour"}  # where calling torch is most of the work on a CPU
SETTINGS = cnn.Settings.model_validate({"norm": "layer"})


def measure() -> list[dict[str, Any]]:
    """One row per shape of images: milliseconds of a gradient step on a minibatch an ensemble, and the ratios."""
    return [_row(name, shape) for name, shape in SHAPES.items()]


def _row(name: str, shape: tuple[int, int, int]) -> dict[str, Any]:
    student = build(shape)
    steps = plain_step(student, shape), ours(student, shape, 1), ours(student, shape, SEEDS)
    loop, one, eight = (best(step, repeats=3) for step in steps)
    times = {"loop_ms": loop * 1e3, "one_ms": one * 1e3, "eight_ms": eight * 1e3}
    return {"images": name, "parameters": student.num_params, **times, "of_loop": eight / loop, "of_one": eight / one}


def build(shape: tuple[int, int, int]) -> cnn.Cnn:
    """The papers' student of images of ``shape``."""
    return cnn.build(SETTINGS, shape, CLASSES)


def ours(student: cnn.Cnn, shape: tuple[int, int, int], seeds: int, device: str = "cpu") -> Step:
    """A step of ``seeds`` students together, each with a minibatch of its own."""
    params, (x, y) = init_ensemble(student, list(range(seeds))).to(device), (each.to(device) for each in _batch(seeds, shape))

    def step() -> Any:
        with torch.no_grad():
            return student.vjp(params, x, lambda logits: functional.one_hot(y, CLASSES) - torch.softmax(logits, -1))

    return step


def plain_step(student: cnn.Cnn, shape: tuple[int, int, int]) -> Step:
    """A step of one seed as a plain loop over seeds has it; its gradient is that of ``ours``."""
    layers = layers_of(student, init_ensemble(student, [0])[0])
    x, y = (each[0] for each in _batch(1, shape))
    leaves = [part.requires_grad_() for layer in layers for part in layer]

    def step() -> Any:
        return torch.autograd.grad(-functional.cross_entropy(forward(layers, x), y, reduction="sum"), leaves)

    return step


def layers_of(student: cnn.Cnn, params: "torch.Tensor") -> Layers:
    """The flat parameters (P,) as tensors of their own, a list a layer."""
    found: Layers = []
    offset = 0
    shapes = [[(b, a, 3, 3), (b,), (b,), (b,)] for a, b in zip(student.channels, student.channels[1:], strict=False)]
    shapes += [[(a, b), (b,)] for a, b in zip(student.sizes, student.sizes[1:], strict=False)]
    for layer in shapes:
        found.append([])
        for shape in layer:
            size = torch.Size(shape).numel()
            found[-1].append(params[offset : offset + size].view(shape).clone())
            offset += size
    return found


def forward(layers: Layers, x: "torch.Tensor") -> "torch.Tensor":
    """Logits (N, K) of one network at ``x`` (N, C, H, W) by torch's own layers, in the order in which papers print them."""
    for kernel, bias, log_gain, shift in (layer for layer in layers if len(layer) == 4):
        x = functional.conv2d(x, kernel, bias, padding=1)
        x = functional.group_norm(x, 1, log_gain.exp(), shift)
        x = functional.max_pool2d(functional.relu(x), 2)
    x, dense = x.flatten(1), [layer for layer in layers if len(layer) == 2]
    for number, (weight, bias) in enumerate(dense):
        x = x @ weight + bias
        x = functional.relu(x) if number < len(dense) - 1 else x
    return x


def _batch(seeds: int, shape: tuple[int, int, int]) -> "tuple[torch.Tensor, torch.Tensor]":
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((seeds, BATCH_SIZE, *shape), generator=generator)
    return x, torch.randint(CLASSES, (seeds, BATCH_SIZE), generator=generator)
