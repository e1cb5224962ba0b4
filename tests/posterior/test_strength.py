"""Strength kappa, sharpness lambda and the weight of no teacher, in torch, PyTensor and compiled code, against known answers.

U units, M points, N examples, G teachers, K classes, P parameters.
"""

from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from scipy.special import log_softmax, logsumexp
from scipy.stats import dirichlet

from mtbkd.inference.sharpness import sharpness
from mtbkd.inference.tuning import shared_of
from mtbkd.posterior.density import full_log_posterior, gradient
from mtbkd.posterior.problem import Problem, make_problem
from mtbkd.questions.multilabel.target import make_bernoulli
from mtbkd.signals import kd, kd_hinton, kd_mean, power, tip
from mtbkd.signals.responsibility import responsibilities
from mtbkd.students.linear import Linear

EXAMPLES, TEACHERS, CLASSES, INPUTS, POINTS = 30, 2, 3, 2, 3
STUDENT = Linear(INPUTS, CLASSES, False)
# (kappa, lambda, w0) of each unit: coinciding, sharp, all but logarithmic; with and without the row of no teacher.
UNITS = ((2.0, 2.0, 0.0), (2.0, 20.0, 0.1), (3.0, 1e-3, 0.0), (1.0, 1e-3, 0.3), (0.1, 5.0, 0.5))
TOLERANCE = {"torch": 1e-6, "pymc": 1e-6, "compiled": 2e-4}  # of the largest change of the log-posterior
FORMS = list(TOLERANCE)
Found = tuple[np.ndarray, np.ndarray]


def draw(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def material() -> dict[str, np.ndarray]:
    return {
        "x": draw(EXAMPLES, INPUTS, seed=0),
        "y": np.random.default_rng(1).integers(-1, CLASSES, EXAMPLES),
        "logits": 2 * draw(EXAMPLES, TEACHERS, CLASSES, seed=2),
        "weights": np.exp(log_softmax(draw(EXAMPLES, TEACHERS, seed=3), -1)),
    }


def problem_of(
    form: str, signal: ModuleType = tip, units: Any = UNITS, settings: Any = None, by: str = "kappa", **changed: float
) -> Problem:
    """``units`` (kappa, lambda, w0); ``by`` beta they are given as (beta, lambda, w0)."""
    dtype = torch.float32 if form == "compiled" else torch.float64
    rest = {"prior_scale": 1.5, "teacher_temperature": 1.0, "student_temperature": 1.0, "temperature": 1.0} | changed
    shared = shared_of([{by: k, "lambda": lam, "no_teacher": w0, **rest} for k, lam, w0 in units], "cpu")
    shared = replace(shared, **{name: value.to(dtype) for name, value in vars(shared).items() if value is not None})
    if by == "kappa":  # from the exact ones
        shared = replace(shared, beta=shared.kappa / shared.lam)
    tensors = {name: torch.as_tensor(value)[None] for name, value in material().items()}
    tensors = {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}
    return make_problem(
        STUDENT, tensors["x"], tensors["y"], torch.zeros(len(units), dtype=torch.int64), signal, settings or signal.Settings(),
        shared, tensors["logits"], tensors["weights"],
    )  # fmt: skip


def points() -> np.ndarray:
    return draw(POINTS, STUDENT.num_params, seed=4)


def found_by(form: str, problem: Problem) -> Found:
    """Log-posteriors (M, U) above those of the first point, and gradients (M, U, P)."""
    values, slopes, units = [], [], problem.members(1)
    if form == "pymc":
        pm = pytest.importorskip("pymc")
        model = problem.pymc_model()
        density = model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
        density.set_extra_values({})
    for point in points():
        if form == "pymc":
            rows = []
            for unit in range(problem.num_units):
                pm.set_data(problem.pymc_data(unit), model=model)
                rows.append(density(point))
            values.append([value for value, _ in rows])
            slopes.append([grad for _, grad in rows])
            continue
        params = torch.as_tensor(point).to(problem.x.dtype).expand(problem.num_units, -1).contiguous()
        if form == "compiled":
            assert problem.compiled is not None
            found = problem.compiled.log_density(params, units), problem.compiled.full_gradient(params, units)
        else:
            found = full_log_posterior(problem, params, units), gradient(problem, params, units, problem.full(units))
        values.append(found[0].double().numpy())
        slopes.append(found[1].double().numpy())
    return np.array(values) - np.array(values[0]), np.array(slopes)


def reference(theta: np.ndarray, kappa: float, lam: float, w0: float) -> float:
    """kappa / lambda sum_i log[w0 Gamma(K) + (1 - w0) sum_g w_g Dir(q; 1 + lambda p_g)] + labels + prior, by scipy."""
    data = material()
    free = data["x"] @ theta[: 1 - CLASSES].reshape(INPUTS, CLASSES - 1) + theta[1 - CLASSES :]
    log_q = log_softmax(np.column_stack([np.zeros(EXAMPLES), free]), -1)
    prob, value = np.exp(log_softmax(data["logits"], -1)), 0.0
    for i in range(EXAMPLES):
        density = [dirichlet.logpdf(np.exp(log_q[i]), 1 + lam * p) for p in prob[i]]
        density.append(dirichlet.logpdf(np.exp(log_q[i]), np.ones(CLASSES)))
        value += kappa / lam * logsumexp(density, b=[*((1 - w0) * data["weights"][i]), w0])
    labelled = data["y"] >= 0
    return value + log_q[labelled, data["y"][labelled]].sum() - 0.5 * (theta**2).sum() / 1.5**2


def agree(form: str, found: Found, expected: Found) -> None:
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=TOLERANCE[form], atol=TOLERANCE[form] * np.abs(other).max())


