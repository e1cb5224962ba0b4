"""The compiled form of a posterior: its tables laid out for ``gradient``, minibatches as positions in them.

It exists on the CPU in single precision for students of dense layers with few parameters under a signal that is a mixture,
the student's temperature being 1. There an operator of torch takes longer to call than to compute; beyond MOST_PARAMS matrix
products take most of the time, and large ensembles gain little or lose.
Shapes: U units, E members, R replicates, N training examples, m minibatch, S steps, P parameters.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base.compiling import share_out
from mtbkd.base.lazy import torch
from mtbkd.posterior.compiled.moving import Climber, Fitter, Walker
from mtbkd.posterior.density import full_log_posterior
from mtbkd.posterior.minibatch import Rows

if TYPE_CHECKING:
    from mtbkd.posterior.observed import Observed
    from mtbkd.posterior.schedules import Adam, Moves
    from mtbkd.students import DenseLayers

MOST_PARAMS = 12_000  # up to here whole fits of 3 to 32 members take 1.7 to 16 times less CPU time than torch's
MOST_ANCHORED = 200_000_000  # numbers of control variates that are kept, 0.8 GB
LEAST_MEMBERS = 8  # fewer take less time than another thread to wake up


class Minibatches(NamedTuple):
    """Those of one size: what they are drawn from, how much their examples count, and that as a tensor."""

    strata: Any
    batch: Any
    weight: "torch.Tensor"


class CompiledPosterior:
    """Minibatches of ``problem``, gradients from them and from all examples, densities, and many steps along gradients."""

    def __init__(self, problem: "Observed", layers: "DenseLayers"):
        # Importing numba takes a while, and an import in every step takes longer than the step.
        from mtbkd.posterior.compiled import anchors, gradient, lanes, minibatch, network, steps, variational

        self.problem, self.steps, self.variational, self._compiled = problem, steps, variational, gradient
        self._layout, self._anchoring, self._chunk, self._width = minibatch, anchors, network.CHUNK, lanes.WIDTH
        self._of_size: dict[int, Minibatches] = {}
        self.model = self._model(layers)

    def draw(self, units: "torch.Tensor", size: int, generator: "torch.Generator") -> Rows:
        """Every member of ``units`` (E,) draws its own ``size`` examples, with replacement."""
        found = self.minibatches(size)
        row, other = np.empty((2, len(units), size), np.int64)
        self._compiled.positions(_new_key(generator), found.strata, units.numpy(), row, other)
        return Rows(torch.from_numpy(row), torch.from_numpy(other), found.weight, found.batch.labelled)

    def gradient(self, params: "torch.Tensor", units: "torch.Tensor", rows: Rows, signal_power: float) -> "torch.Tensor":
        """Gradient (E, P) at ``params`` (E, P) of members of ``units`` (E,) from ``rows``."""
        grad = np.empty(params.shape, np.float32)
        own = (params.detach().contiguous().numpy(), grad, units.numpy(), np.float32(signal_power))
        arguments = (*own, rows.row.numpy(), rows.unit.numpy(), self.model, self._batch(rows))
        share_out(lambda first, last: self._compiled.gradient(first, last, *arguments), len(grad), LEAST_MEMBERS)
        return torch.from_numpy(grad)

    def density(self, params: "torch.Tensor", units: "torch.Tensor", rows: Rows) -> "torch.Tensor":
        """Log-posterior (E,) at ``params`` (E, P) of members of ``units`` (E,), by ``rows`` in place of all examples."""
        value = np.empty(len(params))
        own = (params.detach().contiguous().numpy(), value, units.numpy())
        arguments = (*own, rows.row.numpy(), rows.unit.numpy(), self.model, self._batch(rows))
        share_out(lambda first, last: self._compiled.density(first, last, *arguments), len(value), LEAST_MEMBERS)
        return torch.from_numpy(value + self._offset[units.numpy()]).float()

    def _batch(self, rows: Rows) -> Any:
        """How many examples each of ``rows`` stands for, and which may use their labels."""
        size = rows.row.shape[1]
        known = self._of_size.get(size)
        if known and rows.weight is known.weight and rows.labelled == known.batch.labelled:
            return known.batch
        weight = self.problem.num_examples / size if rows.weight is None else rows.weight
        return self._compiled.Minibatch(self._padded(size, weight), rows.labelled)

    def full_gradient(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Gradient (E, P) at ``params`` (E, P) of members of ``units`` (E,) from all examples."""
        grad = np.empty(params.shape, np.float32)
        self._on_all(params, units, grad, np.empty(0))
        return torch.from_numpy(grad)

    def log_density(self, params: "torch.Tensor", units: "torch.Tensor") -> "torch.Tensor":
        """Log-posterior (E,) on all examples, see ``mtbkd.posterior.density.full_log_posterior``."""
        density = np.empty(len(params))
        self._on_all(params, units, np.empty((0, 0), np.float32), density)
        return torch.from_numpy(density + self._offset[units.numpy()]).float()

    def _on_all(self, params: "torch.Tensor", units: "torch.Tensor", grad: np.ndarray, density: np.ndarray) -> None:
        arguments = (params.detach().contiguous().numpy(), grad, density, *self._all(units))
        share_out(lambda first, last: self._compiled.on_all(first, last, *arguments), len(params), LEAST_MEMBERS)

    @cached_property
    def _offset(self) -> np.ndarray:
        """What each unit's log-posterior is above its compiled form: all that does not depend on the parameters."""
        units = torch.arange(self.problem.num_units)
        params = torch.zeros(len(units), self.problem.num_params)
        density = np.empty(len(units))
        self._on_all(params, units, np.empty((0, 0), np.float32), density)
        return full_log_posterior(self.problem, params, units).double().numpy() - density

    def walker(
        self, params: "torch.Tensor", units: "torch.Tensor", size: int, moves: "Moves", generator: "torch.Generator"
    ) -> Walker:
        """Chains that start at ``params`` (E, P), of ``units`` (E,), on minibatches of ``size`` examples."""
        return Walker(self, params, units, size, moves, _new_key(generator))

    def climber(
        self, params: "torch.Tensor", units: "torch.Tensor", size: int, adam: "Adam", generator: "torch.Generator"
    ) -> Climber:
        """Members that start at ``params`` (E, P), of ``units`` (E,), on minibatches of ``size`` examples."""
        return Climber(self, params, units, size, adam, _new_key(generator))

    def fitter(self, parts: "tuple[torch.Tensor, ...]", size: int, adam: "Adam", generator: "torch.Generator") -> Fitter:
        """Gaussians of every unit, which it moves in place, on minibatches of ``size`` examples."""
        return Fitter(self, parts, size, adam, _new_key(generator))

    def anchors(self, at: "torch.Tensor", units: "torch.Tensor", size: int) -> Any:
        """Control variates at ``at`` (E, P) for minibatches of ``size`` examples; (0, P): none."""
        sizes, examples = self.model.sizes, self.problem.x.shape[1]
        width, x_width = 2 * sizes[1:-1].sum() + sizes[-1], self.model.tables.x_width
        times = -(-width // x_width)
        numbers = len(at) * examples * times * x_width
        times, numbers = (times, numbers) if numbers <= MOST_ANCHORED else (0, 0)
        table, rest = np.empty(numbers + self._width, np.float32), np.empty(at.shape, np.float32)
        minus = -self.minibatches(size).batch.weight
        made = self._anchoring.Anchors(at.numpy(), rest, table, times, examples, minus)
        if len(at):
            _, strata, model, batch = self._all(units)
            arguments = (units.numpy(), strata, model, batch, made)
            share_out(lambda first, last: self._anchoring.anchor(first, last, *arguments), len(at), LEAST_MEMBERS)
        return made

    def _all(self, units: "torch.Tensor") -> tuple[Any, ...]:
        """What a pass over all examples reads, each counting once."""
        count = self.problem.num_examples
        strata = self.minibatches(count).strata
        return units.numpy(), strata, self.model, self._compiled.Minibatch(self._padded(count, 1.0), int(strata.count[0]))

    def minibatches(self, size: int) -> Minibatches:
        """Those of ``size`` examples."""
        if size not in self._of_size:
            source, n = self.problem.source(size), self.problem.x.shape[1]
            begin, count, drawn = np.array(source.strata, np.int64).T.copy()
            rows = ((row * n).numpy() for row in (source.data_row, source.constants_row))
            strata = self._layout.Strata(begin, count, drawn, source.gap.numpy(), source.skip, *rows)
            batch = self._compiled.Minibatch(self._padded(size, np.repeat(count / drawn, drawn)), source.labelled)
            self._of_size[size] = Minibatches(strata, batch, torch.from_numpy(batch.weight[:size]))
        return self._of_size[size]

    def where(self, units: "torch.Tensor", size: int) -> tuple[Any, ...]:
        """What steps of members of ``units`` (E,) on minibatches of ``size`` examples read."""
        found = self.minibatches(size)
        return units.numpy(), found.strata, self.model, found.batch

    def _padded(self, size: int, weight: Any) -> np.ndarray:
        """Weights of a minibatch, 0 for what fills up its last chunk."""
        padded = np.zeros(-(-size // self._chunk) * self._chunk, np.float32)
        padded[:size] = weight
        return padded

    def _table(self, values: "torch.Tensor") -> np.ndarray:
        """``values`` (rows, width) one after another, with room behind to read a whole lane value from any."""
        return np.concatenate([values.float().flatten().numpy(), np.zeros(self._width, np.float32)])

    def _model(self, layers: "DenseLayers") -> Any:
        problem, shared = self.problem, self.problem.shared
        mixture = problem.signal.mixture(problem.constants) if problem.has_signal else None
        x = torch.cat([problem.x.flatten(0, 1), problem.y.flatten().unsqueeze(-1).float()], 1)
        own: list[torch.Tensor] = [] if mixture is None else [mixture.prob.flatten(0, 1).flatten(1)]
        own += [] if mixture is None or mixture.log_scale is None else [mixture.log_scale.flatten(0, 1)]
        source = problem.source(1)
        if own and len(own[0]) == len(x) and torch.equal(source.data_row, source.constants_row):
            x, own = torch.cat([x, *own], 1), []
        constants = torch.cat(own, 1) if own else torch.empty(0, 0)
        tables = self._layout.Tables(self._table(x), x.shape[1], self._table(constants), constants.shape[1])
        heat = torch.ones_like(shared.lam) if shared.temperature is None else 1 / shared.temperature
        teachers, power, cap = (0, 1.0, 0.0) if mixture is None else (mixture.prob.shape[2], mixture.power, mixture.cap)
        of_units = (shared.lam, shared.beta, shared.prior_scale**-2.0, heat, 1 / shared.student_temperature)
        return self._compiled.Model(
            tables, np.array(layers.sizes, np.int64), int(layers.first_is_zero), teachers, np.float32(power),
            np.float32(cap), int(not problem.student_at_one),
            *(value.float().contiguous().numpy() for value in of_units),
        )  # fmt: skip


def _new_key(generator: "torch.Generator") -> np.uint64:
    """Of random words that no other call of this has."""
    return np.uint64(torch.randint(1 << 62, (1,), generator=generator).item())


def compiled_posterior(problem: "Observed", any_temperature: bool = False) -> CompiledPosterior | None:
    """The compiled form of ``problem``; None where it has none, as for a student's temperature other than 1 unless allowed."""
    x, layers = problem.x, getattr(problem.student, "dense_layers", None)
    on_cpu_in_single = x.device.type == "cpu" and x.dtype == torch.float32
    known = (any_temperature or problem.student_at_one) and (not problem.has_signal or hasattr(problem.signal, "mixture"))
    small = problem.student.num_params <= MOST_PARAMS
    return CompiledPosterior(problem, layers) if layers and small and known and on_cpu_in_single else None
