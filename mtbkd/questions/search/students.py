"""Students of one choice of data and teachers, fitted under every setting that is tried on them.

A try gives all students the same shared settings, steps and labels; nothing is tuned, so that validation examples only score
it. The configured students are the exception: each replicate chooses theirs by validation, as in the experiment. Every fit has
one start. Fits that differ in shared settings, labels, weights of the teachers or replicate only run together, and those that
read the same settings are one.
Shapes: R replicates, P training examples, V validation examples, G teachers, K classes, S draws.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby, product
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base import registry
from mtbkd.base.device import resolve_device
from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.base.settings import dump
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.inference import Context
from mtbkd.inference.fitting import Material, best_teacher, material_of, student_of
from mtbkd.inference.fitting import Spec as FitSpec
from mtbkd.inference.tuning import best, candidates, shared_of
from mtbkd.pooling.scaling import scaled
from mtbkd.posterior.problem import adjusted, make_problem
from mtbkd.questions.curves.bench import READ_BY_CONSTANTS
from mtbkd.questions.curves.fitting import mean_prob
from mtbkd.questions.curves.target import Budget
from mtbkd.questions.search.spec import Students

AS_CONFIGURED = "as configured"
MOST_DRAWS = 50  # of a student, for its mean probabilities

Settings = dict[str, Any]


class Try(NamedTuple):
    """Settings in words, the teachers learnt from, and validation probabilities (R, V, K) of each printed column's student."""

    settings: Settings
    teachers: list[Logits]
    prob: dict[str, np.ndarray]
    configured: bool


@dataclass(frozen=True)
class Bench:
    """What all fits on one choice of data and teachers share; ``teachers``: outside temperature -> their logits."""

    dataset: Dataset
    teachers: Mapping[float, list[Logits]]
    replicates: range
    device: str

    def prob(
        self, fits: Mapping[str, FitSpec], outsides: Sequence[float], shares: Sequence[float], listed: Sequence[Settings],
        steps: int,
    ) -> np.ndarray:  # fmt: skip
        """Mean validation probabilities (fits, outsides, shares, listed, R, V, K), NaN where a fit diverged.

        ``fits``: methods that differ in their weights only; ``listed``: shared settings.
        """
        fit, count = next(iter(fits.values())), len(self.replicates)
        student, signal = student_of(fit, self.dataset), registry.part("signal", fit.signal.name)
        materials = {
            (column, outside): material_of(each, student, self.dataset, self._heard(each, outside), self.device)
            for (column, each), outside in product(fits.items(), outsides)
        }
        units = [
            {**settings, "place": place, "row": row, "data_row": at * count + row}
            for place, at, settings, row in product(materials, range(len(shares)), listed, range(count))
        ]
        table, constants = self._constants(fits, materials, units)
        first = next(iter(materials.values()))
        y = torch.cat([_hidden(first.y, share, self.replicates, fit.seed) for share in shares])
        rows = torch.tensor([unit["data_row"] for unit in units], device=self.device)
        shared = adjusted(signal, shared_of(units, self.device))
        at_one = bool((shared.student_temperature == 1).all())
        x = first.x.repeat(len(shares), *[1] * (first.x.ndim - 1))
        target = Budget(student, x, y, rows, signal, constants, shared, at_one, table, y.shape[1], torch.zeros_like(rows), 0, 0)
        params = self._params(fit, target, [self.replicates[unit["row"]] for unit in units], steps)
        held_out = student.inputs(torch.as_tensor(self.dataset.x[:, self.dataset.rows("val")], device=self.device))
        found = [
            mean_prob(student, own.to(self.device), held_out[unit["row"]].unsqueeze(0))
            for own, unit in zip(params, units, strict=True)
        ]
        return np.stack(found).reshape(len(fits), len(outsides), len(shares), len(listed), count, *found[0].shape)

    def _heard(self, fit: FitSpec, outside: float) -> list[Logits]:
        return scaled(self.teachers[outside], self.dataset, fit.teacher_scaling, fit.seed)

    def _params(self, fit: FitSpec, target: Budget, replicates: Sequence[int], steps: int) -> "torch.Tensor":
        """Parameters (U, S, P) of each unit's draws."""
        training = fit.training.model_copy(update={"steps": steps, "restarts": 1})
        context = Context(fit.seed, tuple(replicates), training, self.device)
        inference = registry.part("inference", fit.inference.name)
        settings = inference.Settings.model_validate(fit.inference.settings)
        found = inference.run(target, settings, inference.init(target, settings, context), context)
        return found.params.flatten(1, 2)[:, :MOST_DRAWS]

    def _constants(
        self, fits: Mapping[str, FitSpec], materials: Mapping[tuple[str, float], Material], units: Sequence[Settings]
    ) -> "tuple[torch.Tensor, dict[str, torch.Tensor]]":
        """Each unit's row (U,) of the signal's constants, and these: one row a replicate and value of what they depend on."""
        if any(material.logits is None for material in materials.values()):
            return torch.zeros(len(units), dtype=torch.int64, device=self.device), {}
        keys = [(unit["place"], unit["row"], *(unit.get(name) for name in READ_BY_CONSTANTS)) for unit in units]
        first = {key: unit for key, unit in reversed(list(zip(keys, units, strict=True)))}
        ordered = sorted(first, key=lambda key: list(materials).index(key[0]))
        parts = []
        for place, group in groupby(ordered, key=lambda key: key[0]):
            own, fit, material = [first[key] for key in group], fits[place[0]], materials[place]
            signal, rows = registry.part("signal", fit.signal.name), torch.tensor([unit["row"] for unit in own])
            problem = make_problem(
                student_of(fit, self.dataset), material.x, material.y, rows.to(self.device), signal,
                signal.Settings.model_validate(fit.signal.settings), shared_of(own, self.device), material.logits,
                material.weights, best_teacher(fit, self._heard(fit, place[1]), self.dataset, self.device),
            )  # fmt: skip
            parts.append(problem.constants)
        places = {key: at for at, key in enumerate(ordered)}
        table = torch.tensor([places[key] for key in keys], device=self.device)
        return table, {name: examples_last(torch.cat([part[name] for part in parts])) for name in parts[0]}


