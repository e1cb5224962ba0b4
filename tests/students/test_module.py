"""A torch module as a student is that module, or is refused in one line. E members, N examples, K classes, P parameters."""

import copy
import re
import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from mtbkd.base.errors import ContractError
from mtbkd.bench.gpu.agreement import BY_LAMBDA, on, random_problem
from mtbkd.posterior.density import log_posterior
from mtbkd.students import automatic_vjp, init_ensemble, module, wrapped
from mtbkd.students.mlp import Mlp
from tests.conformance.networks import Net

IMAGE = (1, 8, 8)


def built(code: Any, features: tuple[int, ...] = (4,), classes: int = 3, **settings: Any) -> Any:
    return module.build_from(code, module.Settings(path="mine.Net", handed_over=True, **settings), features, classes)


def dense(*sizes: int, last: tuple[nn.Module, ...] = ()) -> nn.Sequential:
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*layers[:-1], *last)


class Small(nn.Module):
    """Convolution, normalisation, ReLU, mean over pixels, dense layer."""

    def __init__(self, num_classes: int, norm: Any = nn.BatchNorm2d):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(1, 32, 3, padding=1), norm(32)
        self.dropout, self.last = nn.Dropout2d(), nn.Linear(32, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.dropout(torch.relu(self.norm(self.convolution(x)))).mean((2, 3)))


@pytest.mark.parametrize("signal", ["none", "tip", "kd"])
def test_a_module_equal_to_the_mlp_has_its_log_posterior_and_gradient(signal: str) -> None:
    problem = on(random_problem("mlp", signal, BY_LAMBDA), "cpu", torch.float64)
    assert isinstance(problem.student, Mlp)
    inputs, hidden, classes = problem.student.sizes
    student = built(dense(inputs, hidden, classes), (inputs,), classes)
    params = init_ensemble(problem.student, [0, 1, 2, 3]).double()

    def as_module(values: torch.Tensor) -> torch.Tensor:
        """The flat vectors of the mlp, whose first weights lie (inputs, outputs), as the module's."""
        first = values[:, : inputs * hidden].view(-1, inputs, hidden).mT.flatten(1)
        return torch.cat([first, values[:, inputs * hidden :]], 1)

    other, units = replace(problem, student=student), problem.members(2)
    found, wanted = other.log_density(as_module(params), units), problem.log_density(params, units)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    grads = other.gradient(as_module(params), units, other.full(units)), problem.gradient(params, units, problem.full(units))
    torch.testing.assert_close(grads[0], as_module(grads[1]), rtol=1e-10, atol=1e-12)
    single = on(other, "cpu", torch.float32)
    torch.testing.assert_close(single.log_density(as_module(params).float(), units).double(), wanted, rtol=1e-6, atol=1e-4)


def test_second_derivatives_are_those_of_the_mlp() -> None:
    problem = on(random_problem("mlp", "tip", BY_LAMBDA), "cpu", torch.float64)
    assert isinstance(problem.student, Mlp)
    inputs, hidden, classes = problem.student.sizes
    student = built(dense(inputs, hidden, classes), (inputs,), classes)
    params, units = init_ensemble(problem.student, [0, 1]).double(), problem.members(1)
    first = torch.arange(inputs * hidden).view(inputs, hidden).T.flatten()
    order = torch.cat([first, torch.arange(inputs * hidden, problem.num_params)])

    def curvature(of: Any, at: torch.Tensor, along: torch.Tensor) -> torch.Tensor:
        leaf = at.clone().requires_grad_()
        value = log_posterior(of, leaf, units, of.full(units)).sum()
        (grad,) = torch.autograd.grad(value, leaf, create_graph=True)
        return torch.autograd.grad((grad * along).sum(), leaf)[0]

    along = torch.randn_like(params)
    found = curvature(replace(problem, student=student), params[:, order], along[:, order])
    torch.testing.assert_close(found, curvature(problem, params, along)[:, order], rtol=1e-10, atol=1e-12)


