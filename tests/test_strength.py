"""Strength kappa, sharpness lambda and the weight of no teacher, in torch, PyTensor and compiled code, against known answers.

U units, M points, N examples, G teachers, K classes, P parameters.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from scipy.special import log_softmax, logsumexp
from scipy.stats import dirichlet

from mtbkd.density import full_log_posterior, gradient
from mtbkd.multilabel.target import make_bernoulli
from mtbkd.posterior import Problem, make_problem
from mtbkd.signals import kd, power, tip
from mtbkd.students.linear import Linear
from mtbkd.tuning import shared_of

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