def tries(
    students: Students, dataset: Dataset, teachers: list[Logits], domains: Sequence[str | None], replicates: range, device: str,
    told: Settings, configured: bool, wanted: Collection[str] | None,
) -> Iterator[Try]:  # fmt: skip
    """Every try on one choice of data and teachers; ``configured`` ones first, where that choice is the configured one.

    Args:
        students: what is tried.
        teachers, domains: logits of each teacher, and what it mostly sees.
        replicates: their numbers.
        told: settings of data and teachers in words.
        wanted: ``settings`` of a try as JSON, to fit no others; None for all.
    """
    outsides = dict.fromkeys((1.0, *students.outside_temperature))
    tempered = {outside: _tempered(teachers, domains, dataset, outside) for outside in outsides}
    bench, names = Bench(dataset, tempered, replicates, resolve_device(device)), tried_names(students)
    if configured:
        steps = next(iter(students.fits.values())).training.steps
        settings = dict.fromkeys(names, AS_CONFIGURED) | _others(steps, 1.0, 1.0) | told
        if wanted is None or json.dumps(settings) in wanted:
            yield Try(settings, teachers, _tuned(bench, students.fits), True)
    listed = joint_candidates(students)
    for steps in students.steps:
        blocks = [(students.outside_temperature, students.label_share, listed)]
        if wanted is not None:
            blocks = [((o,), (s,), [c]) for o, s, c in product(*blocks[0])]
        for outsides, shares, tried in blocks:
            places = list(product(enumerate(outsides), enumerate(shares), enumerate(tried)))
            settings = [{n: c[n] for n in names} | _others(steps, s, o) | told for (_, o), (_, s), (_, c) in places]
            if wanted is not None and json.dumps(settings[0]) not in wanted:
                continue
            prob = _columns(bench, students.fits, outsides, shares, tried, steps)
            for ((i, outside), (j, _), (k, _)), own in zip(places, settings, strict=True):
                yield Try(own, tempered[outside], {column: found[i, j, k] for column, found in prob.items()}, False)