@pytest.mark.parametrize("form", FORMS)
def test_the_term_is_that_of_scipys_dirichlets(form: str) -> None:
    values = np.array([[reference(point, *unit) for unit in UNITS] for point in points()])
    slopes = np.array([[approx_fprime(p, lambda t, u=u: reference(t, *u), 1e-6) for u in UNITS] for p in points()])
    found = found_by(form, problem_of(form))
    np.testing.assert_allclose(found[0], values - values[0], rtol=TOLERANCE[form], atol=1e-3)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-3, atol=1e-3 * np.abs(slopes).max())


@pytest.mark.parametrize("form", FORMS)
def test_no_sharpness_at_a_fixed_strength_is_kd(form: str) -> None:
    """In single precision, too: at lambda = .001 the mixture's constant is a thousand times what the teachers say."""
    faint, plain = ((2.0, 1e-3, 0.0), (0.5, 1e-3, 0.0)), ((2.0, 2.0, 0.0), (0.5, 0.5, 0.0))
    found, expected = (found_by(form, problem_of(form, signal, units)) for signal, units in ((tip, faint), (kd, plain)))
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=5e-3, atol=5e-3 * np.abs(other).max())
    sharp = found_by(form, problem_of(form, tip, ((2.0, 20.0, 0.0), (0.5, 20.0, 0.0))))
    assert np.abs(sharp[1] - expected[1]).max() > 0.1 * np.abs(expected[1]).max()


@pytest.mark.parametrize("form", FORMS)
def test_no_teacher_weakens_kd_where_there_is_no_sharpness(form: str) -> None:
    found = found_by(form, problem_of(form, tip, ((2.0, 1e-3, 0.25),)))
    expected = found_by(form, problem_of(form, kd, ((1.5, 1.5, 0.0),)))
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=5e-3, atol=5e-3 * np.abs(other).max())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("signal", [tip, power])
def test_a_sharpness_equal_to_the_strength_is_beta_one(signal: ModuleType, form: str) -> None:
    units = ((0.5, 0.5, 0.0), (8.0, 8.0, 0.0))
    found = found_by(form, problem_of(form, signal, units))
    agree(form, found, found_by(form, problem_of(form, signal, [(1.0, lam, 0.0) for _, lam, _ in units], by="beta")))
    half = found_by(form, problem_of(form, signal, [(0.5, lam, 0.0) for _, lam, _ in units], by="beta"))
    assert np.abs(found[1] - half[1]).max() > 0.1


@pytest.mark.parametrize("form", FORMS)
def test_the_authors_power_of_a_fiftieth_is_a_strength_of_a_tenth(form: str) -> None:
    found = found_by(form, problem_of(form, tip, ((0.1, 5.0, 0.0),)))
    agree(form, found, found_by(form, problem_of(form, tip, ((0.02, 5.0, 0.0),), by="beta")))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("signal", [tip, power])
def test_a_unit_without_the_row_of_no_teacher_is_not_changed_by_units_with_it(signal: ModuleType, form: str) -> None:
    alone, beside = ((2.0, 4.0, 0.0),), ((2.0, 4.0, 0.0), (2.0, 4.0, 0.4))
    found, both = found_by(form, problem_of(form, signal, alone)), found_by(form, problem_of(form, signal, beside))
    agree(form, found, (both[0][:, :1], both[1][:, :1]))
    assert np.abs(both[1][:, 0] - both[1][:, 1]).max() > 0.1


def test_no_teacher_keeps_nothing_but_labels_and_prior_where_its_weight_is_all_but_one() -> None:
    found = found_by("torch", problem_of("torch", tip, ((2.0, 4.0, 1 - 1e-12),)))
    alone = found_by("torch", problem_of("torch", tip, ((1e-9, 4.0, 0.0),)))
    agree("torch", found, alone)


