"""Several labels at once: Bernoulli students with Beta teacher-informed priors, and the teachers' own domains.

Teachers are specialists of one domain each, trained here on the labels of their domain. Every method sees the same data,
teachers and starting points; a replicate differs by the student's seeds, and by the labels that it sees where ``labels`` hides
some. Tables, one row each:

- ``scores``: a score of a student or teacher on one split and domain; ``location`` is ``all`` for scores over all locations;
- ``differences``: a distilled student minus its label-only reference, and ``tip`` minus ``kd`` with the same weights and
  inference: mean over replicates, their interval, and for ``macro_mcc`` an interval over resampled examples;
- ``thresholds``: above which probability a location counts as predicted, chosen on validation;
- ``calibration``: a bin of probabilities: mean probability, share that is true, number of pairs of example and location;
- ``experts``: the mean weight of a teacher on the examples of one domain, and how often it is the largest;
- ``labels``: how many examples have a location, and of how many the student knows it;
- ``teachers``, ``tuning``: a candidate with its validation loss; ``gates``: a verdict on one replicate's draws.

Shapes: R replicates, N examples, G teachers, K locations.
"""

from typing import Any

import numpy as np

from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ConfigError
from mtbkd.base.frames import Frame
from mtbkd.base.grids import UNSET_POSTERIOR
from mtbkd.base.lazy import torch
from mtbkd.inference.function_space import thinned
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.multilabel import tables
from mtbkd.questions.multilabel.data import make_task
from mtbkd.questions.multilabel.fitting import Bench, fit, tune
from mtbkd.questions.multilabel.scores import bernoulli_nll
from mtbkd.questions.multilabel.spec import Method
from mtbkd.questions.multilabel.spec import Settings as Settings
from mtbkd.questions.multilabel.tables import BEST, MEAN, TEST, Forecast, Rows
from mtbkd.questions.multilabel.tables import TABLES as TABLES
from mtbkd.questions.multilabel.target import responsibilities
from mtbkd.questions.multilabel.teachers import train_panel

NEEDS = frozenset({"dataset", "student"})
CHOOSING_DRAWS = 10  # of a chain method, over which responsibilities are averaged


def run(inputs: Inputs, settings: Settings) -> dict[str, Frame]:
    """Train the teachers, fit every method for all replicates together, score them; the tables of ``multilabel.tables``.

    Raises:
        ConfigError: the student's architecture fixes one of its outputs.
        ContractError: the dataset has no ``targets``, or a domain is too small for a teacher.
    """
    bench = make_bench(inputs, settings)
    found: dict[str, Rows] = {name: [] for name in TABLES}
    found["teachers"], found["labels"] = bench.panel.tuning, tables.label_rows(bench.task)
    found["experts"] = _weights_by_domain(bench)
    forecasts = _reference_forecasts(bench)
    tuned: dict[tuple[str, str | None], Rows] = {}
    for name, method in settings.methods.items():
        key = (method.signal, method.weights)
        if key not in tuned:
            tuned[key] = tune(bench, method)
            found["tuning"] += [{"signal": method.signal, "weights": method.weights or "", **row} for row in tuned[key]]
        fitted, target, result = fit(bench, name, method, tuned[key])
        parts = {"kind": "student", "signal": method.signal, "weights": method.weights or "", "inference": method.inference}
        forecasts[name] = Forecast(name, parts, fitted.prob)
        found["gates"] += [{"method": name, **row} for row in fitted.gates]
        if method.signal == "tip":
            chosen = _responsibilities(target, result.params[0].flatten(0, 1).to(bench.device))
            found["experts"] += tables.expert_rows(name, "train", bench.task, bench.task.train, bench.panel.names, chosen)
    _score(bench, forecasts, found)
    return {name: tables.frame(name, rows) for name, rows in found.items()}


