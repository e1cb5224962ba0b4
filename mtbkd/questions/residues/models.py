"""Small causal residue models, trained together: teachers on one kingdom each, students on a pool of the teachers.

A model is a causal convolution of width W over the residues, the composition so far as further input, then dense layers: on
positions as examples it is the multilayer perceptron of mtbkd/students, and its posterior is that of ``mtbkd.posterior``.
Shapes: n positions, F inputs, A = 20 residues, G teachers, U units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.inference.optimise import Training, maximise
from mtbkd.posterior.problem import Problem, Shared
from mtbkd.questions.residues.positions import SIZE, Positions
from mtbkd.signals import kd, none
from mtbkd.students import init_ensemble
from mtbkd.students.mlp import Mlp

CHUNK = 20_000  # positions predicted at once


@dataclass(frozen=True)
class Fitting:
    """How models are fitted: optimiser, seed, replicate, device."""

    training: Training
    seed: int
    replicate: int
    device: str

    def generator(self, purpose: str) -> "torch.Generator":
        """Of the minibatches."""
        return torch.Generator(self.device).manual_seed(derive(self.seed, purpose, replicate=self.replicate))

    def tensor(self, values: np.ndarray) -> "torch.Tensor":
        """``values`` on the device."""
        return torch.as_tensor(values, device=self.device)


@dataclass(frozen=True)
class Models:
    """Models of one architecture, parameters (U, P)."""

    network: Mlp
    params: "torch.Tensor"

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, U, A) float64 at ``x`` (n, F)."""
        parts = []
        with torch.no_grad():
            for start in range(0, len(x), CHUNK):
                rows = torch.as_tensor(x[None, start : start + CHUNK], device=self.params.device)
                parts.append(torch.softmax(self.network.apply(self.params, rows).double(), -1).transpose(0, 1).cpu())
        return torch.cat(parts).numpy()


def fit_teachers(by_kingdom: Sequence[Positions], hidden: tuple[int, ...], fitting: Fitting) -> Models:
    """One teacher a kingdom, by cross-entropy, all in one batch; kingdoms with more positions drop some at random."""
    size = min(len(each.y) for each in by_kingdom)
    rng = np.random.default_rng(derive(fitting.seed, "exposure", replicate=fitting.replicate))
    rows = [rng.permutation(len(each.y))[:size] for each in by_kingdom]
    x = fitting.tensor(np.stack([each.x[own] for each, own in zip(by_kingdom, rows, strict=True)]))
    y = fitting.tensor(np.stack([each.y[own] for each, own in zip(by_kingdom, rows, strict=True)]))
    network = Mlp((x.shape[-1], *hidden, SIZE))
    units = torch.arange(len(rows), device=fitting.device)
    one = torch.ones(len(rows), device=fitting.device)
    problem = Problem(network, x, y, units, none, {}, Shared(one, one, one * torch.inf, one, one), True)
    seeds = [derive(fitting.seed, "teacher", kingdom=g, replicate=fitting.replicate) for g in range(len(rows))]
    start = init_ensemble(network, seeds).to(fitting.device)
    return Models(network, maximise(problem, start, units, fitting.training, fitting.generator("teacher minibatch")))


def fit_students(
    train: Positions, targets: Sequence[np.ndarray | None], hidden: tuple[int, ...], grid: Sequence[Mapping[str, float]],
    fitting: Fitting,
) -> Models:  # fmt: skip
    """A student for every target and candidate of ``grid``, target by target, all from one start and in one batch.

    Each maximises sum_i [log q_i(y_i) + lambda sum_a t_i(a) log q_i(a)] + log N(theta; 0, s^2 I), the distillation objective
    of ``signals.kd`` with the pool t of the teachers.

    Args:
        train: what the students learn from.
        targets: pools (n, A); None is a student without teachers.
        hidden: its hidden units.
        grid: candidates {lambda, prior_scale}.
        fitting: optimiser and seeds.
    """
    network = Mlp((train.x.shape[-1], *hidden, SIZE))
    filled = np.stack([np.zeros((len(train.y), SIZE)) if pool is None else pool for pool in targets for _ in grid])
    columns = {
        name: fitting.tensor(np.array([each[name] for _ in targets for each in grid], np.float32))
        for name in ("lambda", "prior_scale")
    }
    one = torch.ones(len(filled), device=fitting.device)
    problem = Problem(
        network, fitting.tensor(train.x[None]), fitting.tensor(train.y[None]),
        torch.zeros(len(filled), dtype=torch.int64, device=fitting.device), kd,
        {"mean_prob": examples_last(fitting.tensor(filled.astype(np.float32)))},
        Shared(columns["lambda"], one, columns["prior_scale"], one, one), True,
    )  # fmt: skip
    units = torch.arange(len(filled), device=fitting.device)
    first = init_ensemble(network, [derive(fitting.seed, "student", replicate=fitting.replicate)])
    start = first.expand(len(filled), -1).contiguous().to(fitting.device)
    return Models(network, maximise(problem, start, units, fitting.training, fitting.generator("student minibatch")))
