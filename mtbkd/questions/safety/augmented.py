"""Augmented Lagrangian of a student's posterior under a limit on its mean mass on a class set, for many members at once.

    minimise f(theta) = -log pi(theta | D) / N   subject to   c(theta) = (1/N) sum_i q_i(S) - eps <= 0

over the training inputs i, labelled or not. A round takes Adam steps on f + [max(0, mu + rho c)^2 - mu^2] / (2 rho), then sets
mu = max(0, mu + rho c) and raises rho where the violation has hardly shrunk (Powell 1969; Hestenes 1969; Rockafellar 1973). At
a solution the gradients balance, grad f + mu grad c = 0, and mu is the price: -df/d(eps), nats an example for a unit of mass.
Shapes: E members, N examples, K classes, P parameters, U units.
"""

from dataclasses import dataclass

from mtbkd.base.lazy import torch
from mtbkd.base.progress import steps
from mtbkd.inference.optimise import Ascent
from mtbkd.posterior.density import full_log_posterior, logit_gradient
from mtbkd.posterior.minibatch import Batch
from mtbkd.posterior.problem import Problem

SHRINK, RAISE, MOST = 0.25, 4.0, 1e4
# Adam's first steps have full length however small the gradient: members that start at their optimum would leave it.
DAMPING = 1e-3


@dataclass(frozen=True)
class Schedule:
    """Rounds, Adam steps of a round (all examples in each), the learning rate that falls over all rounds, the first rho."""

    rounds: int
    steps: int
    learning_rate: float
    penalty: float


@dataclass(frozen=True)
class Solution:
    """Where the rounds ended, each (E,) but ``params`` (E, P).

    Attributes:
        params: of the members.
        multiplier: mu >= 0; 0 where the limit is infinite.
        mass: mean mass on the set over the training inputs.
        objective: f.
        violation: max(0, mass - eps).
        stationarity: the largest component of grad f + mu grad c, nats an example for a unit of a weight; near 0 at a solution.
        complementarity: mu |mass - eps|, 0 where either the limit binds or the multiplier is 0.
    """

    params: "torch.Tensor"
    multiplier: "torch.Tensor"
    mass: "torch.Tensor"
    objective: "torch.Tensor"
    violation: "torch.Tensor"
    stationarity: "torch.Tensor"
    complementarity: "torch.Tensor"


@dataclass(frozen=True)
class Constrained:
    """A problem with a limit for every member.

    Attributes:
        problem: whose units are the members, in their order.
        inside: bool (K,), the class set.
        limit: (E,), eps; inf where there is none.
        batch: all training examples of every member.
    """

    problem: Problem
    inside: "torch.Tensor"
    limit: "torch.Tensor"
    batch: Batch

    @classmethod
    def of(cls, problem: Problem, inside: "torch.Tensor", limit: "torch.Tensor") -> "Constrained":
        """Every unit of ``problem`` is a member."""
        return cls(problem, inside, limit, problem.full(problem.members(1)))

    @property
    def units(self) -> "torch.Tensor":
        return self.problem.members(1)

    def mass(self, logits: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """Mean mass (E,) on the set, and its derivative by the logits times N (E, N, K): q_k (1[k in S] - q(S))."""
        q = torch.softmax(logits, -1)
        own = (q * self.inside).sum(-1)
        return own.mean(-1), q * (self.inside.to(q.dtype) - own.unsqueeze(-1))

    def excess(self, mass: "torch.Tensor") -> "torch.Tensor":
        """c (E,): mass - eps, 0 where there is no limit."""
        return torch.where(torch.isfinite(self.limit), mass - self.limit, torch.zeros_like(mass))

    def gradient(self, params: "torch.Tensor", multiplier: "torch.Tensor", penalty: "torch.Tensor") -> "torch.Tensor":
        """-N (grad f + m grad c) (E, P), uphill, with m = max(0, ``multiplier`` + ``penalty`` c), each (E,)."""
        problem, units = self.problem, self.units

        def pull(logits: "torch.Tensor") -> "torch.Tensor":
            mass, slope = self.mass(logits)
            price = (multiplier + penalty * self.excess(mass)).clamp(min=0)
            return logit_gradient(problem, logits, units, self.batch, 1.0) - price.view(-1, 1, 1) * slope

        with torch.no_grad():
            grad = problem.student.vjp(params, self.batch.x, pull)
            return grad.addcdiv_(params, problem.shared.prior_scale.square().unsqueeze(-1), value=-1)


def solve(task: Constrained, start: "torch.Tensor", schedule: Schedule) -> Solution:
    """The solution of every member from ``start`` (E, P); members are independent."""
    params = start.clone()
    multiplier = torch.zeros_like(task.limit)
    penalty = torch.full_like(task.limit, schedule.penalty)
    before = torch.full_like(task.limit, torch.inf)
    ascent = Ascent(params, schedule.learning_rate, schedule.rounds * schedule.steps, DAMPING)
    for _ in steps(range(schedule.rounds), f"{len(params)} constrained fits"):
        for _ in range(schedule.steps):
            grad = task.gradient(params, multiplier, penalty)
            ascent.step(grad / task.problem.num_examples)
        excess = task.excess(_mass(task, params))
        multiplier = (multiplier + penalty * excess).clamp(min=0)
        violation = torch.maximum(excess, -multiplier / penalty).abs()
        penalty = torch.where(violation > SHRINK * before, (penalty * RAISE).clamp(max=MOST), penalty)
        before = violation
    return _judged(task, params, multiplier)


def _mass(task: Constrained, params: "torch.Tensor") -> "torch.Tensor":
    with torch.no_grad():
        return task.mass(task.problem.student.apply(params, task.batch.x))[0]


def _judged(task: Constrained, params: "torch.Tensor", multiplier: "torch.Tensor") -> Solution:
    mass = _mass(task, params)
    excess, problem = task.excess(mass), task.problem
    whole = task.gradient(params, multiplier, torch.zeros_like(multiplier)) / problem.num_examples
    return Solution(
        params=params, multiplier=multiplier, mass=mass,
        objective=-full_log_posterior(problem, params, task.units) / problem.num_examples,
        violation=excess.clamp(min=0), stationarity=whole.abs().amax(-1), complementarity=(multiplier * excess).abs(),
    )  # fmt: skip
