"""The students against networks written out by hand. E members, N examples, K classes, P parameters, H hidden units."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from mtbkd.base.errors import ConfigError
from mtbkd.students import Student, automatic_vjp, cnn, init_ensemble, linear, mlp

STUDENTS: dict[str, tuple[Student, tuple[int, ...]]] = {
    "linear": (linear.build(linear.Settings(features="quadratic"), (3,), 4), (3,)),
    "mlp": (mlp.build(mlp.Settings(hidden=(6, 5)), (3,), 4), (3,)),
    "cnn": (cnn.build(cnn.Settings(channels=(3, 2), hidden=(5,)), (2, 9, 8), 4), (2, 9, 8)),
    "cnn, normalised": (cnn.build(cnn.Settings(channels=(3, 2), hidden=(5,), norm="layer"), (1, 9, 8), 4), (1, 9, 8)),
}


@pytest.mark.parametrize(
    ("features", "hidden", "classes", "count"),
    [
        pytest.param(2, (5,), 2, 27, id="student of Sim 1"),
        pytest.param(5, (10,), 5, 115, id="student of Sim 2"),
        pytest.param(2, (7, 10, 12, 10, 5), 2, 430, id="teacher of Sim 1"),
        pytest.param(5, (7, 15, 12, 10, 7), 5, 601, id="teacher of Sim 2, printed as 600"),
    ],
)
def test_the_papers_networks_have_the_printed_size(features: int, hidden: tuple[int, ...], classes: int, count: int) -> None:
    assert mlp.num_params(mlp.Settings(hidden=hidden), (features,), classes) == count


def test_quadratic_features_are_inputs_squares_and_products() -> None:
    student = linear.build(linear.Settings(features="quadratic"), (2,), 2)
    found = student.inputs(torch.tensor([[[2.0, 3.0]]]))
    assert found.tolist() == [[[2, 3, 4, 6, 9]]]
    assert student.num_params == 6


def test_the_first_class_is_the_linear_students_reference() -> None:
    student = linear.build(linear.Settings(), (2,), 3)
    params = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])  # weights of inputs 1 and 2 to classes 2 and 3, then biases
    logits = student.apply(params, torch.tensor([[[1.0, 10.0]]]))
    assert logits.tolist() == [[[0, 1 + 30 + 5, 2 + 40 + 6]]]


def test_the_mlp_equals_a_loop_over_members_and_layers() -> None:
    student, features = STUDENTS["mlp"]
    params, x = init_ensemble(student, [0, 1, 2]), torch.randn(1, 11, *features)
    for member, logits in zip(params, student.apply(params, x), strict=True):
        value, offset = x[0], 0
        for layer, (a, b) in enumerate(pairwise((3, 6, 5, 4))):
            weight, bias = member[offset : offset + a * b].view(a, b), member[offset + a * b : offset + (a + 1) * b]
            value = functional.linear(value if layer == 0 else functional.relu(value), weight.T, bias)
            offset += (a + 1) * b
        torch.testing.assert_close(logits, value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("own_inputs", [False, True])
def test_the_grouped_convolutions_equal_a_loop_over_members(own_inputs: bool) -> None:
    student, features = STUDENTS["cnn"]
    params, x = init_ensemble(student, [0, 1, 2]), torch.randn(3 if own_inputs else 1, 7, *features)
    found = student.apply(params, x)
    for index, member in enumerate(params):
        value, offset = x[index if own_inputs else 0], 0
        for a, b in pairwise((2, 3, 2)):
            weight, bias = member[offset : offset + 9 * a * b].view(b, a, 3, 3), member[offset + 9 * a * b :][:b]
            value = functional.max_pool2d(functional.relu(functional.conv2d(value, weight, bias, padding=1)), 2)
            offset += (9 * a + 1) * b
        assert value.shape[1:] == (2, 2, 2)
        hidden = functional.linear(value.flatten(1), member[offset : offset + 40].view(8, 5).T, member[offset + 40 :][:5])
        offset += 45
        logits = functional.linear(functional.relu(hidden), member[offset : offset + 20].view(5, 4).T, member[offset + 20 :])
        torch.testing.assert_close(found[index], logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("own_inputs", [False, True])
def test_normalisation_is_torchs_over_an_example_before_the_pooling(own_inputs: bool) -> None:
    """Convolution, layer normalisation, ReLU, pooling: in the order in which the papers print them."""
    student, features = STUDENTS["cnn, normalised"]
    params = init_ensemble(student, [0, 1, 2]) + 0.1 * torch.randn(3, student.num_params)
    x = torch.randn(3 if own_inputs else 1, 7, *features)
    found = student.apply(params, x)
    for index, member in enumerate(params):
        value, offset = x[index if own_inputs else 0], 0
        for a, b in pairwise((1, 3, 2)):
            kernel, bias, log_gain, shift = member[offset : offset + 9 * a * b + 3 * b].split((9 * a * b, b, b, b))
            value = functional.conv2d(value, kernel.view(b, a, 3, 3), bias, padding=1)
            value = functional.group_norm(value, 1, log_gain.exp(), shift)
            value = functional.max_pool2d(functional.relu(value), 2)
            offset += 9 * a * b + 3 * b
        hidden = functional.linear(value.flatten(1), member[offset : offset + 40].view(8, 5).T, member[offset + 40 :][:5])
        offset += 45
        logits = functional.linear(functional.relu(hidden), member[offset : offset + 20].view(5, 4).T, member[offset + 20 :])
        torch.testing.assert_close(found[index], logits, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 2, 100], ids=["one by one", "in twos", "all together"])
@pytest.mark.parametrize("own_inputs", [False, True])
@pytest.mark.parametrize("name", ["cnn", "cnn, normalised"])
def test_what_is_computed_at_once_changes_nothing(
    name: str, own_inputs: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members one after the other, as on a CPU, or in one grouped convolution, as on a GPU; examples in parts."""
    student, features = STUDENTS[name]
    params = init_ensemble(student, [0, 1, 2]).double()
    x = torch.randn(3 if own_inputs else 1, 7, *features).double()

    def pull(logits: torch.Tensor) -> torch.Tensor:
        return torch.eye(4)[0] - torch.softmax(logits, -1)

    monkeypatch.setattr(cnn, "_at_once", lambda params: (3 * 7 * 72 * at_once, 7))
    logits, grad = student.apply(params, x), student.vjp(params, x, pull)
    torch.testing.assert_close(grad, automatic_vjp(student, params, x, pull), rtol=1e-10, atol=1e-12)
    monkeypatch.setattr(cnn, "_at_once", lambda params: (1, 2))
    torch.testing.assert_close(student.apply(params, x), logits, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(student.vjp(params, x, pull), grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["cnn", "cnn, normalised"])
def test_a_derivative_of_many_examples_keeps_few_at_once(name: str, masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient from all examples would keep the images of every block, tens of gigabytes for some hundred draws."""
    student, features = STUDENTS[name]
    params, x = init_ensemble(student, [0, 1, 2]).double(), torch.randn(1, 7, *features).double()
    keep = [2.0 * (torch.rand(3, 7, units) < 0.5).double() for units in student.hidden] if masked else None

    def pull(logits: torch.Tensor) -> torch.Tensor:
        return torch.linspace(0, 1, 7).double().unsqueeze(-1) - torch.softmax(logits, -1)

    whole, kept, convolve = student.vjp(params, x, pull, keep), [], type(student)._convolve
    monkeypatch.setattr(cnn, "CPU_KEPT", 2 * student._kept_numbers(params, x))
    monkeypatch.setattr(cnn.Cnn, "_convolve", lambda self, p, x: kept.append(x.shape[1]) or convolve(self, p, x))
    torch.testing.assert_close(student.vjp(params, x, pull, keep), whole, rtol=1e-10, atol=1e-12)
    assert kept[-4:] == [2, 2, 2, 1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU: the student was run on the CPU only")
@pytest.mark.parametrize("name", ["cnn", "cnn, normalised"])
def test_a_gpu_gives_what_the_cpu_gives(name: str) -> None:
    student, features = STUDENTS[name]
    params, x = init_ensemble(student, [0, 1, 2]).double(), torch.randn(3, 7, *features).double()
    here, there = (
        student.vjp(params.to(device), x.to(device), lambda logits: -torch.softmax(logits, -1)) for device in ("cpu", "cuda")
    )
    torch.testing.assert_close(here, there.cpu(), rtol=1e-9, atol=1e-11)


def test_equal_neighbours_share_no_derivative() -> None:
    """A plain ground gives four equal maxima to every pooling: the derivative goes to one of them, not to all."""
    student, features = STUDENTS["cnn"]
    params, x = init_ensemble(student, [0]).double(), torch.full((1, 3, *features), 0.5).double()
    found = student.vjp(params, x, torch.ones_like)
    step = 1e-6 * torch.randn(student.num_params, dtype=torch.float64)
    rise = (student.apply(params + step, x) - student.apply(params - step, x)).sum() / 2
    assert float(found[0] @ step) == pytest.approx(float(rise), rel=1e-4)


def test_the_papers_students_on_images_have_the_stated_size() -> None:
    assert cnn.num_params(cnn.Settings(norm="layer"), (1, 28, 28), 10) == 25_558
    assert mlp.num_params(mlp.Settings(hidden=(200, 100)), (1, 28, 28), 10) == 178_110


@pytest.mark.parametrize("features", [(3,), (1, 3, 8)], ids=["not an image", "too small"])
def test_the_cnn_refuses_what_it_cannot_pool(features: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="at least 4 pixels a side"):
        cnn.build(cnn.Settings(channels=(3, 2)), features, 4)


@pytest.mark.parametrize("own_inputs", [False, True])
@pytest.mark.parametrize("name", STUDENTS)
def test_a_member_that_left_the_finite_numbers_leaves_the_others_alone(name: str, own_inputs: bool) -> None:
    student, features = STUDENTS[name]
    params = init_ensemble(student, [0, 1, 2])
    x = student.inputs(torch.randn(3 if own_inputs else 1, 7, *features))
    lost = params.clone()
    lost[1] = torch.nan
    results = []
    for value in (params, lost):
        leaf = value.requires_grad_()
        logits = student.apply(leaf, x)
        (grad,) = torch.autograd.grad(torch.log_softmax(logits, -1)[..., 0].sum(), leaf)
        results.append((logits.detach(), grad))
    for healthy, beside in zip(*results, strict=True):
        assert torch.equal(healthy[[0, 2]], beside[[0, 2]])
        assert not torch.isfinite(beside[1]).all()
