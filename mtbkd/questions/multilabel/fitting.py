"""Students of several labels under every method: tune the shared settings, run the inference, predict.

The same code as for softmax students tunes, optimises and samples; only the target differs (``multilabel.target``). Shared
settings are chosen by the mean negative log-likelihood of the validation labels, the same grid for every method.
Shapes: U units (replicates), C chains, D draws, M examples, G teachers, K locations, P parameters.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.errors import ConfigError
from mtbkd.base.lazy import torch
from mtbkd.contracts.artefacts import TEACHERS
from mtbkd.inference import Context, Fit, convergence
from mtbkd.inference.function_space import thinned
from mtbkd.inference.optimise import Training
from mtbkd.inference.temperature import temperatures
from mtbkd.inference.tuning import candidates, shared_of
from mtbkd.questions.multilabel.data import Task, training_tensors
from mtbkd.questions.multilabel.scores import bernoulli_nll
from mtbkd.questions.multilabel.spec import INFERENCE, SIGNALS, WEIGHTS, Method, Settings
from mtbkd.questions.multilabel.target import Bernoulli, make_bernoulli
from mtbkd.questions.multilabel.teachers import Panel
from mtbkd.students import Student

log = logging.getLogger(__name__)
MAX_VALUES = 20_000_000  # of activations at once

Rows = list[dict[str, Any]]


class Fitted(NamedTuple):
    """Mean probabilities (U, N, K) of all examples, NaN for those of no scored split, and the gates of every replicate."""

    prob: np.ndarray
    gates: Rows


@dataclass(frozen=True)
class Bench:
    """What all methods share.

    Attributes:
        task: the data.
        panel: the teachers.
        student: with K logits.
        features: (1, N, *inputs) of all examples.
        settings: of the question.
        posterior: shared setting -> candidates.
        training: the optimiser.
        seed: base seed.
        replicates: (U,) their numbers.
        device: where tensors live.
    """

    task: Task
    panel: Panel
    student: Student
    features: "torch.Tensor"
    settings: Settings
    posterior: Mapping[str, Sequence[float]]
    training: Training
    seed: int
    replicates: tuple[int, ...]
    device: str

    def target(self, method: Method, units: Rows) -> Bernoulli:
        """The posterior of ``units``, {shared setting: value, replicate: its number} each."""
        signal, alone = SIGNALS[method.signal], method.signal == "none"
        x, y = training_tensors(self.task, self.features[:, self._at(self.task.train)], alone, self.device)
        rows = [self.replicates.index(unit["replicate"]) if len(y) > 1 else 0 for unit in units]
        logits = weights = None
        if not alone:
            logits = torch.as_tensor(self.panel.logits[self.task.train], device=self.device)
            weights = torch.as_tensor(self.weights(method, self.task.train), dtype=torch.float32, device=self.device)
        row = torch.tensor(rows, device=self.device)
        return make_bernoulli(self.student, x, y, row, signal, shared_of(units, self.device), logits, weights)

    def weights(self, method: Method, rows: np.ndarray) -> np.ndarray:
        """The teachers' weights (m, K, G) at every location of the examples ``rows`` (m,), from two-class probabilities."""
        present = self.panel.prob[rows].transpose(0, 2, 1)
        prob = np.stack([1 - present, present], -1)
        return WEIGHTS[str(method.weights)].weights(prob)

    def context(self, units: Rows, restarts: int) -> Context:
        """Seeds and optimiser of ``units``."""
        training = self.training.model_copy(update={"restarts": restarts})
        return Context(self.seed, tuple(unit["replicate"] for unit in units), training, self.device)

    def mean_prob(self, params: "torch.Tensor", rows: np.ndarray) -> np.ndarray:
        """Mean probabilities (m, K) of draws ``params`` (S, P) at the examples ``rows`` (m,); NaN where all diverged."""
        params = params[torch.isfinite(params).all(-1)].to(self.device)
        if not len(params):
            return np.full((len(rows), len(self.task.locations)), np.nan)
        x = self.features[:, self._at(rows)]
        chunk = max(1, MAX_VALUES // (len(rows) * max((*self.student.hidden, 16))))
        with torch.no_grad():
            parts = [torch.sigmoid(self.student.apply(part, x)).double().sum(0) for part in params.split(chunk)]
        return (torch.stack(parts).sum(0) / len(params)).cpu().numpy()

    def _at(self, rows: np.ndarray) -> "torch.Tensor":
        return torch.as_tensor(rows, device=self.device)


def tune(bench: Bench, method: Method) -> Rows:
    """One row a candidate of the settings that the signal reads: the settings, ``val_nll``, ``chosen``.

    MAP from one start in each of the first ``tuning_replicates`` replicates; the lowest mean loss wins, a diverged fit never.
    """
    grid = candidates(bench.posterior, SIGNALS[method.signal].USES)
    tried = bench.replicates[: bench.settings.tuning_replicates]
    if len(grid) == 1:
        return [{**grid[0], "val_nll": None, "chosen": True}]
    units = [{**candidate, "replicate": r} for candidate in grid for r in tried]
    params = bench.context(units, restarts=1).mode(bench.target(method, units))
    val = bench.task.dataset.rows("val")
    truth = bench.task.truth[val]
    losses = np.array([bernoulli_nll(bench.mean_prob(each[None], val), truth) for each in params])
    loss = losses.reshape(len(grid), len(tried)).mean(1)
    best = int(np.nan_to_num(loss, nan=np.inf).argmin())
    log.info("signal %s, weights %s: %d candidates, %s", method.signal, method.weights, len(grid), grid[best])
    return [{**c, "val_nll": float(v), "chosen": i == best} for i, (c, v) in enumerate(zip(grid, loss, strict=True))]


def fit(bench: Bench, name: str, method: Method, tuning: Rows) -> tuple[Fitted, Bernoulli, Fit]:
    """Run the method's inference for all replicates with the chosen settings; also the target and raw draws (U, C, D, P).

    Raises:
        ConfigError: the algorithm cannot do without the Gaussian prior, and the grid leaves it out.
    """
    module = INFERENCE[method.inference]
    chosen = next(row for row in tuning if row["chosen"])
    if np.isinf(chosen["prior_scale"]) and not module.IMPROPER_PRIOR:
        raise ConfigError(f"method {name}: found prior_scale .inf; {method.inference} needs a finite one.")
    units = [{**chosen, "replicate": r} for r in bench.replicates]
    target, context = bench.target(method, units), bench.context(units, bench.training.restarts)
    settings = module.Settings.model_validate(method.settings)
    result = module.run(target, settings, module.init(target, settings, context), context)
    log.info("%s: %s draws", name, tuple(result.params.shape[:3]))
    return Fitted(_predictions(bench, result), _gates(bench, convergence.Claim.of(module), target, result)), target, result


def _predictions(bench: Bench, result: Fit) -> np.ndarray:
    """Mean probabilities (U, N, K) on the validation split and all scored ones; NaN elsewhere."""
    rows = np.flatnonzero(~np.isin(bench.task.dataset.split, ("train", TEACHERS)))
    units, chains, draws, _ = result.params.shape
    kept = result.params[:, :, thinned(draws, max(1, bench.settings.draws // chains))].flatten(1, 2)
    prob = np.full((units, *bench.task.truth.shape), np.nan)
    for unit in range(units):
        prob[unit, rows] = bench.mean_prob(kept[unit], rows)
    return prob


def _gates(bench: Bench, claim: convergence.Claim, target: Bernoulli, result: Fit) -> Rows:
    """The gates of all replicates, judged on the log-posterior and the probabilities of every location at probe examples."""
    units, chains, draws, _ = result.params.shape
    flat = result.params.flatten(0, 2).to(bench.device)
    density = target.log_density(flat, target.members(chains * draws)).cpu().double().numpy()
    test = bench.task.dataset.rows("test")
    x = bench.features[:, bench._at(test[thinned(len(test), bench.settings.probes)])]
    with torch.no_grad():
        prob = torch.sigmoid(torch.cat([bench.student.apply(part, x) for part in flat.split(1000)])).cpu().numpy()
    shape = (units, chains, draws)
    diverged = ~torch.isfinite(result.params).all(-1).all(-1).numpy()
    # One Bernoulli variable a column: none is the complement of another, as two classes are.
    probes = prob.reshape(*shape, -1, 1)
    stats = result.sample_stats
    if claim.posterior:
        stats = stats | {"temperature": temperatures(target, result.params, bench.device)}
    return convergence.judge(claim, density.reshape(shape), probes, stats, diverged, np.array(bench.replicates, np.int64))
