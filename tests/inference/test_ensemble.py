"""Deep ensembles: every member is a MAP run of its own. U units, M members, P parameters."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mtbkd.inference import Context, ensemble
from mtbkd.inference import map as map_estimate
from mtbkd.inference.optimise import Training
from mtbkd.posterior.density import full_log_posterior
from mtbkd.posterior.problem import Problem
from mtbkd.signals import tip
from mtbkd.students.mlp import Mlp
from tests.inference.gaussian import gaussian
from tests.inference.test_pymc import random_problem

MEMBERS = 4
CONTEXT = Context(seed=5, replicates=(0, 1), training=Training(steps=200, restarts=MEMBERS), device="cpu")


def network() -> Problem:
    """Two units of a 43-parameter network, in single precision as MAP runs have it."""
    problem = random_problem(tip, Mlp((4, 5, 3)), 1.0)
    constants = {name: value.float() for name, value in problem.constants.items()}
    shared = replace(
        problem.shared, **{name: value.float() for name, value in vars(problem.shared).items() if value is not None}
    )
    return replace(problem, x=problem.x.float(), constants=constants, shared=shared)


def test_members_differ_and_the_best_is_the_map_of_as_many_restarts() -> None:
    """Same starts, same minibatches: MAP keeps the member of the highest log-posterior, bit for bit."""
    problem, chosen = network(), ensemble.Settings(members=MEMBERS)
    fit = ensemble.run(problem, chosen, ensemble.init(problem, chosen, CONTEXT), CONTEXT)
    assert fit.params.shape == (2, 1, MEMBERS, 43)
    best = map_estimate.init(problem, map_estimate.Settings(), CONTEXT).params
    value = full_log_posterior(problem, fit.params.flatten(0, 2), problem.members(MEMBERS)).view(2, MEMBERS)
    for unit in range(2):
        members = fit.params[unit, 0]
        assert torch.equal(members[value[unit].argmax()], best[unit])
        assert torch.pdist(members).min() > 0.1


def test_members_agree_on_a_posterior_with_one_mode() -> None:
    mean = torch.tensor([1.0, -2.0, 0.5])
    context, chosen = replace(CONTEXT, training=Training(steps=600, learning_rate=0.05)), ensemble.Settings(members=3)
    target = gaussian(mean, torch.eye(3), units=2)
    params = ensemble.run(target, chosen, ensemble.init(target, chosen, context), context).params
    torch.testing.assert_close(params, mean.expand(2, 1, 3, -1), rtol=0, atol=1e-2)


def test_one_member_is_no_ensemble() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        ensemble.Settings(members=1)
