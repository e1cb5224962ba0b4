"""The log-posterior of method.md section 1 against values and laws that are known without it. U units, N examples."""

import json
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtbkd.inference.optimise import Training, maximise
from mtbkd.pooling import entropy
from mtbkd.posterior.density import full_log_posterior, gradient, log_posterior
from mtbkd.posterior.problem import Problem, Shared, make_problem
from mtbkd.signals import bkd, kd, none, tip
from mtbkd.students.linear import Linear

REFERENCE = json.loads((Path(__file__).parent / "reference" / "tip_log_density.json").read_text())
CASES = REFERENCE["cases"]


def shared(units: int = 1, lam: float = 2.0, beta: float = 1.0, scale: float = math.inf, teacher_temperature: float = 1.0,
           student_temperature: float = 1.0) -> Shared:  # fmt: skip
    """The same settings for every unit, in double precision."""
    values = (lam, beta, scale, teacher_temperature, student_temperature)
    return Shared(*(torch.full((units,), value, dtype=torch.float64) for value in values))


def saturated(
    signal: ModuleType, y: torch.Tensor, teacher_logits: torch.Tensor, weights: torch.Tensor, common: Shared
) -> Problem:
    """One unit of N examples (y (N,), logits (N, G, K), weights (N, G)) whose student gives each its own q."""
    n, _, k = teacher_logits.shape
    x = torch.eye(n, dtype=torch.float64)[None]
    settings, best = signal.Settings(), torch.zeros(1, dtype=torch.int64)
    return make_problem(
        Linear(n, k, False), x, y[None], torch.zeros(1, dtype=torch.int64), signal, settings, common,
        teacher_logits[None], weights[None], best,
    )  # fmt: skip


def saturated_params(logits: torch.Tensor) -> torch.Tensor:
    """Parameters (1, P) of the saturated student whose logits are ``logits`` (N, K), up to each row's first."""
    free = logits[:, 1:] - logits[:, :1]
    return torch.cat([free.flatten(), torch.zeros(free.shape[1], dtype=logits.dtype)])[None]


def value(problem: Problem, params: torch.Tensor) -> float:
    units = problem.members(1)
    return log_posterior(problem, params, units, problem.full(units)).item()


def reference(name: str) -> torch.Tensor:
    return torch.tensor([case[name] for case in CASES], dtype=torch.float64)


def test_entropy_weights_are_those_of_the_authors_code() -> None:
    prob = torch.softmax(reference("teacher_logits") / REFERENCE["weight_temperature"], -1).numpy()
    np.testing.assert_allclose(entropy.weights(prob[None])[0], reference("entropy_weights"), rtol=1e-6)


def test_tip_equals_the_reference_densities() -> None:
    log_q = torch.log_softmax(reference("student_logits") / REFERENCE["student_temperature"], -1)[None]
    prob = torch.softmax(reference("teacher_logits") / REFERENCE["teacher_temperature"], -1)[None]
    lam = torch.tensor([float(REFERENCE["lam"])], dtype=torch.float64)
    constants = tip.prepare(prob, reference("entropy_weights")[None], lam, tip.Settings(), None)
    torch.testing.assert_close(tip.term(log_q, constants, lam)[0], reference("log_mixture"), rtol=1e-6, atol=1e-6)


def test_log_posterior_equals_the_loss_of_the_authors_code() -> None:
    """Their loss of an example is -beta log mixture + 10 + cross-entropy, with both temperatures 2 and beta .02."""
    settings = {name: float(REFERENCE[name]) for name in ("lam", "beta", "teacher_temperature", "student_temperature")}
    y = torch.tensor([case["label"] for case in CASES])
    problem = saturated(tip, y, reference("teacher_logits"), reference("entropy_weights"), shared(**settings))
    ours = value(problem, saturated_params(reference("student_logits")))
    assert ours == pytest.approx((10 - reference("published_loss")).sum().item(), rel=1e-6)


