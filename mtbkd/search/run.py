"""Train every candidate and compare its accuracies with a paper's teacher rows, on validation examples only.

A candidate is a choice of the settings that the paper leaves open. Its teachers are trained as any other: on training examples
that their domain and exposure allow. Test examples have no part in it. The distance of a candidate is the root mean square
difference of all printed teacher numbers.
Shapes: R replicates, V validation examples, K classes.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd import registry
from mtbkd.artefacts import Dataset
from mtbkd.evaluation.metrics import mae_prob, mse_prob
from mtbkd.lazy import lazy_import
from mtbkd.progress import steps
from mtbkd.published import tables as published
from mtbkd.search.spec import Spec, combinations
from mtbkd.settings import settings_of
from mtbkd.writing import atomic

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

log = logging.getLogger(__name__)

COLUMNS = (
    "search", "candidate", "configured", "settings", "column", "teacher", "quantity", "published", "ours", "se", "difference",
    "distance",
)  # fmt: skip
NO_RAW_FILES = Path()  # simulations and the teachers trained on them read none
ERRORS: dict[str, Callable[..., Any]] = {"mse_prob": mse_prob, "mae_prob": mae_prob}


class Validation:
    """The validation examples of every replicate, and what a teacher scores on them."""

    def __init__(self, dataset: Dataset):
        rows = dataset.split == "val"
        self.rows, self.y, self.names = rows, dataset.y[:, rows], dataset.domain_names
        self.domain = None if dataset.domain is None else dataset.domain[:, rows]
        self.true_prob = None if dataset.true_prob is None else dataset.true_prob[:, rows]

    def score(self, logits: np.ndarray, metric: str, domain: str) -> list[float]:
        """One value a replicate of ``logits`` (R, N, K); [] where the data do not have it."""
        return [float(value) for value in self._values(logits[:, self.rows].astype(np.float64), metric, domain)]

    def _values(self, logits: np.ndarray, metric: str, domain: str) -> Iterator[float]:
        for replicate, own in enumerate(logits):
            if domain == "all":
                chosen = np.ones(len(own), bool)
            else:
                assert self.domain is not None
                chosen = self.domain[replicate] == self.names.index(domain)
            if metric == "accuracy":
                yield (own[chosen].argmax(-1) == self.y[replicate, chosen]).mean()
            elif self.true_prob is not None:
                prob = np.exp(own[chosen] - own[chosen].max(-1, keepdims=True))
                yield ERRORS[metric](prob / prob.sum(-1, keepdims=True), self.true_prob[replicate, chosen]).value


def candidates(spec: Spec) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """(settings of the dataset, overrides of the teachers' settings): the configured choice first, then the whole grid."""
    yield {}, [{}]
    for data in combinations(spec.dataset_grid):
        yield data, list(combinations(spec.grid))


def search(spec: Spec) -> list[dict[str, Any]]:
    """One row a printed number of every candidate, see COLUMNS; ``settings`` is JSON."""
    choices = [(data, teacher) for data, teachers in candidates(spec) for teacher in teachers]
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    prepared: dict[str, Dataset] = {}
    for data, teacher in steps(choices, f"{spec.name}: teachers tried"):
        chosen = _resolved(spec, data, teacher)
        if chosen in seen:
            continue
        seen.add(chosen)
        key = json.dumps(data)
        prepared = prepared if key in prepared else {key: _prepare(spec, data)}
        found = _compare(spec, prepared[key], teacher)
        distance = math.sqrt(np.mean([row["difference"] ** 2 for row in found]))
        log.info("%s: distance %.4f with %s", spec.name, distance, _told(spec, data, teacher))
        named = {"search": spec.name, "candidate": len(seen) - 1, "configured": len(seen) == 1}
        rows += [named | {"settings": json.dumps(_told(spec, data, teacher))} | row | {"distance": distance} for row in found]
    return rows


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


def _prepare(spec: Spec, data: dict[str, Any]) -> Dataset:
    module = registry.part("dataset", spec.kind)
    # Fresh test examples change nothing else of a simulation; nothing is scored on them here.
    settings = settings_of("dataset", spec.kind, spec.settings | data | {"n_fresh": 0})
    return module.prepare(spec.dataset, settings, spec.seed, range(spec.replicates), NO_RAW_FILES)


def _compare(spec: Spec, dataset: Dataset, overrides: dict[str, Any]) -> list[dict[str, Any]]:
    """Train the candidate's teachers and set each printed number beside theirs."""
    validation, rows = Validation(dataset), []
    for teacher in spec.teachers:
        module = registry.part("teacher", teacher.family)
        settings = settings_of("teacher", teacher.family, teacher.settings | overrides)
        trained = module.train(teacher.name, teacher.domain, settings, dataset, spec.seed, 0, spec.device, NO_RAW_FILES)
        for printed in published.numbers(spec.published):
            meant = published.metric_of(printed.quantity, dataset.domain_names)
            if printed.column != teacher.column or meant is None:
                continue
            values = validation.score(trained.logits, *meant)
            ours = float(np.mean(values))
            se = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
            rows.append({
                "column": teacher.column, "teacher": teacher.name, "quantity": printed.quantity, "published": printed.value,
                "ours": ours, "se": se, "difference": ours - printed.value,
            })  # fmt: skip
    return rows


def search_file(spec: dict[str, Any], file: str | Path) -> None:
    """Search as ``spec`` says and write the table, whole or not at all."""
    frame = pd.DataFrame(search(Spec.model_validate(spec)), columns=list(COLUMNS))
    with atomic(Path(file)) as temporary:
        frame.to_parquet(temporary, index=False)