@pytest.mark.parametrize("unit", [(2.0, 4.0, 0.0), (2.0, 20.0, 0.2), (2.0, 1e-3, 0.2)])
def test_a_student_of_several_labels_has_strength_sharpness_and_no_teacher(unit: tuple[float, float, float]) -> None:
    """Two labels, the first one's logit being 0: log-posteriors above the first point's, against scipy's beta distributions."""
    kappa, lam, w0 = unit
    rest = {"prior_scale": 1.5, "teacher_temperature": 1.0, "student_temperature": 1.0, "temperature": 1.0}
    rows = [{"kappa": kappa, "lambda": lam, "no_teacher": w, **rest} for w in (w0, 0.9)]
    shared = shared_of(rows, "cpu")
    shared = replace(shared, **{name: value.double() for name, value in vars(shared).items() if value is not None})
    shared = replace(shared, beta=shared.kappa / shared.lam)
    data, student = material(), Linear(INPUTS, 2, False)
    x, logits = torch.as_tensor(data["x"])[None], torch.as_tensor(data["logits"][..., :2])
    y, weights = torch.full((1, EXAMPLES, 2), -1.0), torch.as_tensor(data["weights"])[:, None].expand(-1, 2, -1)
    problem = make_bernoulli(student, x, y, torch.zeros(2, dtype=torch.int64), tip, shared, logits, weights)

    def expected(theta: np.ndarray) -> float:
        q = 1 / (1 + np.exp(-(data["x"] @ theta[:INPUTS] + theta[INPUTS])))
        p, value = 1 / (1 + np.exp(-data["logits"][..., 1])), 0.0
        for i in range(EXAMPLES):
            density = [dirichlet.logpdf([1 - q[i], q[i]], [1 + lam * (1 - each), 1 + lam * each]) for each in p[i]]
            value += kappa / lam * logsumexp([*density, 0.0], b=[*((1 - w0) * data["weights"][i]), w0])
        return value - 0.5 * (theta**2).sum() / 1.5**2

    both = draw(2, student.num_params, seed=5)
    found = [problem.log_density(torch.as_tensor(p).expand(2, -1).contiguous(), problem.members(1))[0].item() for p in both]
    assert found[1] - found[0] == pytest.approx(expected(both[1]) - expected(both[0]), rel=1e-6)