def _others(steps: int, share: float, outside: float) -> Settings:
    return {"steps": steps, "label_share": share, "outside_temperature": outside}


def joint_candidates(students: Students) -> list[dict[str, float]]:
    """The shared settings that are tried: what any of the methods reads."""
    uses = reduce(frozenset.union, (registry.part("signal", fit.signal.name).USES for fit in students.fits.values()))
    return candidates(dump(students.posterior), uses)


def tried_names(students: Students) -> list[str]:
    """The shared settings that a candidate is told by: strength and sharpness, and any with several values."""
    several = [name for name, grid in dump(students.posterior).items() if len(grid) > 1]
    strength = ["kappa"] if students.posterior.kappa else ["beta"]
    known = joint_candidates(students)[0]
    return [name for name in dict.fromkeys([*strength, "lambda", *several]) if name in known]


def _tempered(teachers: list[Logits], domains: Sequence[str | None], dataset: Dataset, temperature: float) -> list[Logits]:
    """The teachers with logits divided by ``temperature`` on examples outside their domain."""
    found = []
    for teacher, domain in zip(teachers, domains, strict=True):
        divisor = np.ones(dataset.y.shape, np.float32)
        if domain is not None and dataset.domain is not None:
            divisor[dataset.domain != dataset.domain_names.index(domain)] = temperature
        found.append(replace(teacher, logits=teacher.logits / divisor[..., None]))
    return found


def _columns(
    bench: Bench, fits: Mapping[str, FitSpec], outsides: Sequence[float], shares: Sequence[float], tried: Sequence[Settings],
    steps: int,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Column -> validation probabilities (outsides, shares, tried, R, V, K), of which settings it may not read all."""
    found = {}
    for own in _alike(fits):
        uses = registry.part("signal", next(iter(own.values())).signal.name).USES
        read = [candidates({name: [value] for name, value in each.items()}, uses)[0] for each in tried]
        distinct = [dict(key) for key in dict.fromkeys(tuple(each.items()) for each in read)]
        prob = bench.prob(own, outsides, shares, distinct, steps)
        at = [distinct.index(each) for each in read]
        found |= {column: values[:, :, at] for column, values in zip(own, prob, strict=True)}
    return found


def _hidden(y: "torch.Tensor", share: float, replicates: range, seed: int) -> "torch.Tensor":
    """Labels (R, P) of which all but ``share`` are -1."""
    known = (y >= 0).cpu().numpy()
    for row, replicate in zip(known, replicates, strict=True):
        labelled = np.random.default_rng(derive(seed, "search labels", replicate=replicate)).permutation(np.flatnonzero(row))
        row[labelled[round(share * len(labelled)) :]] = False
    return torch.where(torch.as_tensor(known, device=y.device), y, -1)


def _tuned(bench: Bench, fits: Mapping[str, FitSpec]) -> dict[str, np.ndarray]:
    """Column -> validation probabilities (R, V, K) as configured: each replicate chooses the candidate with the least NLL."""
    y, found = bench.dataset.y[:, bench.dataset.rows("val")], {}
    for own in _alike(fits, "posterior"):
        fit = next(iter(own.values()))
        listed = candidates(fit.posterior, registry.part("signal", fit.signal.name).USES)
        for column, prob in zip(own, bench.prob(own, (1.0,), (1.0,), listed, fit.training.steps)[:, 0, 0], strict=True):
            of_label = np.take_along_axis(prob, y[None, :, :, None], -1)[..., 0]
            won = best(-np.log(np.maximum(of_label, 1e-12)).mean(-1))
            found[column] = prob[won, np.arange(len(won))]
    return found


def _alike(fits: Mapping[str, FitSpec], *further: str) -> list[dict[str, FitSpec]]:
    """The methods in groups that can be fitted together: they differ in their weights only, and not in ``further``."""

    def key(column: str) -> str:
        return fits[column].model_dump_json(include={"signal", "inference", "training", *further})

    return [{column: fits[column] for column in group} for _, group in groupby(sorted(fits, key=key), key=key)]
