"""Try every candidate and compare its numbers with the rows that a paper prints, on validation examples only.

A candidate is a choice of the settings that the paper leaves open. Its teachers are trained as any other: on training examples
that their domain and exposure allow. Test examples have no part in it. The distance of a candidate of teachers is the root mean
square difference of all printed teacher numbers.

Where the subject is students, they learn from the candidate's teachers (``students``) on replicates that no
experiment reports. Differences are divided by what one printed run may differ by: the standard deviation over replicates and
the printed rounding; the distance is the root mean square over all printed student numbers, so that 1 is what the right
settings have. The nearest candidates are then fitted anew on further replicates: the smallest of many distances is smaller than
it would be again.
Shapes: R replicates, V validation examples, K classes.
"""

import json
import logging
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.base.lazy import lazy_import
from mtbkd.base.progress import steps
from mtbkd.base.settings import settings_of
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.data.published import tables as published
from mtbkd.evaluation.metrics import truth_scores
from mtbkd.questions.search.spec import Spec, Subject, combinations
from mtbkd.questions.search.students import tries

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = lazy_import("scipy.stats")

log = logging.getLogger(__name__)

_LAST = ("quantity", "published", "ours", "se", "difference", "distance")
COLUMNS = ("search", "candidate", "configured", "settings", "column", "teacher", *_LAST)
STUDENT_COLUMNS = (
    "search", "part", "candidate", "configured", "settings", "column", "method", *_LAST, "scaled", "verdict",
)  # fmt: skip
NAME: Mapping[Subject, str] = {"teachers": "teacher", "students": "method"}  # column with the name of ours
RANKED, CONFIRMED = "ranked", "confirmed"  # parts of a student search
BEST = 5  # candidates that are fitted anew
FITTED = "fitted"  # the verdict on each number of a search, see ``mtbkd.report.versus``
NO_RAW_FILES = Path()  # simulations and the teachers trained on them read none