@st.composite
def laws(draw: st.DrawFn, teachers: int | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Labels (N,), -1 among them, teachers' logits (N, G, K), weights (N, G) and the student's logits (N, K)."""
    n, k = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    g = teachers or draw(st.integers(1, 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.1, 1.0, 5.0]))
    logits, student = (torch.randn(shape, generator=generator, dtype=torch.float64) * scale for shape in ((n, g, k), (n, k)))
    weights = torch.softmax(torch.randn((n, g), generator=generator, dtype=torch.float64), -1)
    return torch.randint(-1, k, (n,), generator=generator), logits, weights, student


@settings(max_examples=30)
@given(laws(), st.floats(0.01, 2))
def test_without_lambda_tip_kd_and_none_differ_by_a_constant(law: tuple[torch.Tensor, ...], beta: float) -> None:
    """Dir(q; 1) is uniform: N log Gamma(K)."""
    y, logits, weights, student = law
    n, k = student.shape
    found = {
        signal: value(saturated(signal, y, logits, weights, shared(lam=0.0, beta=beta)), saturated_params(student))
        for signal in (none, kd, tip, bkd)
    }
    assert found[kd] == pytest.approx(found[none], abs=1e-9)
    assert found[tip] == pytest.approx(found[none] + beta * n * math.lgamma(k), abs=1e-9)
    assert found[bkd] == pytest.approx(found[tip], abs=1e-9)


@settings(max_examples=30)
@given(laws(teachers=1), st.integers(2, 4), st.floats(0.1, 30))
def test_tip_equals_bkd_when_teachers_agree(law: tuple[torch.Tensor, ...], teachers: int, lam: float) -> None:
    y, logits, _, student = law
    same = logits.expand(-1, teachers, -1)
    weights = torch.softmax(torch.arange(teachers, dtype=torch.float64), 0).expand(len(y), teachers)
    one = saturated(bkd, y, same, weights, shared(lam=lam))
    mixture = saturated(tip, y, same, weights, shared(lam=lam))
    params = saturated_params(student)
    assert value(mixture, params) == pytest.approx(value(one, params), rel=1e-10)


@settings(max_examples=30)
@given(laws(), st.floats(0.1, 30))
def test_tip_has_the_gradient_of_kd_whose_weights_are_the_responsibilities(law: tuple[torch.Tensor, ...], lam: float) -> None:
    y, logits, weights, student = law
    common, params = shared(lam=lam), saturated_params(student)
    mixture = saturated(tip, y, logits, weights, common)
    log_q = torch.log_softmax(student, -1)[None]
    responsibilities = tip.responsibilities(log_q, mixture.constants, common.lam)[0]
    distillation = saturated(kd, y, logits, responsibilities, common)
    units = mixture.members(1)
    leaf = params.clone().requires_grad_()
    (automatic,) = torch.autograd.grad(log_posterior(mixture, leaf, units, mixture.full(units)).sum(), leaf)
    torch.testing.assert_close(automatic, gradient(distillation, params, units, distillation.full(units)))


@pytest.mark.parametrize("signal", [tip, bkd, kd], ids=lambda s: s.__name__.rpartition(".")[2])
def test_the_mode_goes_from_the_labels_to_the_teacher_as_lambda_grows(signal: ModuleType) -> None:
    """One teacher, own probabilities for every example: q = (1[y] + lambda p) / (1[labelled] + lambda) exactly."""
    generator = torch.Generator().manual_seed(0)
    y, logits = torch.tensor([0, 1, 2, -1]), torch.randn((4, 1, 3), generator=generator, dtype=torch.float64)
    p = torch.softmax(logits[:, 0], -1)
    label = torch.nn.functional.one_hot(y.clamp(min=0), 3) * (y >= 0).unsqueeze(-1)
    for lam in (0.5, 1e4):
        problem = saturated(signal, y, logits, torch.ones(4, 1, dtype=torch.float64), shared(lam=lam))
        start = saturated_params(torch.zeros(4, 3, dtype=torch.float64))
        found = maximise(problem, start, problem.members(1), Training(steps=600, learning_rate=0.1), generator)
        q = torch.softmax(problem.student.apply(found, problem.x), -1)[0]
        torch.testing.assert_close(q, (label + lam * p) / (label.sum(-1, keepdim=True) + lam), atol=2e-3, rtol=0)
        if lam > 1000:
            torch.testing.assert_close(q, p, atol=2e-3, rtol=0)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_prior_is_the_normal_density_and_an_infinite_scale_leaves_it_out(scale: float) -> None:
    y, logits = torch.tensor([1, -1]), torch.zeros((2, 1, 3), dtype=torch.float64)
    params = saturated_params(torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.5, 0.1]], dtype=torch.float64))
    proper, flat = (saturated(none, y, logits, torch.ones(2, 1), shared(scale=s)) for s in (scale, math.inf))
    spread = torch.tensor(scale, dtype=torch.float64)
    expected = torch.distributions.Normal(0.0, spread).log_prob(params).sum().item()
    assert value(proper, params) - value(flat, params) == pytest.approx(expected, rel=1e-12)
    pull = gradient(proper, params, proper.members(1), proper.full(proper.members(1)))
    push = gradient(flat, params, flat.members(1), flat.full(flat.members(1)))
    torch.testing.assert_close(pull - push, -params / scale**2)


def small(units: int = 2, n: int = 12) -> tuple[Problem, torch.Tensor]:
    """Units that share x and y but not lambda, of a linear student, and one member a unit."""
    generator = torch.Generator().manual_seed(4)
    x = torch.randn((1, n, 3), generator=generator, dtype=torch.float64)
    y = torch.randint(-1, 3, (1, n), generator=generator)
    logits = torch.randn((1, n, 2, 3), generator=generator, dtype=torch.float64)
    common = shared(units, scale=1.0)
    common.lam.copy_(torch.arange(1, units + 1))
    weights = torch.full((1, n, 2), 0.5, dtype=torch.float64)
    problem = make_problem(
        Linear(3, 3, False), x, y, torch.zeros(units, dtype=torch.int64), tip, tip.Settings(), common, logits, weights
    )
    return problem, torch.randn((units, problem.student.num_params), generator=generator, dtype=torch.float64)


def test_minibatches_are_unbiased() -> None:
    problem, params = small()
    units, generator = problem.members(1), torch.Generator().manual_seed(1)
    drawn = torch.stack([problem.gradient(params, units, problem.minibatch(units, 4, generator)) for _ in range(1500)])
    error = (drawn.mean(0) - gradient(problem, params, units, problem.full(units))) / (drawn.std(0) / len(drawn) ** 0.5)
    assert error.abs().max() < 4.5  # 16 standard normals


def test_chunks_of_members_give_what_all_give_together() -> None:
    problem, _ = small()
    units = problem.members(5)
    params = torch.randn((10, problem.student.num_params), dtype=torch.float64)
    together = log_posterior(problem, params, units, problem.full(units))
    for most in (1, 600):
        torch.testing.assert_close(full_log_posterior(problem, params, units, max_logits=most), together)


def test_a_member_that_left_the_finite_numbers_leaves_the_others_alone() -> None:
    problem, params = small()
    units, training = problem.members(1), Training(steps=40)
    lost = params.clone()
    lost[0] = torch.nan
    runs = [maximise(problem, start, units, training, torch.Generator().manual_seed(2)) for start in (params, lost)]
    assert torch.equal(runs[0][1], runs[1][1]) and runs[1][0].isnan().all()
