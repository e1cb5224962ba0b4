"""The Bernoulli posterior against known answers: the two-class softmax, its own gradient, and the laws of the signals."""

from types import ModuleType

import numpy as np
import pytest
import torch

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.posterior.density import log_posterior as softmax_log_posterior
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.questions.multilabel.target import Bernoulli, label_term, log_posterior, make_bernoulli, responsibilities
from mtbkd.signals import kd, none, tip
from mtbkd.students.mlp import Mlp

N, G, K, F = 12, 3, 4, 5
UNITS = 3


def numbers(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shared(lam: tuple[float, ...] = (0.7, 4.0, 4.0), student: float = 1.0) -> Shared:
    def same(value: float) -> torch.Tensor:
        return torch.full((len(lam),), value, dtype=torch.float64)

    return Shared(torch.tensor(lam, dtype=torch.float64), same(0.8), same(1.3), same(2.0), same(student))


def weights(locations: int) -> torch.Tensor:
    return torch.softmax(numbers(N, locations, G, seed=5), -1)


def problem(
    signal: ModuleType, student: Mlp, locations: int = K, teachers: torch.Tensor | None = None, **rest: Shared
) -> Bernoulli:
    y = (numbers(1, N, locations, seed=2) > 0).double()
    y[0, 0] = -1
    logits = numbers(N, G, locations, seed=3, scale=2) if teachers is None else teachers
    chosen = rest.get("shared", shared())
    rows = torch.zeros(len(chosen.lam), dtype=torch.int64)
    return make_bernoulli(student, numbers(1, N, F, seed=1), y, rows, signal, chosen, logits, weights(locations))


@pytest.fixture
def student() -> Mlp:
    return Mlp((F, 6, K))


@pytest.mark.parametrize("signal", [none, kd, tip])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_one_location_is_the_two_class_softmax(signal: ModuleType, temperature: float) -> None:
    """Value and gradient of a linear student whose softmax logits are 0 and the Bernoulli's."""
    ours = problem(signal, Mlp((F, 6, 1)), 1, shared=shared(student=temperature))
    theta = numbers(UNITS, ours.num_params, seed=9)
    one = Mlp((F, 6, 1))

    class Pair(Mlp):
        """Logits 0 and those of the network with one output."""

        @property
        def num_params(self) -> int:
            return one.num_params

        def apply(self, params: torch.Tensor, x: torch.Tensor, keep: list[torch.Tensor] | None = None) -> torch.Tensor:
            logit = one.apply(params, x, keep)
            return torch.cat([torch.zeros_like(logit), logit], -1)

    teachers = numbers(N, G, 1, seed=3, scale=2)
    two = torch.stack([torch.zeros_like(teachers), teachers], -1).flatten(2)[None]
    softmax = make_problem(
        Pair((F, 6, 2)), ours.x, ours.y[..., 0].long(), ours.data_row, signal, signal.Settings(), ours.shared,
        two, weights(1)[None, :, 0],
    )  # fmt: skip
    units = torch.arange(UNITS)
    values = []
    for density in (
        lambda leaf: log_posterior(ours, leaf, units, ours.full(units)),
        lambda leaf: softmax_log_posterior(softmax, leaf, units, softmax.full(units)),
    ):
        leaf = theta.clone().requires_grad_()
        value = density(leaf)
        (grad,) = torch.autograd.grad(value.sum(), leaf)
        values.append((value.detach(), grad))
    torch.testing.assert_close(values[0][0], values[1][0], rtol=0, atol=1e-6)
    torch.testing.assert_close(values[0][1], values[1][1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("signal", [none, kd, tip])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_written_gradient_is_that_of_the_density(signal: ModuleType, temperature: float, student: Mlp) -> None:
    found = problem(signal, student, shared=shared(student=temperature))
    units = found.members(2)
    theta = numbers(len(units), found.num_params, seed=8).requires_grad_()
    batch = found.minibatch(units, 7, torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad(log_posterior(found, theta, units, batch, 0.6).sum(), theta)
    torch.testing.assert_close(found.gradient(theta.detach(), units, batch, 0.6), expected)


def test_every_location_adds_the_beta_mixture(student: Mlp) -> None:
    """The density by hand with scipy's Beta distribution."""
    from scipy.special import logsumexp
    from scipy.stats import beta, norm

    found, unit = problem(tip, student), torch.tensor([1])
    theta = numbers(1, found.num_params, seed=4, scale=0.3)
    q = torch.sigmoid(student.apply(theta, found.x))[0].numpy()
    p = torch.sigmoid(numbers(N, G, K, seed=3, scale=2) / 2).movedim(1, -1).numpy()
    parts = beta.logpdf(q[..., None], 1 + 4 * p, 1 + 4 * (1 - p)) + np.log(weights(K).numpy())
    y = found.y[0].numpy()
    labels = np.where(y < 0, 0, y * np.log(q) + (1 - y) * np.log1p(-q)).sum()
    expected = labels + 0.8 * np.sum(logsumexp(parts, axis=-1)) + norm.logpdf(theta.numpy(), scale=1.3).sum()
    assert found.log_density(theta, unit).item() == pytest.approx(expected, abs=1e-6)


def test_the_gradient_is_distillation_with_the_students_own_weights(student: Mlp) -> None:
    """d term / d logit = lambda sum_g r_g (p_g - q): the responsibilities are the weights."""
    found, units = problem(tip, student), torch.arange(UNITS)
    theta = numbers(UNITS, found.num_params, seed=6)
    batch = found.full(units)
    share = responsibilities(found, theta, units, batch)
    torch.testing.assert_close(share.sum(-1), torch.ones_like(share.sum(-1)))
    logits = student.apply(theta, found.x).requires_grad_()
    p = torch.sigmoid(numbers(N, G, K, seed=3, scale=2) / 2).movedim(1, -1)
    expected = found.shared.lam.view(-1, 1, 1) * ((share * p).sum(-1) - torch.sigmoid(logits))
    unlabelled = type(batch)(batch.x, torch.full_like(batch.y, -1), batch.constants)
    from mtbkd.questions.multilabel.target import logit_gradient

    found_gradient = logit_gradient(found, logits.detach(), units, unlabelled, 1.0)
    torch.testing.assert_close(found_gradient, 0.8 * expected.detach())


@pytest.mark.parametrize("signal", [kd, tip])
def test_without_lambda_the_teachers_say_nothing(signal: ModuleType, student: Mlp) -> None:
    ours, alone = (problem(each, student, shared=shared((0.0,))) for each in (signal, none))
    theta, unit = numbers(5, ours.num_params, seed=7), torch.zeros(5, dtype=torch.int64)
    difference = ours.log_density(theta, unit) - alone.log_density(theta, unit)
    torch.testing.assert_close(difference, difference[:1].expand(5))
    torch.testing.assert_close(ours.gradient(theta, unit, ours.full(unit)), alone.gradient(theta, unit, alone.full(unit)))


def test_teachers_who_agree_are_one_teacher_and_tip_is_kd_up_to_a_constant(student: Mlp) -> None:
    same = numbers(N, 1, K, seed=3).expand(-1, G, -1)
    mixture, mean = problem(tip, student, teachers=same), problem(kd, student, teachers=same)
    theta, unit = numbers(5, mixture.num_params, seed=7), torch.full((5,), 2)
    difference = mixture.log_density(theta, unit) - mean.log_density(theta, unit)
    torch.testing.assert_close(difference, difference[:1].expand(5))


def test_units_that_share_lambda_share_a_table_and_unlabelled_examples_count_for_teachers_only(student: Mlp) -> None:
    found = problem(tip, student)
    assert found.table.tolist() == [0, 1, 1]
    assert found.constants["prob"].shape == (2, N, G, 2, K)
    logits = student.apply(numbers(1, found.num_params), found.x)
    assert label_term(logits, found.y)[0, 0] == 0
    assert (label_term(logits, found.y)[0, 1:] < 0).all()


@pytest.mark.parametrize("inference", ["map", "sgld", "sghmc", "psgld", "csgld", "vi", "dropout", "ensemble"])
def test_inference_modules_take_it_as_their_target(inference: str) -> None:
    from mtbkd.inference import Context
    from mtbkd.inference.optimise import Training

    student = Mlp((F, 6, K))
    chosen = Shared(*(torch.full((2,), value) for value in (1.0, 1.0, 1.0, 1.0, 1.0)))
    y = (numbers(1, N, K, seed=2) > 0).double()
    found = make_bernoulli(
        student, numbers(1, N, F, seed=1).float(), y, torch.zeros(2, dtype=torch.int64), tip, chosen,
        numbers(N, G, K).float(), weights(K).float(),
    )  # fmt: skip
    module = registry.part("inference", inference)
    short = {"steps": 6, "thin": 1, "burn_in": 2, "cycles": 2, "samples": 3, "draws": 3, "members": 2}
    settings = module.Settings.model_validate({k: v for k, v in short.items() if k in module.Settings.model_fields})
    context = Context(0, (0, 1), Training.model_validate({"steps": 5, "restarts": 1}), "cpu")
    fit = module.run(found, settings, module.init(found, settings, context), context)
    assert fit.params.shape[0] == 2 and torch.isfinite(fit.params).all()


def test_pymc_is_refused(student: Mlp) -> None:
    with pytest.raises(ContractError, match="samples in torch"):
        problem(tip, student).pymc_model()
