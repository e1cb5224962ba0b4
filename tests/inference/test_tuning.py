"""Scores on held-out labels, by hand."""

import numpy as np
import torch

from mtbkd.inference.tuning import best, candidates, count, held_out_scores, shared_of
from mtbkd.posterior.problem import Shared, make_problem
from mtbkd.signals import kd, none, tip
from mtbkd.students.linear import Settings, build


def test_held_out_scores_are_those_of_each_units_own_row() -> None:
    student = build(Settings(features="raw"), (1,), 2)
    one = torch.ones(3)
    x, y = torch.zeros(2, 4, 1), torch.zeros(2, 4, dtype=torch.int64)
    problem = make_problem(student, x, y, torch.tensor([0, 1, 1]), none, none.Settings(), Shared(one, one, one, one, one))
    params = torch.zeros(3, 1, student.num_params)
    params[2] = torch.nan
    features, labels = np.zeros((2, 5, 1), np.float32), np.array([[0, 0, 0, 0, 0], [1, 1, 1, 1, 0]])
    nll, accuracy = held_out_scores(problem, params, features, labels)
    np.testing.assert_allclose(nll[:2], np.log(2), rtol=1e-6)
    # Equal probabilities: the first class is predicted, right for all labels of the first row and one of five of the second.
    np.testing.assert_allclose(accuracy, [1.0, 0.2, np.nan])


def test_the_mean_probability_of_draws_is_scored_not_their_mean_loss() -> None:
    student = build(Settings(features="raw"), (1,), 2)
    one = torch.ones(1)
    x, y = torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.int64)
    problem = make_problem(student, x, y, torch.tensor([0]), none, none.Settings(), Shared(one, one, one, one, one))
    params = torch.zeros(1, 2, student.num_params)
    params[0, 0], params[0, 1] = 1.0, -1.0  # at x = 0 the intercept alone: probabilities mirrored around a half
    nll, _ = held_out_scores(problem, params, np.zeros((1, 1, 1), np.float32), np.array([[0]]))
    np.testing.assert_allclose(nll, np.log(2), rtol=1e-6)


def test_a_diverged_candidate_never_wins() -> None:
    assert best(np.array([[np.nan, 0.3], [0.7, 0.4]])).tolist() == [1, 0]


def test_settings_that_a_signal_does_not_read_keep_their_first_value() -> None:
    grid = {name: [1.0, 2.0] for name in ("lambda", "beta", "prior_scale", "teacher_temperature", "student_temperature")}
    found = candidates({**grid, "temperature": [1.0]}, frozenset({"lambda"}))
    assert [(c["lambda"], c["prior_scale"], c["beta"]) for c in found] == [(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)]


def test_the_methods_own_strength_and_sharpness_are_candidates_once() -> None:
    grid = {"kappa": [1.0, 5.0], "lambda": ["kappa", 5.0, 20.0], "no_teacher": [0.0, 0.1], "prior_scale": [1.0], "beta": [1.0]}
    found = candidates(grid, tip.USES)
    assert [(c["kappa"], c["lambda"]) for c in found[::2]] == [(1, 1), (1, 5), (1, 20), (5, 5), (5, 20)]
    assert [c["no_teacher"] for c in found] == [0, 0.1] * 5 and count(grid, tip.USES) == 10
    assert [c["lambda"] for c in candidates(grid, kd.USES)] == [1, 5] and count(grid, kd.USES) == 2
    assert candidates(grid, none.USES) == [{"lambda": 1, "beta": 1, "prior_scale": 1}] and count(grid, none.USES) == 1


def test_beta_follows_from_strength_and_sharpness() -> None:
    rest = {"prior_scale": 1.0, "teacher_temperature": 1.0, "student_temperature": 1.0, "temperature": 1.0}
    shared = shared_of([{"kappa": 2.0, "lambda": lam, **rest} for lam in (2.0, 0.5, 20.0)], "cpu")
    torch.testing.assert_close(shared.beta, torch.tensor([1.0, 4.0, 0.1]))
    assert shared.no_teacher is None and shared.kappa is not None


def test_candidates_are_counted_without_listing_them() -> None:
    hundred = [float(i) for i in range(1, 101)]
    names = ("kappa", "lambda", "no_teacher", "prior_scale", "teacher_temperature")
    assert count(dict.fromkeys(names, hundred), tip.USES) == 100**5