class Validation:
    """The validation examples of every replicate, and what a teacher scores on them."""

    def __init__(self, dataset: Dataset):
        rows = dataset.split == "val"
        self.rows, self.y, self.names = rows, dataset.y[:, rows], dataset.domain_names
        self.domain = None if dataset.domain is None else dataset.domain[:, rows]
        self.true_prob = None if dataset.true_prob is None else dataset.true_prob[:, rows]

    def prob(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities (R, V, K) of the validation examples, of ``logits`` (R, N, K)."""
        own = logits[:, self.rows].astype(np.float64)
        prob = np.exp(own - own.max(-1, keepdims=True))
        return prob / prob.sum(-1, keepdims=True)

    def score(self, prob: np.ndarray, metric: str, domain: str) -> list[float]:
        """One value a replicate of ``prob`` (R, V, K), NaN where a fit diverged; [] where the data do not have it."""
        return [float(value) for value in self._values(prob, metric, domain)]

    def _values(self, prob: np.ndarray, metric: str, domain: str) -> Iterator[float]:
        for replicate, own in enumerate(prob):
            if domain == "all":
                chosen = np.ones(len(own), bool)
            else:
                assert self.domain is not None
                chosen = self.domain[replicate] == self.names.index(domain)
            if not np.isfinite(own).all():
                yield math.nan
            elif metric == "accuracy":
                yield (own[chosen].argmax(-1) == self.y[replicate, chosen]).mean()
            elif self.true_prob is not None:
                yield truth_scores(own[chosen], self.true_prob[replicate, chosen])[metric].value


def candidates(spec: Spec) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(settings of the dataset, overrides of the teachers' settings): the configured choice first, then the whole grid."""
    yield {}, [{}]
    for data in combinations(spec.dataset_grid):
        yield data, list(combinations(spec.grid))


class Candidate(NamedTuple):
    """A choice of settings in words, and each printed number beside its own."""

    settings: dict[str, Any]
    configured: bool
    cells: list[dict[str, Any]]


def search(spec: Spec) -> list[dict[str, Any]]:
    """One row a printed number of every candidate, see COLUMNS and STUDENT_COLUMNS; ``settings`` is JSON."""
    found = list(_tried(spec, spec.first))
    if spec.students is None:
        return [row for at, each in enumerate(found) for row in _rows(spec, at, each, _distance(each.cells, "difference"))]
    scales = _scales(found)
    distances = [_scaled(each, scales) for each in found]
    rows = [row | {"part": RANKED} for at, each in enumerate(found) for row in _rows(spec, at, each, distances[at])]
    nearest = np.argsort(distances, kind="stable")[:BEST].tolist()
    again = {json.dumps(each.settings): at for at, each in enumerate(found) if at in nearest or each.configured}
    for each in _tried(spec, spec.first + spec.replicates, again):
        distance = _scaled(each, scales)
        rows += [row | {"part": CONFIRMED} for row in _rows(spec, again[json.dumps(each.settings)], each, distance)]
    return [row | {"verdict": FITTED} for row in rows]


def _rows(spec: Spec, number: int, candidate: Candidate, distance: float) -> Iterator[dict[str, Any]]:
    log.info("%s: distance %.4f with %s", spec.name, distance, candidate.settings)
    named = {"search": spec.name, "candidate": number, "configured": candidate.configured}
    for cell in candidate.cells:
        yield named | {"settings": json.dumps(candidate.settings)} | cell | {"distance": distance}


def _distance(cells: list[dict[str, Any]], of: str) -> float:
    return math.sqrt(np.mean([cell[of] ** 2 for cell in cells]))


def _scales(found: list[Candidate]) -> dict[tuple[str, str], float]:
    """Column and quantity -> standard deviation of the difference between one printed run and the mean of ours.

    That over replicates is the same for all candidates, by the median of their variances: one whose replicates scatter is not
    the nearer for it. It is put right for the median of a chi square lying below its mean. Rounding adds that of a uniform law.
    """
    scales = {}
    for cells in zip(*(each.cells for each in found), strict=True):
        first = cells[0]
        n, variances = first["n"], [cell["sd"] ** 2 for cell in cells if math.isfinite(cell["sd"])]
        own = float(np.median(variances)) * (n - 1) / stats.chi2.median(n - 1) if variances else 0.0
        scales[first["column"], first["quantity"]] = math.sqrt(own * (1 + 1 / n) + first["half_unit"] ** 2 / 3)
    return scales


def _scaled(candidate: Candidate, scales: Mapping[tuple[str, str], float]) -> float:
    """The candidate's distance on students; its cells are given their scaled differences. Infinite where a fit diverged."""
    for cell in candidate.cells:
        cell["scaled"] = cell["difference"] / scales[cell["column"], cell["quantity"]]
    distance = _distance([cell for cell in candidate.cells if not published.is_teacher(cell["column"])], "scaled")
    return distance if math.isfinite(distance) else math.inf


def _tried(spec: Spec, first: int, wanted: Collection[str] | None = None) -> Iterator[Candidate]:
    """Every candidate, each once, on replicates from ``first`` on; ``wanted``: settings as JSON, to try no others."""
    choices = [(data, teacher) for data, teachers in candidates(spec) for teacher in teachers]
    replicates = range(first, first + spec.replicates)
    seen: set[str] = set()
    prepared: dict[str, Dataset] = {}
    for data, teacher in steps(choices, f"{spec.name}: {'candidates' if spec.students else 'teachers'} tried"):
        chosen = _resolved(spec, data, teacher)
        if chosen in seen:
            continue
        configured = not seen
        seen.add(chosen)
        told = _told(spec, data, teacher)
        if wanted is not None and not any(json.loads(each) | told == json.loads(each) for each in wanted):
            continue
        key = json.dumps(data)
        prepared = prepared if key in prepared else {key: _prepare(spec, data, replicates)}
        dataset, validation = prepared[key], Validation(prepared[key])
        trained = _train(spec, dataset, teacher, first)
        if spec.students is None:
            yield Candidate(told, configured, _teacher_cells(spec, validation, trained))
            continue
        domains = [each.domain for each in spec.teachers]
        for each in tries(spec.students, dataset, trained, domains, replicates, spec.device, told, configured, wanted):
            cells = _teacher_cells(spec, validation, each.teachers)
            for column, prob in each.prob.items():
                cells += _cells(spec, validation, column, spec.students.fits[column].method, prob)
            yield Candidate(each.settings, each.configured, cells)


def _resolved(spec: Spec, data: dict[str, Any], teacher: dict[str, Any]) -> str:
    """What a candidate comes to: the same for overrides that repeat what is configured."""
    typed = [settings_of("dataset", spec.kind, spec.settings | data)]
    typed += [settings_of("teacher", each.family, each.settings | teacher) for each in spec.teachers]
    return "".join(settings.model_dump_json() for settings in typed)


def _told(spec: Spec, data: dict[str, Any], teacher: dict[str, Any]) -> dict[str, Any]:
    """The value of every setting that is tried; where teachers are configured differently, those of all, in their order."""
    told = {name: (spec.settings | data)[name] for name in spec.dataset_grid}
    for name in spec.grid:
        values = [(each.settings | teacher)[name] for each in spec.teachers]
        told[name] = values[0] if all(value == values[0] for value in values) else " / ".join(map(str, values))
    return told


def _prepare(spec: Spec, data: dict[str, Any], replicates: range) -> Dataset:
    module = registry.part("dataset", spec.kind)
    # Fresh test examples change nothing else of a simulation; nothing is scored on them here.
    settings = settings_of("dataset", spec.kind, spec.settings | data | {"n_fresh": 0})
    return module.prepare(spec.dataset, settings, spec.seed, replicates, NO_RAW_FILES)


def _train(spec: Spec, dataset: Dataset, overrides: dict[str, Any], first: int) -> list[Logits]:
    """The candidate's teachers; ``first``: number of the dataset's first replicate."""
    trained = []
    for teacher in spec.teachers:
        module = registry.part("teacher", teacher.family)
        settings = settings_of("teacher", teacher.family, teacher.settings | overrides)
        given = teacher.name, teacher.domain, settings, dataset, spec.seed, first, spec.device, NO_RAW_FILES
        trained.append(module.train(*given))
    return trained


def _teacher_cells(spec: Spec, validation: Validation, trained: list[Logits]) -> list[dict[str, Any]]:
    """Each printed number of a teacher beside that of the candidate's."""
    return [
        cell
        for teacher, logits in zip(spec.teachers, trained, strict=True)
        for cell in _cells(spec, validation, teacher.column, teacher.name, validation.prob(logits.logits))
    ]


def _cells(spec: Spec, validation: Validation, column: str, name: str, prob: np.ndarray) -> list[dict[str, Any]]:
    """Each number of a printed column beside ours of validation probabilities ``prob`` (R, V, K)."""
    cells = []
    for printed in published.numbers(spec.published):
        meant = published.metric_of(printed.quantity, validation.names)
        if printed.column != column or meant is None:
            continue
        values = validation.score(prob, *meant)
        n, ours = len(values), float(np.mean(values))
        sd = float(np.std(values, ddof=1)) if n > 1 else math.nan
        cells.append({
            "column": column, NAME[spec.subject]: name, "quantity": printed.quantity, "published": printed.value, "ours": ours,
            "se": sd / math.sqrt(n), "difference": ours - printed.value, "sd": sd, "n": n, "half_unit": printed.half_unit,
        })  # fmt: skip
    return cells
