"""The compiled block of the convolutional student against torch's operators, and against the same block in float64."""

import subprocess
import sys

import pytest
import torch

from mtbkd.students import convolution
from mtbkd.students.convolution import Weights

CASES = [
    pytest.param(members, shared, norm, size, id=f"{members} members, {'shared' if shared else 'own'} images, {norm=}, {size}")
    for members, shared in ((1, False), (3, False), (3, True))
    for norm in (False, True)
    for size in ((2, 8, 8), (1, 9, 7))
]


def drawn(members: int, shared: bool, norm: bool, size: tuple[int, int, int], width: int = 5) -> tuple[torch.Tensor, Weights]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1 if shared else members, 6, *size), generator=generator)
    kernel = torch.randn((members * width, size[0], 3, 3), generator=generator)
    bias, gain, shift = torch.randn((3, members, width), generator=generator)
    return x, Weights(kernel, bias.flatten(), *([0.3 * gain, shift] if norm else []))


def results(x: torch.Tensor, weights: Weights, first: bool = False) -> list[torch.Tensor]:
    """Output of the block and its derivatives: of the input, kernel, bias and, where it normalises, log-gain and shift."""
    members = len(weights.bias) // 5
    groups = 1 if len(x) < members else members
    tape = convolution.forward(convolution.images(x), weights, members, groups)
    grad = torch.linspace(-1, 2, tape.out.numel(), dtype=x.dtype).cos().view_as(tape.out)
    inputs, found = convolution.backward(grad, tape, weights, members, groups, first)
    return [part.clone() for part in (tape.out, inputs, *found) if part is not None]


def in_double(weights: Weights) -> Weights:
    return Weights(*(part.double() for part in weights if part is not None))


@pytest.mark.parametrize(("members", "shared", "norm", "size"), CASES)
def test_what_is_compiled_equals_torchs_operators(
    members: int, shared: bool, norm: bool, size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "AT_LEAST", 1)  # on as many threads as there are
    x, weights = drawn(members, shared, norm, size)
    found, double = results(x, weights), results(x.double(), in_double(weights))
    assert len(found) == len(double) == (6 if norm else 4)
    for compiled, reference in zip(found, double, strict=True):
        assert compiled.dtype == torch.float32 and compiled.shape == reference.shape
        torch.testing.assert_close(compiled, reference.float(), rtol=1e-4, atol=1e-4)
    assert len(results(x, weights, first=True)) == len(found) - 1


def test_only_plain_float32_on_the_cpu_is_compiled() -> None:
    x, weights = drawn(2, False, True, (1, 8, 8))
    image = convolution.images(x)
    assert convolution.forward(image, weights, 2, 2).index.dtype == torch.int32
    assert convolution.forward(image.double(), in_double(weights), 2, 2).index.dtype == torch.int64
    graph = convolution.forward(image, weights._replace(bias=weights.bias.requires_grad_()), 2, 2)
    assert graph.index.dtype == torch.int64 and graph.out.requires_grad


@pytest.mark.parametrize("norm", [False, True])
def test_the_first_of_equal_maxima_has_the_derivative(norm: bool) -> None:
    """A kernel that copies the images, whose 2 x 2 pixels have every pattern of zeros and ones: torch's choice among equals."""
    patterns = torch.tensor([[k >> bit & 1 for bit in range(4)] for k in range(16)], dtype=torch.float32)
    x = patterns.view(1, 16, 1, 2, 2).repeat(1, 1, 1, 2, 2) + 1
    kernel = torch.zeros(5, 1, 3, 3)
    kernel[:, :, 1, 1] = 1
    weights = Weights(kernel, torch.zeros(5), *([torch.zeros(1, 5), torch.zeros(1, 5)] if norm else []))
    for compiled, reference in zip(results(x, weights), results(x.double(), in_double(weights)), strict=True):
        torch.testing.assert_close(compiled, reference.float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("norm", [False, True])
def test_one_number_that_is_lost_stays_so_and_in_its_member(norm: bool, value: float, place: int) -> None:
    x, weights = drawn(3, False, norm, (1, 8, 8))
    healthy = results(x, weights)
    x[1, 2, 0, 4 + place // 2, 4 + place % 2] = value
    lost = results(x, weights)
    assert not torch.isfinite(lost[0][2, 5:10]).all()
    for before, after in zip(healthy, lost, strict=True):
        members = int(len(before) == 6)  # the axis: after that of the examples, where there is one
        pairs = zip(before.chunk(3, members), after.chunk(3, members), strict=True)
        assert [torch.equal(*pair) for pair in pairs][::2] == [True, True]
    assert not torch.isfinite(lost[2].view(3, -1)[1]).all()


@pytest.mark.parametrize(("norm", "name"), [(False, "kernel"), *((True, name) for name in Weights._fields)])
def test_lost_weights_are_never_hidden(norm: bool, name: str) -> None:
    x, weights = drawn(3, False, norm, (1, 8, 8))
    lost = getattr(weights, name).clone()
    lost.view(3, -1)[1] = torch.nan
    out, _, *derivatives = results(x, weights._replace(**{name: lost}))
    assert out.isnan().any((0, 2, 3)).tolist() == [False] * 5 + [True] * 5 + [False] * 5
    assert out[:, 5:10].isnan().all()
    for derivative in derivatives:
        assert derivative.view(3, -1)[[0, 2]].isfinite().all()
    if norm and name != "shift":
        assert derivatives[0].view(3, -1)[1].isnan().all()


def test_numba_is_imported_by_the_first_block_only() -> None:
    code = "import sys, mtbkd.students.cnn; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
