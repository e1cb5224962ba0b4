"""The scales that no label sees are integrated out exactly, and drawn back from their conditional distribution."""

import numpy as np
import pytest
import torch

from mtbkd.inference.scale_free import SPREAD, ScaleFree, coordinates
from mtbkd.posterior.problem import Problem, Shared
from mtbkd.signals import none
from mtbkd.students.mlp import Mlp

LENGTHS = np.geomspace(1e-3, 60, 4_000)


def problem(inputs: int = 2, hidden: int = 1, classes: int = 2, temperature: float | None = None) -> Problem:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn((1, 30, inputs), generator=generator)
    y = torch.randint(classes, (1, 30), generator=generator)
    one = torch.ones(1)
    heat = None if temperature is None else temperature * one
    shared = Shared(one, one, 1.5 * one, one, one, heat)
    return Problem(Mlp((inputs, hidden, classes)), x, y, torch.zeros(1, dtype=torch.long), none, {}, shared, True)


def some_places(space: ScaleFree, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return space.from_params(torch.randn((count, space.target.num_params), generator=generator))


@pytest.mark.parametrize(("inputs", "classes"), [(2, 2), (3, 3), (5, 5), (1, 4)])
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_integrating_a_unit_s_length_out_by_quadrature_gives_the_density(
    inputs: int, classes: int, temperature: float | None
) -> None:
    """Density of (u, f): the integral over r of the posterior at a = r u, e = f / r, times r^(A - 1) r^(1 - K)."""
    target = problem(inputs, 1, classes, temperature)
    space, units = ScaleFree(target), torch.zeros(2, dtype=torch.long)
    place = some_places(space, 2)
    expected = []
    for one in place:
        into, out, bias = space.split(space.at(one.unsqueeze(0))[2], classes)
        length = torch.as_tensor(LENGTHS).view(-1, 1, 1)
        parts = (into * length, out / length, bias.expand(len(LENGTHS), -1))
        along = torch.cat([part.flatten(1) for part in parts], 1).float()
        log_pi = target.log_density(along, torch.zeros(len(LENGTHS), dtype=torch.long)).double().numpy()
        log_pi += (inputs + 1 - classes) * np.log(LENGTHS)
        expected.append(np.log(np.trapezoid(np.exp(log_pi - log_pi.max()), LENGTHS)) + log_pi.max())
    found = space.value(place, units).numpy()
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=2e-3)


def test_the_gradient_is_that_of_the_density() -> None:
    space = ScaleFree(problem(3, 4, 3))
    place = some_places(space, 1) * 1.05
    size, step = place.shape[1], 1e-3
    ends = [place + sign * step * torch.eye(size) for sign in (1, -1)]
    units = torch.zeros(size, dtype=torch.long)
    up, down = (space.value(end, units) for end in ends)
    slope = space.slope(place, units[:1])[0].double()
    torch.testing.assert_close((up - down) / (2 * step), slope, rtol=2e-2, atol=5e-2)


def test_lengths_and_means_are_drawn_from_their_conditional_distribution() -> None:
    space = ScaleFree(problem(3, 1, 2))
    place = some_places(space, 1)
    drawn = space.to_params(place.expand(20_000, -1), torch.zeros(20_000, dtype=torch.long), np.random.default_rng(1))
    into, out, bias = space.split(drawn, 2)
    means = torch.cat([out.mean(-1), bias.mean(-1, keepdim=True)], 1)
    torch.testing.assert_close(torch.cov(means.T), 1.5**2 / 2 * torch.eye(2).double(), rtol=0, atol=0.05)
    length = into.norm(dim=1).flatten().numpy()
    force = float((out[0] - out[0].mean()).norm() * length[0])
    log_density = (4 - 2) * np.log(LENGTHS) - (LENGTHS**2 + force**2 / LENGTHS**2) / (2 * 1.5**2)
    density = np.exp(log_density - log_density.max())
    density /= np.trapezoid(density, LENGTHS)
    mean = np.trapezoid(density * LENGTHS, LENGTHS)
    sd = np.sqrt(np.trapezoid(density * (LENGTHS - mean) ** 2, LENGTHS))
    assert abs(length.mean() - mean) < 5 * sd / np.sqrt(20_000)
    assert length.std() == pytest.approx(sd, rel=0.05)


def test_neither_way_changes_what_the_student_says() -> None:
    target = problem(3, 4, 3)
    space = ScaleFree(target)
    params = torch.randn((5, target.num_params), generator=torch.Generator().manual_seed(2))
    place = space.from_params(params)
    back = space.to_params(place, torch.zeros(5, dtype=torch.long), np.random.default_rng(0))
    torch.testing.assert_close(space.from_params(back), place, rtol=1e-4, atol=1e-4)
    said = [torch.log_softmax(target.student.apply(each, target.x), -1) for each in (params, back)]
    torch.testing.assert_close(said[0], said[1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(params, back)


def test_only_students_with_one_hidden_layer_have_them() -> None:
    assert type(coordinates(problem())) is ScaleFree
    deep = problem().__class__(**{**vars(problem()), "student": Mlp((2, 3, 3, 2))})
    assert type(coordinates(deep)) is not ScaleFree
    assert SPREAD < 0.2


def test_a_unit_that_pulls_at_no_class_has_a_length_of_its_prior() -> None:
    """At index v = 1 and f -> 0, r^2 is exponential with mean 2 s^2; scipy's sampler finds no draw at some tiny |f|."""
    space = ScaleFree(problem(2, 1, 2))
    place = some_places(space, 1).repeat(4_000, 1)
    inputs, hidden, _ = space.sizes
    place[:, (inputs + 1) * hidden :] = 0
    place[:, (inputs + 1) * hidden] = torch.logspace(-9, -8.5, 40).repeat_interleave(100) * 1.5**2
    params = space.to_params(place, torch.zeros(len(place), dtype=torch.long), np.random.default_rng(1))
    squared = params[:, : inputs + 1].double().square().sum(1)
    assert float(squared.mean()) == pytest.approx(2 * 1.5**2, rel=0.06)