@pytest.mark.parametrize("form", ["single", "compiled"])
def test_single_precision_bears_a_faint_sharpness_of_many_examples(form: str) -> None:
    """beta = kappa / lambda would multiply the constant log Gamma(K + lambda) of each example to 25 million in all."""
    n, classes, student = 2000, 10, Linear(INPUTS, 10, False)
    rest = {"prior_scale": 1.5, "teacher_temperature": 1.0, "student_temperature": 1.0, "temperature": 1.0}
    shared = shared_of([{"kappa": 1.0, "lambda": 1e-3, "no_teacher": 0.1, **rest}], "cpu")
    given = (draw(n, INPUTS, seed=0), 2 * draw(n, TEACHERS, classes, seed=2), np.full((n, TEACHERS), 1 / TEACHERS))
    y, row, values = torch.full((1, n), -1), torch.tensor([0]), {}
    for dtype in (torch.float64, torch.float32):
        x, logits, weights = (torch.as_tensor(value, dtype=dtype)[None] for value in given)
        own = replace(shared, **{name: value.to(dtype) for name, value in vars(shared).items() if value is not None})
        problem = make_problem(student, x, y, row, tip, tip.Settings(), own, logits, weights)
        params = torch.as_tensor(0.1 * draw(2, student.num_params, seed=4), dtype=dtype)
        compiled = problem.compiled if form == "compiled" and dtype == torch.float32 else None
        density = compiled.log_density if compiled else lambda p, u, problem=problem: full_log_posterior(problem, p, u)
        found = torch.cat([density(each, row) for each in params.split(1)]).double()
        values[dtype] = float(found[1] - found[0])
    assert abs(values[torch.float64]) > 10
    assert values[torch.float32] == pytest.approx(values[torch.float64], abs=0.05)


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(log_softmax(logits, -1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_kd_mean_is_kd_on_the_mean_to_a_power(temperature: float, form: str) -> None:
    data = material()
    pool = (data["weights"][..., None] * softmax(data["logits"])).sum(1) ** (1 / temperature)
    pool /= pool.sum(-1, keepdims=True)
    units = ((3.0, 3.0, 0.0),)
    found = problem_of(form, kd_mean, units, teacher_temperature=temperature)
    np.testing.assert_allclose(found.constants["mean_prob"][0], pool, atol=1e-6)
    if temperature == 1:
        agree(form, found_by(form, found), found_by(form, problem_of(form, kd, units)))
    else:
        alike = problem_of(form, kd, units, teacher_temperature=temperature)
        assert (found.constants["mean_prob"] - alike.constants["mean_prob"]).abs().max() > 0.05


def test_kd_mean_leaves_out_a_teacher_of_weight_zero_and_bears_certain_ones() -> None:
    logits, weights = torch.tensor([[[[90.0, 0, 0], [0, 90.0, 0]]]]), torch.tensor([[[1.0, 0.0]]])
    pool, _ = kd_mean.temper(logits, weights, torch.full((1, 1, 1, 1), 0.25))
    torch.testing.assert_close(pool[0, 0], torch.tensor([[1.0, 0, 0]]))


@pytest.mark.parametrize("form", ["torch", "pymc"])
@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_hintons_distillation_tempers_both_sides_and_multiplies_by_the_square(temperature: float, form: str) -> None:
    data, kappa = material(), 2.0

    def expected(theta: np.ndarray) -> float:
        free = data["x"] @ theta[: 1 - CLASSES].reshape(INPUTS, CLASSES - 1) + theta[1 - CLASSES :]
        logits = np.column_stack([np.zeros(EXAMPLES), free])
        pool = (data["weights"][..., None] * softmax(data["logits"] / temperature)).sum(1)
        value = kappa * temperature**2 * (pool * log_softmax(logits / temperature, -1)).sum()
        labelled = data["y"] >= 0
        return value + log_softmax(logits, -1)[labelled, data["y"][labelled]].sum() - 0.5 * (theta**2).sum() / 1.5**2

    problem = problem_of(form, kd_hinton, ((kappa, kappa, 0.0),), teacher_temperature=temperature)
    values = np.array([[expected(point)] for point in points()])
    slopes = np.array([[approx_fprime(point, expected, 1e-6)] for point in points()])
    found = found_by(form, problem)
    np.testing.assert_allclose(found[0], values - values[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-4, atol=1e-4)


def test_the_sharpness_of_responsibilities_is_their_mean_distance_from_the_weights() -> None:
    units = ((2.0, 20.0, 0.0), (2.0, 1e-3, 0.0), (2.0, 20.0, 0.3))
    problem, data = problem_of("torch", tip, units), material()
    params = torch.as_tensor(points()).expand(3, -1, -1)
    found = sharpness(problem, params)
    gaps = []
    for theta in points():
        free = data["x"] @ theta[: 1 - CLASSES].reshape(INPUTS, CLASSES - 1) + theta[1 - CLASSES :]
        q, p = softmax(np.column_stack([np.zeros(EXAMPLES), free])), softmax(data["logits"])
        density = np.array([[dirichlet.pdf(q[i], 1 + 20 * each) for each in p[i]] for i in range(EXAMPLES)])
        share = data["weights"] * density
        gaps.append(np.abs(share / share.sum(1, keepdims=True) - data["weights"]).mean())
    assert found[0] == pytest.approx(np.mean(gaps), rel=1e-6) and found[0] > 0.1
    assert found[1] is not None and found[1] < 1e-3  # the mixture is kd
    assert found[2] == pytest.approx(found[0], rel=1e-6)  # among teachers, whatever the share of no teacher
    lost = params.clone()
    lost[0] = torch.nan
    assert sharpness(problem, lost)[0] is None
    for signal, settings in ((kd, kd.Settings()), (power, power.Settings(r=0))):
        assert sharpness(problem_of("torch", signal, units, settings), params) == []


def test_responsibilities_on_test_examples_leave_the_share_of_no_teacher_out_of_one() -> None:
    data, lam, w0 = material(), 4.0, 0.3
    q = softmax(draw(EXAMPLES, CLASSES, seed=6))
    chosen = {"chosen": True, "replicate": 0, "kappa": 1.0, "lambda": lam, "no_teacher": w0}
    draws = SimpleNamespace(
        replicates=np.array([0]), tuning=[chosen], prob=q[None, None, None], diverged=np.zeros((1, 1), bool)
    )
    found = responsibilities(draws, 0, np.arange(EXAMPLES), data["logits"], data["weights"])  # type: ignore[arg-type]
    p = softmax(data["logits"])
    density = np.array([[dirichlet.pdf(q[i], 1 + lam * each) for each in p[i]] for i in range(EXAMPLES)])
    share = (1 - w0) * data["weights"] * density
    np.testing.assert_allclose(found, share / (share.sum(1, keepdims=True) + w0 * 2), rtol=1e-6)  # Gamma(3) = 2
