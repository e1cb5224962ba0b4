"""What figures are drawn from: the experiment as the configuration knows it, and its files, read when first used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.contracts.draws import Draws, open_draws
from mtbkd.inference.convergence import INFORMING
from mtbkd.report import titles
from mtbkd.report.titles import Named, Student

if TYPE_CHECKING:
    import xarray as xr
else:
    xr = lazy_import("xarray")


@dataclass(frozen=True)
class Method:
    """A method as the configuration names it.

    Attributes:
        signal, weights, inference: names of its parts; weights "" where the signal uses none.
        draws_kind: ``point``, ``independent`` or ``chains``, see ``evaluation.convergence``.
        candidates: shared setting -> its candidates, for every setting that is tuned.
        teacher_scaling: how its teachers are calibrated.
    """

    signal: str
    weights: str
    inference: str
    draws_kind: str
    candidates: Mapping[str, Sequence[float | str]] = field(default_factory=dict)
    teacher_scaling: str = "none"

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "Method":
        """What figures may know of a method's settings, see ``mtbkd.inference.fitting.Spec``."""
        inference = spec["inference"]["name"]
        tuned = {name: values for name, values in spec["posterior"].items() if len(values) > 1}
        draws_kind = registry.part("inference", inference).DRAWS
        return cls(
            spec["signal"]["name"], spec["weights"] or "", inference, draws_kind, tuned, spec.get("teacher_scaling", "none")
        )


@dataclass(frozen=True)
class Experiment:
    """What a figure may know of an experiment before any file exists; ``dataclasses.asdict`` makes it JSON-able.

    Attributes:
        name, dataset, kind: the experiment, its dataset and the module that makes it.
        simulated: every replicate has data of its own.
        features: shape of one example, () when only the data can tell.
        teachers: names in order.
        methods: name -> Method, in order.
        evaluation: folder of its tables.
        data: folder of the first block of its data.
        draws: method -> file of its first block.
        columns: method -> its column in the table of published numbers.
        logits: teacher -> folder of the first block of its logits.
        classes: how many, 0 when only the data can tell.
    """

    name: str
    dataset: str
    kind: str
    simulated: bool
    features: tuple[int, ...]
    teachers: tuple[str, ...]
    methods: Mapping[str, Method]
    evaluation: str
    data: str
    draws: Mapping[str, str]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    logits: Mapping[str, str] = field(default_factory=dict)
    classes: int = 0

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Experiment":
        """The inverse of ``dataclasses.asdict``."""
        methods = {name: Method(**method) for name, method in content["methods"].items()}
        tuples = {name: tuple(content[name]) for name in ("features", "teachers")}
        return cls(**{**content, **tuples, "methods": methods})

    def methods_of(self, *kinds: str) -> tuple[str, ...]:
        """Methods whose draws are of one of the ``kinds``."""
        return tuple(name for name, method in self.methods.items() if method.draws_kind in kinds)

    @cached_property
    def titles(self) -> dict[str, str]:
        """Method -> its title where there is little room, all different."""
        named = (Named(name, each.signal, each.weights, each.inference) for name, each in self.methods.items())
        return {name: each.title for name, each in titles.students(named).items()}

    @property
    def main_method(self) -> str:
        """The method to show where there is room for one: the paper's, or what is closest to it."""
        rank = {"tip": 0, "bkd": 1, "kd": 2}
        kinds = ("chains", "independent", "point")

        def distance(name: str) -> tuple[bool, int, int, bool]:
            method = self.methods[name]
            pooled = method.weights == "entropy"
            named = "tip_entropy" in self.columns.get(name, ())
            return not named, rank.get(method.signal, 3), kinds.index(method.draws_kind), not pooled

        return min(self.methods, key=distance)


@dataclass(frozen=True)
class Sibling:
    """An experiment as figures of the whole study know it: the folder of its tables, and the printed table, if any."""

    dataset: str
    student: str
    teachers: Sequence[str]
    methods: Sequence[str]
    evaluation: str
    published: str | None = None