def direct(network: nn.Module, student: Any, flat: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A copy of ``network`` whose own parameters are those of ``flat``, asked as any module is."""
    network = copy.deepcopy(network)
    with torch.no_grad():
        own, offset = dict(network.named_parameters()), 0
        names = [*(name for name in own if not name.startswith("last.")), "last.weight", "last.bias"]
        for name in names:
            value = flat[offset : offset + own[name].numel()]
            turned = value.view(*own[name].shape[::-1]).T if name == "last.weight" else value.view_as(own[name])
            own[name].copy_(turned)
            offset += own[name].numel()
    return network.eval()(x)


@pytest.mark.parametrize("values", [wrapped.CPU_VALUES, 3_000, 1], ids=["all together", "in parts", "one by one"])
@pytest.mark.parametrize("own_inputs", [False, True])
def test_a_convolutional_module_with_group_norm_is_itself(
    own_inputs: bool, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapped, "CPU_VALUES", values)
    network = Small(3, norm=lambda channels: nn.GroupNorm(2, channels))
    student = built(network, IMAGE)
    params = init_ensemble(student, [0, 1, 2]) + 0.1 * torch.randn(3, student.num_params)
    x = torch.randn(3 if own_inputs else 1, 5, *IMAGE)
    wanted = torch.stack([direct(network, student, p, x[m if own_inputs else 0]) for m, p in enumerate(params)])
    torch.testing.assert_close(student.apply(params, x), wanted, rtol=1e-5, atol=1e-6)
    assert student.apply(params, x[:, :0]).shape == (3, 0, 3) and student.apply(params[:0], x[:1]).shape == (0, 5, 3)

    def pull(logits: torch.Tensor) -> torch.Tensor:
        return torch.eye(3)[0] - torch.softmax(logits, -1)

    monkeypatch.setattr(wrapped, "CPU_VALUES", 1 << 24)
    expected = automatic_vjp(student, params, x, pull)
    monkeypatch.setattr(wrapped, "CPU_VALUES", values)
    torch.testing.assert_close(student.vjp(params, x, pull), expected, rtol=1e-4, atol=1e-5)


class Between(nn.Module):
    """A small layer, then much that no layer puts out."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.first, self.dropout, self.last = nn.Linear(4, 5), nn.Dropout(), nn.Linear(5, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for _ in range(8):
            x = torch.tanh(1.1 * x)
        return self.last(self.dropout(x))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("own_inputs", [False, True])
def test_a_derivative_keeps_a_bounded_part_of_the_way_forward(
    own_inputs: bool, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers put out 8 numbers an example, a derivative keeps 8 times 5 more: all at once would be ten times the bound."""
    student = built(Between)
    assert student.width >= 8 * 5 + 4
    params, x = init_ensemble(student, [0, 1, 2, 3]).double(), torch.randn(4 if own_inputs else 1, 30, 4).double()
    keep = [2.0 * (torch.rand(4, 30, 5) < 0.5).double()] if masked else None

    def pull(logits: torch.Tensor) -> torch.Tensor:
        return torch.linspace(0, 1, 30).double().unsqueeze(-1) - torch.softmax(logits, -1)

    def most(work: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, int]:
        """The most numbers that are kept at once: a graph is freed before the next part's is made."""
        alive, top = weakref.WeakSet(), 0

        class Held:
            def __init__(self, value: torch.Tensor):
                nonlocal top
                self.value = value
                alive.add(self)
                top = max(top, sum(held.value.numel() for held in alive))

        with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.value):
            return work(), top

    whole, all_at_once = most(lambda: student.vjp(params, x, pull, keep))
    bound = 12 * student.width
    monkeypatch.setattr(wrapped, "CPU_VALUES", bound)
    found, at_once = most(lambda: student.vjp(params, x, pull, keep))
    torch.testing.assert_close(found, whole, rtol=1e-10, atol=1e-12)
    assert all_at_once > 4 * bound and at_once < 3 * bound


def test_group_norm_takes_the_place_of_batch_norm_with_its_gain() -> None:
    network = Small(3)
    nn.init.normal_(network.norm.weight)
    student = built(network, IMAGE, normalization="group")
    x = torch.randn(1, 5, *IMAGE)
    inside = functional.group_norm(network.convolution(x[0]), 2, network.norm.weight, network.norm.bias)
    wanted = network.last(torch.relu(inside).mean((2, 3)))
    torch.testing.assert_close(student.apply(student.flat(student.network)[None], x)[0], wanted, rtol=1e-5, atol=1e-6)
    assert isinstance(network.norm, nn.BatchNorm2d), "the module of the user's was changed"


def test_constant_statistics_are_those_the_module_came_with() -> None:
    network = Small(3)
    network.train()(3 + torch.randn(50, *IMAGE))
    student, x = built(network, IMAGE, normalization="constant"), torch.randn(1, 5, *IMAGE)
    wanted = copy.deepcopy(network).eval()(x[0])
    torch.testing.assert_close(student.apply(student.flat(student.network)[None], x)[0], wanted, rtol=1e-5, atol=1e-6)


def test_an_instance_norm_without_statistics_of_others_stays() -> None:
    student = built(lambda: Small(3, nn.InstanceNorm2d), IMAGE)
    assert isinstance(student.network.norm, nn.InstanceNorm2d)


def test_masks_act_where_the_module_has_its_dropout() -> None:
    """One layer of dropout may stand in several places; masks of the mlp, whose hidden layers all have one, are the same."""
    student = built(Net, (4,))
    assert student.facts.masked == ("second", "last") and student.hidden == (6, 6)
    params, x = init_ensemble(student, [0, 1]), torch.randn(1, 5, 4)
    keep = [torch.rand(2, 5, 6), torch.rand(2, 5, 6)]
    for m, flat in enumerate(params):
        network = copy.deepcopy(student.network)
        left = iter(keep)
        network.dropout.register_forward_hook(lambda layer, inputs, out, left=left, m=m: out * next(left)[m])
        wanted = direct(network, student, flat, x[0])
        torch.testing.assert_close(student.apply(params, x, keep)[m], wanted, rtol=1e-5, atol=1e-6)


def test_dropout_that_no_mask_stands_for_is_refused_by_name() -> None:
    student = built(lambda: Small(3, lambda channels: nn.GroupNorm(1, channels)), IMAGE)
    params = init_ensemble(student, [0])
    with pytest.raises(ContractError, match="dropout: found layer 'dropout', which no mask stands for"):
        student.apply(params, torch.randn(1, 5, *IMAGE), [torch.ones(1, 1, 32)])


def test_frozen_and_shared_parameters_and_buffers_stay_as_they_are() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = nn.Linear(4, 4)
            self.second.weight = self.first.weight
            self.first.bias.requires_grad_(False)
            self.register_buffer("shift", torch.randn(4))
            self.last = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.tanh(self.second(torch.tanh(self.first(x)) + self.shift)))

    network = Odd()
    student = built(network)
    assert student.num_params == 16 + 4 + 15 and set(student.constants) == {"first.bias", "shift"}
    flat = 0.5 * torch.randn(1, student.num_params)
    shared, second, weight, bias = flat[0].split([16, 4, 12, 3])
    x = torch.randn(1, 5, 4)
    inside = torch.tanh(functional.linear(x[0], shared.view(4, 4), network.first.bias)) + network.shift
    inside = torch.tanh(functional.linear(inside, shared.view(4, 4), second))
    wanted = functional.linear(inside, weight.view(4, 3).T, bias)
    torch.testing.assert_close(student.apply(flat, x)[0], wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(student.apply(flat.double(), x.double())[0].float(), wanted, rtol=1e-5, atol=1e-6)


def test_a_module_that_chooses_by_its_numbers_is_computed_member_by_member() -> None:
    class Choosing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(x) if self.last.bias.sum().item() > 0 else -self.last(x)

    student = built(Choosing)
    assert not student.facts.batched and student.facts.head is None
    params, x = torch.randn(6, student.num_params), torch.randn(1, 5, 4)
    sign = torch.where(params[:, -3:].sum(1) > 0, 1.0, -1.0).view(-1, 1, 1)
    wanted = sign * (x @ params[:, :12].view(-1, 3, 4).mT + params[:, None, -3:])
    torch.testing.assert_close(student.apply(params, x), wanted, rtol=1e-5, atol=1e-6)


def test_modules_of_double_precision_are_computed_in_that_of_the_parameters() -> None:
    student = built(dense(4, 5, 3).double())
    params = init_ensemble(student, [0])
    assert params.dtype == torch.float32
    assert student.apply(params.double(), torch.randn(1, 2, 4).double()).dtype == torch.float64


def test_a_module_handed_over_starts_from_its_own_weights_and_one_that_is_made_does_not() -> None:
    network = dense(4, 5, 3)
    generator = torch.Generator().manual_seed(3)
    own, made = built(network), built(lambda: dense(4, 5, 3))
    assert torch.equal(own.init(generator), own.flat(network))
    assert not torch.equal(made.init(generator), made.init(generator))
    fresh = built(network, start="fresh")
    assert not torch.equal(fresh.init(generator), fresh.flat(network)) and torch.equal(own.flat(network), fresh.flat(network))


def test_training_the_head_alone_is_a_linear_student_of_the_features(tmp_path: Path) -> None:
    network = dense(4, 5, 3)
    student = built(network, train="head")
    raw = torch.randn(2, 7, 4)
    features = torch.relu(network[0](raw)).detach()
    torch.testing.assert_close(student.inputs(raw), features, rtol=1e-5, atol=1e-6)
    assert isinstance(student, Mlp) and student.sizes == (5, 3) and student.num_params == 18
    assert set(student.constants) == {"0.weight", "0.bias"}


def test_weights_are_read_from_a_file_and_the_head_may_have_other_classes(tmp_path: Path) -> None:
    torch.save(dense(4, 5, 10).state_dict(), tmp_path / "weights.pt")
    student = built(lambda: dense(4, 5, 3), weights=str(tmp_path / "weights.pt"))
    saved = torch.load(tmp_path / "weights.pt")
    assert torch.equal(student.network[0].weight, saved["0.weight"]) and student.remake is None
    with pytest.raises(ContractError, match=r"'0.weight' of shape \(5, 4\) for \(6, 4\)"):
        built(lambda: dense(4, 6, 3), weights=str(tmp_path / "weights.pt"))
    torch.save(dense(4, 5, 10), tmp_path / "whole.pt")  # which unpickling would run
    with pytest.raises(ContractError, match=r"whole\.pt: content: found UnpicklingError"):
        built(lambda: dense(4, 5, 3), weights=str(tmp_path / "whole.pt"))


def test_a_file_of_the_users_is_run_and_read_again_where_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "from torch import nn\nfrom beside import UNITS\ndef Net(num_classes):\n    return nn.Sequential(nn.Linear(4, UNITS), nn.ReLU(), nn.Linear(UNITS, num_classes))\n"  # noqa: E501
    (tmp_path / "beside.py").write_text("UNITS = 7\n")
    (tmp_path / "nets.py").write_text(text)
    settings = module.Settings(path="nets.py:Net")
    assert module.hidden_sizes(settings, (4,), 3) == (7,)
    (tmp_path / "nets.py").write_text(text.replace("from beside import UNITS", "UNITS = 12"))
    assert module.hidden_sizes(settings, (4,), 3) == (12,)


class _Says(nn.Module):
    """A dense layer, and something done to its output or its input."""

    def __init__(self, after: Any = lambda logits: logits, before: Any = lambda x: x, **own: Any):
        super().__init__()
        self.last, self.after, self.before = nn.Linear(4, 3), after, before
        for name, value in own.items():
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> Any:
        return self.after(self.last(self.before(x)))


class _Counting(_Says):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        return self.last(x)


class _Aliased(_Says):
    def __init__(self) -> None:
        super().__init__()
        self.alias = [self.last.weight]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.alias[0].T + self.last.bias


REFUSED: dict[str, tuple[Any, str]] = {
    "a tuple": (lambda: _Says(lambda z: (z, z)), "forward: found a tuple; expected logits of shape (examples, 3)"),
    "other classes": (lambda: dense(4, 5), "forward: found shape (2, 5) for 2 examples; expected logits of shape"),
    "a sequence": (lambda: _Says(lambda z: z[:, None]), "forward: found shape (2, 1, 3)"),
    "classes": (lambda: _Says(lambda z: z.argmax(-1, keepdim=True).expand(-1, 3)), "found numbers of type torch.int64"),
    "probabilities": (lambda: dense(4, 3, last=(nn.Softmax(-1),)), "forward: found probabilities; expected logits"),
    "no gradient": (lambda: _Says(lambda z: z.detach()), "forward: found an answer without gradient"),
    "nothing learns": (lambda: dense(4, 3).requires_grad_(False), "forward: found an answer without gradient"),
    "other inputs": (lambda: dense(5, 3), "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x3); expected logits"),
    "random numbers": (lambda: _Says(lambda z: z + torch.randn(3)), "forward: found random numbers"),
    "dropout by hand": (lambda: _Says(lambda z: functional.dropout(z)), "forward: found random numbers"),
    "the batch": (lambda: _Says(before=lambda x: x - x.mean(0)), "depends on the other examples of the batch"),
    "a state": (lambda: _Counting(count=torch.zeros(())), "forward: found buffers that change when it is asked"),
    "complex numbers": (lambda: nn.Sequential(nn.Linear(4, 3, dtype=torch.complex64)), "parameters: found complex numbers"),
    "a script": (lambda: torch.jit.script(dense(4, 5, 3)), "module: found RecursiveScriptModule; expected a torch.nn.Module,"),
    "a second name": (lambda: _Aliased(), "an answer that parameters from outside do not change"),
    "no module": (dict, "module: found dict; expected a torch.nn.Module"),
    "an error": (lambda: 1 / 0, "arguments: found ZeroDivisionError: division by zero; expected arguments that it takes"),
    "batch norm": (lambda: dense(4, 3, last=(nn.BatchNorm1d(3),)), "normalization: found BatchNorm1d '1'"),
    "a batch's own": (
        lambda: dense(4, 3, last=(nn.BatchNorm1d(3, track_running_stats=False),)), "normalization: found BatchNorm1d '1'"),
    "embedding": (lambda: nn.Sequential(nn.Embedding(9, 3), nn.Flatten()), "forward: found RuntimeError: Expected tensor for"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_student_is_refused_in_one_line(name: str) -> None:
    code, words = REFUSED[name]
    with pytest.raises(ContractError, match=re.escape(words)) as caught:
        built(code)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("student mine.Net")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shape": (1, 2, 3)}, r"shape: found \[1, 2, 3\]; expected 4 numbers"),
        ({"head": "1"}, "head: found '1'; expected 0, 2"),
        ({"head": "0"}, "head: found '0'; expected a dense layer with a bias whose outputs are the logits"),
        ({"weights": "nowhere.pt"}, "nowhere.pt: file: found nothing there|nowhere.pt"),
        ({"arguments": {"unit": 3}}, "arguments: found 'unit'; expected units, num_classes. Hint: did you mean 'units'"),
        ({"arguments": {"num_classes": 4}}, "arguments: found num_classes 4; expected 3, as the data have"),
        ({"normalization": "constant"}, None),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], words: str | None) -> None:
    def code(units: int = 5, num_classes: int = 3) -> nn.Module:
        return dense(4, units, num_classes)

    if words is None:
        built(code, **settings)  # nothing to keep
        return
    with pytest.raises(ContractError, match=words):
        built(code, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"path": "nowhere.Net"}, "path: found ModuleNotFoundError: No module named 'nowhere'"),
        ({"path": "torch.nn.Linera"}, "path: found no 'Linera' there; .* Hint: did you mean 'Linear'"),
        ({"path": "Net"}, "path: found 'Net'; expected an import path such as mypackage.nets.Net, or a file"),
        ({"path": "nowhere.py:Net"}, "nowhere.py"),
        ({"torchvision": "resnet81"}, "model: found 'resnet81'; .* Hint: did you mean 'resnet18'"),
        ({"path": "mine.Net", "handed_over": True}, r"module: found nothing; expected the module that was handed over"),
    ],
)
def test_names_that_lead_nowhere_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        module.build(module.Settings.model_validate(settings), (4,), 3)


def test_an_instance_norm_with_running_statistics_is_refused_or_replaced() -> None:
    def code() -> nn.Module:
        return Small(3, lambda channels: nn.InstanceNorm2d(channels, track_running_stats=True))

    with pytest.raises(ContractError, match="normalization: found InstanceNorm2d 'norm'"):
        built(code, IMAGE)
    norm = built(code, IMAGE, normalization="group").network.norm
    assert isinstance(norm, nn.GroupNorm) and norm.num_groups == 32


def test_nothing_is_downloaded() -> None:
    with pytest.raises(ValueError, match="no weights among arguments of torchvision, which would be downloaded"):
        module.Settings(torchvision="resnet18", arguments={"weights": "DEFAULT"})


def test_statistics_cannot_be_kept_where_none_were_learnt() -> None:
    with pytest.raises(ContractError, match="constant for BatchNorm2d 'norm'; expected statistics that were learnt"):
        built(Small, IMAGE, normalization="constant")
