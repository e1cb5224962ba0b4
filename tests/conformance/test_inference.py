"""Every inference algorithm on a small posterior that it must hold well. U units, C chains, D draws, P parameters."""

from dataclasses import dataclass, replace
from types import ModuleType

import pytest
import torch

from mtbkd.base import registry
from mtbkd.inference import Context, Fit
from mtbkd.inference.optimise import Training
from mtbkd.posterior.problem import Problem, Shared, make_problem
from tests.conformance.examples import dataset, names, small

UNITS, FEATURES = 2, (2,)


@dataclass
class Case:
    module: ModuleType
    problem: Problem
    context: Context
    first: Fit
    again: Fit


def make(module: ModuleType, prior_scale: float = 1.0) -> Problem:
    """Labels and two teachers for a linear student, or the smallest one with a hidden layer."""
    architecture = registry.part("student", "mlp" if module.NEEDS_HIDDEN else "linear")
    data = dataset(FEATURES, UNITS)
    student = architecture.build(small(architecture), FEATURES, data.num_classes)
    signal, rows = registry.part("signal", "tip"), torch.arange(UNITS)
    own = torch.nn.functional.one_hot(torch.as_tensor(data.y), data.num_classes).float()
    logits = torch.stack([2 * own, own + own.roll(1, -1)], 2)
    one = torch.ones(UNITS)
    shared = Shared(one, one, one * prior_scale, one, one)
    weights = torch.full(logits.shape[:-1], 0.5)
    x, y = student.inputs(torch.as_tensor(data.x)), torch.as_tensor(data.y)
    return make_problem(student, x, y, rows, signal, signal.Settings(), shared, logits, weights)


def fit(module: ModuleType, problem: Problem, context: Context) -> Fit:
    settings = small(module)
    return module.run(problem, settings, module.init(problem, settings, context), context)


@pytest.fixture(scope="module", params=names("inference"))
def case(request: pytest.FixtureRequest) -> Case:
    module = registry.part("inference", request.param)
    context = Context(seed=3, replicates=tuple(range(UNITS)), training=Training(steps=300), device="cpu")
    problem = make(module)
    return Case(module, problem, context, fit(module, problem, context), fit(module, problem, context))


def mean_prob(problem: Problem, params: torch.Tensor) -> torch.Tensor:
    """Mean class probabilities (U, N, K) over draws ``params`` (U, S, P)."""
    rows = [
        torch.softmax(problem.student.apply(params[unit], problem.x[unit : unit + 1]), -1).mean(0)
        for unit in range(problem.num_units)
    ]
    return torch.stack(rows)


def test_the_kind_of_its_draws_is_known(case: Case) -> None:
    assert case.module.DRAWS in ("point", "independent", "chains")
    assert case.module.MAX_PARAMS is None or case.module.MAX_PARAMS > 0


def test_draws_are_finite_and_shaped_as_the_contract_says(case: Case) -> None:
    params = case.first.params
    units, chains, draws, size = params.shape
    assert (units, size) == (UNITS, case.problem.student.num_params)
    assert params.dtype == torch.float32 and params.device.type == "cpu"
    assert torch.isfinite(params).all()
    expected = {"point": chains == draws == 1, "independent": chains == 1 and draws > 1, "chains": chains > 1 and draws > 1}
    assert expected[case.module.DRAWS]
    assert all(value.shape == (units, chains, draws) for value in case.first.sample_stats.values())


def test_it_supplies_the_statistics_that_it_declares(case: Case) -> None:
    assert set(case.first.sample_stats) >= case.module.SUPPLIES


def test_the_same_seed_gives_the_same_numbers(case: Case) -> None:
    assert torch.equal(case.first.params, case.again.params)


def test_replicates_get_draws_of_their_own(case: Case) -> None:
    assert not torch.allclose(case.first.params[0], case.first.params[1])


def test_predictions_are_near_those_of_the_mode(case: Case) -> None:
    mode = mean_prob(case.problem, case.context.mode(case.problem).unsqueeze(1))
    drawn = mean_prob(case.problem, case.first.params.flatten(1, 2))
    assert (mode - drawn).abs().mean() < 0.05
    assert mode.max(-1).values.mean() > 0.5  # far from a third each: the bound above is no empty one


def test_an_improper_prior_is_taken_where_the_module_says_so(case: Case) -> None:
    if not case.module.IMPROPER_PRIOR:
        assert case.module.DRAWS != "point", "a mode needs no proper prior"
        return
    training = replace(case.context, training=Training(steps=50))
    assert torch.isfinite(fit(case.module, make(case.module, float("inf")), training).params).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU: the algorithms were run on the CPU only")
@pytest.mark.parametrize("name", names("inference"))
def test_on_a_gpu_it_finds_the_posterior_that_it_finds_on_the_cpu(name: str) -> None:
    module = registry.part("inference", name)
    fits = [
        fit(module, on(make(module), device), Context(3, tuple(range(UNITS)), Training(steps=300), device))
        for device in ("cpu", "cuda")
    ]
    cpu, gpu = (mean_prob(make(module), each.params.flatten(1, 2)) for each in fits)
    assert all(each.params.device.type == "cpu" for each in fits)
    assert (cpu - gpu).abs().mean() < 0.05


def on(problem: Problem, device: str) -> Problem:
    """The problem with all its tensors on ``device``."""
    shared = Shared(**{name: value if value is None else value.to(device) for name, value in vars(problem.shared).items()})
    constants = {name: value.to(device) for name, value in problem.constants.items()}
    x, y, rows = problem.x.to(device), problem.y.to(device), problem.data_row.to(device)
    return replace(problem, x=x, y=y, data_row=rows, constants=constants, shared=shared)