@dataclass(frozen=True)
class Study:
    """What a figure of the whole study may know.

    Attributes:
        experiments: name -> ``Sibling``.
    """

    experiments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def siblings(self) -> "dict[str, Sibling]":
        """The experiments, typed."""
        return {name: Sibling(**content) for name, content in self.experiments.items()}


@dataclass(frozen=True)
class Question:
    """What a figure may know of a question.

    Attributes:
        name: as in config.yaml.
        kind: the module of mtbkd/questions.
        settings: JSON-able, with defaults, or what its kind makes of them.
        tables: table -> file.
        methods: those of its experiment: id -> names of signal, weights ("" for none) and inference.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    tables: Mapping[str, str]
    methods: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def students(self, rows: Frame) -> dict[str, Student]:
        """Its students by id: those of its experiment, otherwise those of ``rows``, as far as these say their parts."""
        return titles.students(Named(name, *own) for name, own in self.methods.items()) or titles.of_table(rows)

    def table(self, name: str) -> Frame:
        """One of its tables."""
        return read_table(Path(self.tables[name]), "a table of a question", f"question_{self.name}")


BY_DOMAIN = ("metrics", "curves", "reliability")  # the long ones, and no figure shows single domains
OF_DOMAINS = [("domain", "==", "all")]


class Material:
    """The files of one experiment."""

    def __init__(self, experiment: Experiment):
        self.experiment = experiment
        self._table = cache(self._read)
        self._draws = cache(_without_predictions)

    def _read(self, name: str) -> Frame:
        path = Path(self.experiment.evaluation) / f"{name}.parquet"
        return read_table(path, "a table of the evaluation", "evaluate", where=OF_DOMAINS if name in BY_DOMAIN else None)

    def table(self, name: str) -> Frame:
        """A table of mtbkd/evaluation, e.g. ``metrics``; of those by domain the rows of all domains together."""
        return self._table(name)

    def whole(self, name: str) -> Frame:
        """The rows of a table that speak of the whole test split."""
        table = self.table(name)
        return table[(table["split"] == "test") & (table["domain"] == "all")]

    def draws(self, method: str) -> Draws:
        """The first block of a method's draws, their predictions left out (``predictions``)."""
        return self._draws(self.experiment.draws[method])

    def predictions(self, method: str) -> tuple[np.ndarray, np.ndarray]:
        """Draws of the class probabilities (S, M, K) in the first replicate, lost chains left out, and their rows (M,)."""
        with open_draws(self.experiment.draws[method]) as tree:
            found = tree["predictions"].to_dataset()["prob"].isel(replicate=0)
            prob, rows = found.values, found["example"].values
            lost = tree["chains"].to_dataset()["diverged"].isel(replicate=0).values.astype(bool)
        return prob[~lost].reshape(-1, *prob.shape[2:]), rows

    @cached_property
    def logits(self) -> np.ndarray:
        """Logits (N, G, K) of all teachers in the first replicate; ContractError unless they fit the data."""
        return stack_logits([Logits.read(folder, self.dataset) for folder in self.experiment.logits.values()])[0]

    @cached_property
    def dataset(self) -> Dataset:
        """The first block of the data."""
        return Dataset.read(self.experiment.data)

    @cached_property
    def failed(self) -> dict[str, list[str]]:
        """Method -> names of the gates that it failed in at least one replicate; methods that failed none are absent."""
        gates = self.table("gates")
        failed = gates[(gates["verdict"] == "failed") & ~gates["gate"].isin(INFORMING)]
        return {str(method): sorted(set(rows["gate"])) for method, rows in failed.groupby("method", sort=False)}


def _without_predictions(path: str) -> Draws:
    """Draws as figures of convergence need them; the predictions of many methods at once would fill the memory."""
    draws = Draws.read(path)
    return replace(draws, prob=draws.prob[:, :, :, :0].copy(), example_index=draws.example_index[:0])