def make_bench(inputs: Inputs, settings: Settings) -> Bench:
    """What all methods share, with teachers trained; see ``run`` for what is refused."""
    dataset, device = inputs.dataset(), resolve_device(inputs.device)
    assert inputs.student is not None
    if inputs.student["architecture"] == "linear":
        raise ConfigError(f"question {inputs.name}: student: found architecture 'linear', whose first output is fixed as the "
                          "reference of a softmax; allowed: cnn, mlp. Hint: mlp with one small hidden layer")  # fmt: skip
    replicates = tuple(range(inputs.replicates))
    task = make_task(dataset, settings.labels, inputs.seed, replicates)
    student = inputs.build_student(dataset.x.shape[2:], dataset.num_classes)
    posterior = {**UNSET_POSTERIOR.model_dump(by_alias=True), **inputs.posterior}
    panel = train_panel(task, settings.teachers, inputs.seed, device)
    features = student.inputs(torch.as_tensor(dataset.x, device=device))
    return Bench(task, panel, student, features, settings, posterior, inputs.training, inputs.seed, replicates, device)


def _reference_forecasts(bench: Bench) -> dict[str, Forecast]:
    """Each teacher, the best of them by validation loss, and the mean of their probabilities."""
    prob, val = bench.panel.prob, bench.task.dataset.rows("val")
    losses = [bernoulli_nll(prob[val, g], bench.task.truth[val]) for g in range(prob.shape[1])]
    named = {f"teacher:{name}": prob[:, g] for g, name in enumerate(bench.panel.names)}
    named |= {BEST: prob[:, int(np.argmin(losses))], MEAN: prob.mean(1)}
    parts = {"kind": "teacher", "signal": "", "weights": "", "inference": ""}
    return {name: Forecast(name, parts, each[None]) for name, each in named.items()}


def _weights_by_domain(bench: Bench) -> Rows:
    """Whom every weighting of a method trusts, on the training split, where the prior acts, and on the test split.

    Weights that are the same for all teachers and examples trust nobody more and are left out.
    """
    weighted = {method.weights: method for method in bench.settings.methods.values() if method.weights}
    rows: Rows = []
    for name, method in weighted.items():
        for split, at in (("train", bench.task.train), (TEST, bench.task.dataset.rows(TEST))):
            weights = bench.weights(method, at)
            if np.ptp(weights) > 0:
                rows += tables.expert_rows(f"{name} weights", split, bench.task, at, bench.panel.names, weights)
    return rows


def _responsibilities(target: Any, params: "torch.Tensor") -> np.ndarray:
    """Mean responsibilities (n, K, G) of the first replicate's draws ``params`` (S, P) on the training split."""
    params = params[torch.isfinite(params).all(-1)]
    parts, unit = [], torch.zeros(1, dtype=torch.int64, device=params.device)
    with torch.no_grad():
        for at in thinned(len(params), CHOOSING_DRAWS):
            parts.append(responsibilities(target, params[at : at + 1], unit, target.full(unit))[0])
    return torch.stack(parts).mean(0).cpu().numpy()


def _score(bench: Bench, forecasts: dict[str, Forecast], found: dict[str, Rows]) -> None:
    """Fill the tables that compare all students and teachers."""
    task, thresholds = bench.task, {name: each.decisions(bench.task) for name, each in forecasts.items()}
    for name, forecast in forecasts.items():
        found["scores"] += tables.scored(task, forecast, thresholds[name])
        found["thresholds"] += tables.threshold_rows(task, forecast, thresholds[name])
        found["calibration"] += tables.calibration(task, forecast)
    pairs = compared(bench.settings.methods)
    intervals = tables.resampled_differences(task, forecasts, thresholds, pairs, bench.seed)
    note = "same data, other seeds" if task.seen.all() else "same examples, other seeds and labels"
    found["differences"] = tables.differences(tables.frame("scores", found["scores"]), pairs, intervals, note)


def compared(methods: dict[str, Method]) -> list[tuple[str, str]]:
    """(method, reference): each distilled student with labels alone, and ``tip`` with ``kd`` where only the signal differs.

    Labels alone have the same inference, or that of the first label-only method where none has.
    """
    alone = {name: method for name, method in methods.items() if method.signal == "none"}
    same = {method.inference: name for name, method in reversed(alone.items())}
    first = next(iter(alone))
    pairs = [(name, same.get(method.inference, first)) for name, method in methods.items() if method.signal != "none"]
    pooled = [(name, method.model_copy(update={"signal": "tip"})) for name, method in methods.items() if method.signal == "kd"]
    return pairs + [(name, other) for name, method in methods.items() for other, twin in pooled if method == twin]
