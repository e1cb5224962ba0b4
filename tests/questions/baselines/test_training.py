"""The common objective, and the methods that are more than a weighting. U units, G teachers, P parameters."""

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from pydantic import BaseModel

from mtbkd.inference.optimise import Training
from mtbkd.posterior.density import gradient
from mtbkd.posterior.minibatch import Batch
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.questions.baselines import BASELINES, aver, ebkd, mmkd, module_of, samerging, takd
from mtbkd.questions.baselines.bench import Bench, equal, fixed
from mtbkd.questions.baselines.tip import Responsibilities
from mtbkd.questions.baselines.tip import Settings as Tip
from mtbkd.signals import tip
from mtbkd.students.linear import Linear
from tests.questions.baselines.examples import STUDENT, bench, toy

WEIGHTINGS = [name for name in BASELINES if name not in ("labels", "takd", "samerging")]


def quick(module: ModuleType) -> BaseModel:
    """Its Settings with few steps of its own."""
    return module.Settings(**{name: 20 for name in ("steps",) if name in module.Settings.model_fields})


def whole(material: Bench) -> torch.Tensor:
    return torch.arange(material.x.shape[1]).expand(len(material.data_row), -1)


def descent(material: Bench, params: torch.Tensor, rule: object) -> torch.Tensor:
    """Minus the gradient on all training examples, without the prior."""
    return material._descent(
        material.student, params, whole(material), rule, material.tempered(material.logits), material.share, 1.0, 0  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_written_out_gradient_is_that_of_the_stated_loss() -> None:
    material = bench(toy(hidden_labels=20), double=True, share=0.3, temperature=4.0)
    table = torch.rand(2, 50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    params = material.start(STUDENT).double().requires_grad_()
    logits = STUDENT.apply(params, material.x)
    known = material.y >= 0
    ce = -torch.log_softmax(logits, -1).gather(-1, material.y.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    ce = (ce * known).sum(1) / known.sum(1)
    p, log_q = torch.softmax(material.logits / 4, -1), torch.log_softmax(logits / 4, -1).unsqueeze(2)
    kl = (p * (p.log() - log_q)).sum(-1)
    loss = 0.7 * ce + 0.3 * 16 * (table * kl).sum(-1).mean(1)
    (expected,) = torch.autograd.grad(-loss.sum(), params)
    with torch.no_grad():
        found = descent(material, params.detach(), fixed(table, material.data_row))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("lam", "no_teacher"), [(3.0, 0.0), (20.0, 0.0), (20.0, 0.2)])
def test_the_responsibilities_give_the_gradient_of_the_teacher_informed_prior(lam: float, no_teacher: float) -> None:
    """(1 - l) / N of the posterior's at the strength l / (1 - l), where all examples have labels."""
    one = torch.ones(2, dtype=torch.float64)
    own = {} if lam == 3 else {"lambda": lam * one, "no_teacher": no_teacher * one}
    material = bench(double=True, share=0.75, temperature=1.0, own=own)
    params = material.start(STUDENT).double()
    shared = Shared(lam * one, 3 / lam * one, one * torch.inf, one, one, no_teacher=no_teacher * one)
    weights = ebkd.weights(material.logits)
    problem = make_problem(
        STUDENT, material.x, material.y, material.data_row, tip, tip.Settings(), shared, material.logits,
        weights / weights.sum(-1, keepdim=True),
    )  # fmt: skip
    batch: Batch = problem.full(material.data_row)
    expected = gradient(problem, params, material.data_row, batch) * 0.25 / 50
    with torch.no_grad():
        torch.testing.assert_close(descent(material, params, Responsibilities(material)), expected, rtol=1e-9, atol=1e-12)


def test_half_of_a_minibatch_has_labels_where_others_are_hidden() -> None:
    material = bench(toy(hidden_labels=45))
    index = material._minibatch(material.labelled(), material.generator("x"))
    known = material.y[material.data_row.unsqueeze(-1), index] >= 0
    assert index.shape == (2, 16) and known[:, :8].all()
    full = bench()
    assert full._minibatch(full.labelled(), full.generator("x")).shape == (2, 16)


def test_replicates_with_fewer_labels_repeat_theirs() -> None:
    data = toy(hidden_labels=47)
    y = data.y.copy()
    y[1, 48:50] = -1
    material = bench(replace(data, y=y))
    assert material.labelled().tolist() == [[47, 48, 49], [47, 47, 47]]


def test_labels_alone_listen_to_no_teacher() -> None:
    module = module_of("labels")
    found = [module.train(bench(count=n), module.Settings()).params for n in (2, 3)]
    assert torch.equal(*found)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_with_one_teacher_every_weighting_is_plain_distillation(name: str) -> None:
    material = bench(toy(hidden_labels=10), count=1)
    module = module_of(name)
    found = module.train(material, module.Settings())
    torch.testing.assert_close(found.params, aver.train(material, aver.Settings()).params)
    assert found.rule is not None
    assert (found.rule(material.moment(found.params)) == 1).all()


@pytest.mark.parametrize("name", list(BASELINES))
def test_training_is_finite_repeatable_and_ahead_of_its_start(name: str) -> None:
    material, module = bench(toy(hidden_labels=25), share=0.3), module_of(name)
    first, again = (module.train(material, quick(module)).params for _ in range(2))
    assert torch.equal(first, again) and torch.isfinite(first).all()

    def right(params: torch.Tensor) -> torch.Tensor:
        return (material.predict(params, material.x)[:, 25:].argmax(-1) == material.y[:, 25:]).double().mean()

    assert right(first) > right(material.start(STUDENT)) + 0.1


@pytest.mark.parametrize("name", list(BASELINES))
def test_temperatures_below_one_train_all_students(name: str) -> None:
    module = module_of(name)
    sharp, plain = (
        module.train(bench(toy(hidden_labels=25), share=0.3, temperature=t), quick(module)).params for t in (0.25, 1.0)
    )
    assert torch.isfinite(sharp).all() and torch.equal(sharp, plain) == (name == "labels")


def test_tip_tries_every_sharpness_once_and_its_strength_among_them() -> None:
    plain = {"share": 0.75, "temperature": 2.0, "prior_scale": 1.0}
    settings = Tip.model_validate({"lambda": ["kappa", 5, 12], "no_teacher": [0, 0.1]})
    found = [(each["lambda"], each["no_teacher"]) for each in settings.expand(plain)]
    assert found == [(12, 0), (12, 0.1), (5, 0), (5, 0.1)]
    assert Tip().expand(plain) == [plain]


@pytest.mark.parametrize("name", list(BASELINES))
def test_it_runs_without_a_single_label(name: str) -> None:
    module = module_of(name)
    assert torch.isfinite(module.train(bench(toy(hidden_labels=50)), quick(module)).params).all()


def test_a_student_of_an_assistant_that_is_the_mean_of_the_teachers_is_avers() -> None:
    material = bench(toy(hidden_labels=10))
    mean = torch.softmax(material.logits / 2, -1).mean(2).log() * 2  # the bench's temperature is 2
    torch.testing.assert_close(takd.learn_from(material, mean), material.follow(equal), rtol=1e-4, atol=1e-5)


def test_the_assistant_has_more_hidden_units_or_is_a_student() -> None:
    assert takd.widened(STUDENT, 4).hidden == (16,)
    linear = Linear(2, 3, False)
    assert takd.widened(linear, 4) is linear


def test_looking_ahead_has_the_gradient_of_finite_differences() -> None:
    material = bench(count=2, double=True)
    settings = mmkd.Settings(hidden=3, inner_rate=0.5)
    rule = mmkd.MetaWeights(material, settings)
    params, meta = material.start(STUDENT).double(), rule.meta.double().requires_grad_()
    index = whole(material)[:, :20]
    prob = material.tempered(material.logits)[:, :20].permute(2, 3, 0, 1)
    buffer = material.x[:, :20], material.y[torch.arange(2).unsqueeze(1), index], prob

    def value(at: torch.Tensor) -> torch.Tensor:
        return mmkd.looked_ahead(STUDENT, rule.network, params, at, buffer, material.temperature, settings)

    (found,) = torch.autograd.grad(value(meta).sum(), meta)
    step = 1e-5 * torch.randn(meta.shape, dtype=meta.dtype, generator=torch.Generator().manual_seed(0))
    expected = (value(meta + step) - value(meta - step)) / 2
    torch.testing.assert_close((found * step).sum(-1), expected, rtol=1e-5, atol=1e-14)
    assert (expected.abs() > 1e-12).all()


def test_learnt_weights_turn_to_the_teacher_whose_lesson_helps() -> None:
    """Of a teacher that knows the labels and one that knows them wrong, the good one gains weight."""
    data = toy()
    material = bench(data, count=2, training=Training(steps=200, batch_size=20, signal_warmup=0))
    own = torch.nn.functional.one_hot(material.y, 3).float() * 6
    both = torch.stack([own, own.roll(1, -1)], 2)
    material = Bench(**{**vars(material), "logits": both})
    found = mmkd.train(material, mmkd.Settings(learning_rate=0.05))
    assert found.rule is not None
    weights = found.rule(material.moment(found.params)).mean((1, 2))
    assert weights[0] > 0.8


def test_one_expert_is_recovered_by_merging() -> None:
    material = bench(count=1)
    base = material.start(STUDENT)
    expert = material.follow(equal, start=base)
    settings = samerging.Settings(first=0.5, steps=150, learning_rate=0.04)
    params, coefficients = samerging.merge(material, base, expert.unsqueeze(1), settings)
    assert (coefficients - 1).abs().max() < 0.15

    def gap(at: torch.Tensor) -> float:
        found, wanted = (torch.softmax(material.predict(each, material.x), -1) for each in (at, expert))
        return (found - wanted).abs().mean().item()

    assert gap(params) < 0.2 * gap(base + 0.5 * (expert - base))


def test_layers_are_where_the_parameters_lie() -> None:
    assert samerging.layer_of_param(STUDENT).tolist() == [0] * 12 + [1] * 15
    assert samerging.layer_of_param(Linear(2, 3, False)).tolist() == [0] * 6


def test_merging_without_steps_is_the_weighted_sum_of_the_moves() -> None:
    base, moves = torch.zeros(1, 27), torch.stack([torch.ones(1, 27), 2 * torch.ones(1, 27)], 1)
    coefficients = torch.tensor([[[1.0, 0.5], [0.0, 1.0]]])
    found = samerging.merged(base, moves, coefficients, samerging.layer_of_param(STUDENT))
    assert found.tolist() == [[1.0] * 12 + [2.5] * 15]
