"""Two methods on one dataset in this process: the jobs of a study of one experiment, in a temporary folder."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.errors import ConfigError, nearest
from mtbkd.base.explain import Mistake, choice, clean, sentence
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.progress import shown, stage
from mtbkd.contracts.draws import Draws
from mtbkd.data.downloads import fetch
from mtbkd.data.preparing import prepare
from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.evaluation.scoring import ALL
from mtbkd.inference.convergence import INFORMING
from mtbkd.inference.fitting import fit_files
from mtbkd.serving.refusals import refusals
from mtbkd.serving.terminal import aligned, tell
from mtbkd.serving.watching import watched
from mtbkd.study import likeness
from mtbkd.study.config import load
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.planned import ExperimentPlan
from mtbkd.study.study_files import read_configuration
from mtbkd.teachers.teaching import teach

STUDY, EXPERIMENT = "try", "try"
SHARED = ("levels", "block_size", "posterior", "training", "output")  # what is taken over from the dataset's study

TABLES = ("metrics", "comparisons", "gates")  # of the evaluation


class Tried(NamedTuple):
    """Tables of the experiment, as ``mtbkd.evaluation.evaluate`` has them, and what was watched, in lines."""

    metrics: Frame
    comparisons: Frame
    gates: Frame
    watched: list[str]


def compare_methods(asked: SimpleNamespace) -> None:
    """Fit both methods, print scores, paired differences and convergence checks.

    Raises:
        ConfigError: an unknown name, a setting that its part does not take; every mistake in one line.
        ContractError, DownloadError: as the jobs of the workflow raise them.
    """
    with refusals():
        plan, told = planned(asked)
    tell([told, *plan.remarks], asked.quiet)
    with TemporaryDirectory(prefix="mtbkd-try-") as folder:
        found = computed(plan, asked.against, Path(folder), asked.results / "downloads", asked.quiet)
    if asked.watch:
        print("\n".join(found.watched))
    print("\n".join(scores(found, asked.method, asked.against)))
    print("\n".join(checks(found.gates, (asked.method, asked.against))))


def planned(asked: SimpleNamespace) -> tuple[Plan, str]:
    """The study of one experiment that is asked for, checked as any other, and where its settings come from."""
    raw = read_configuration(asked.config)
    load(raw)
    content = likeness.resolve(clean(raw))[0]
    named = [("dataset", asked.dataset), ("method", asked.method), ("method", asked.against), ("student", asked.student)]
    named += [("teacher", name) for name in asked.teachers or ()]
    if mistakes := [_unknown(f"{kind}s", name, content) for kind, name in named if name and name not in content[f"{kind}s"]]:
        raise ConfigError(" ".join(mistakes))
    homes = ((study, name, e) for study, entry in content["studies"].items() for name, e in entry["experiments"].items())
    study, name, experiment = next((home for home in homes if home[2]["dataset"] == asked.dataset), ("", "", {}))
    experiment = {
        **{key: experiment[key] for key in ("posterior", "training") if key in experiment},
        "dataset": asked.dataset,
        "teachers": asked.teachers or experiment.get("teachers"),
        "student": asked.student or experiment.get("student"),
        "methods": [asked.against, asked.method],
    }
    for key in ("teachers", "student"):
        if experiment[key] is None:
            found = f"no experiment with dataset {asked.dataset}"
            raise ConfigError(f"--{key}: found nothing, and {found}; allowed: names of {key.removesuffix('s')}s")
    shared = {key: value for key, value in content["studies"].get(study, {}).items() if key in SHARED}
    content["studies"][STUDY] = {**shared, "replicates": asked.replicates, "experiments": {EXPERIMENT: experiment}}
    plan = make_plan(load(content, STUDY, import_estimators=True))
    where = f"as in experiment {name} of study {study}" if name else "shared settings of config.yaml"
    return plan, (f"{asked.dataset}, student {experiment['student']}, teachers {', '.join(experiment['teachers'])}, {where}; "
                  f"replicates: {asked.replicates}")  # fmt: skip


def _unknown(section: str, name: str, content: Mapping[str, Any]) -> str:
    """A name that stands nowhere, with the nearest that does; all of them only where none is near."""
    names = list(content[section])
    hint = nearest(name, names)
    return str(Mistake((section,), sentence(name, f"one of {len(names)} entries", hint) if hint else choice(name, names)))


def computed(plan: Plan, reference: str, folder: Path, raw: Path, quiet: bool) -> Tried:
    """Run the jobs of the one experiment below ``folder``, with raw files in ``raw``."""
    experiment = plan.experiments[EXPERIMENT]
    if plan.raw:
        fetch(plan.raw, raw)
    data = {block: folder / "data" / block for block in experiment.data_blocks}
    logits = {t.name: {block: folder / "logits" / t.name / block for block in data} for t in experiment.teachers}
    draws = {m: {b: folder / "students" / m / f"{b}.nc" for b in experiment.blocks} for m in experiment.methods}
    with _timed("data", quiet):
        for block, place in data.items():
            prepare(experiment.data.job, block, raw, place)
    for teacher in experiment.teachers:
        with _timed(f"teacher {teacher.name}", quiet):
            for block, place in logits[teacher.name].items():
                teach({**teacher.job, "device": plan.device}, block, data[block], raw, place)
    for method, spec in experiment.methods.items():
        with _timed(f"method {method}", quiet):
            _fit(experiment, spec, data, logits, draws[method])
    with _timed("evaluation", quiet):
        names, tables = (plan.study, experiment.name, experiment.data.name), folder / "tables"
        evaluate_experiment(*names, data, logits, draws, plan.levels, tables, reference)
    metrics, comparisons, gates = (read_table(tables / f"{name}.parquet", "a table", "evaluate") for name in TABLES)
    told = [line for m, files in draws.items() for line in watched(m, [Draws.read(place) for place in files.values()])]
    return Tried(metrics, comparisons, gates, told)


def _fit(
    experiment: ExperimentPlan, spec: dict[str, Any], data: Mapping[str, Path], logits: Mapping[str, Mapping[str, Path]],
    draws: Mapping[str, Path],
) -> None:  # fmt: skip
    for block, place in draws.items():
        own = experiment.data_block(block)
        fit_files(spec, block, data[own], [folders[own] for folders in logits.values()], place)


@contextmanager
def _timed(what: str, quiet: bool) -> Iterator[None]:
    began = time.monotonic()
    with shown(quiet), stage(what):
        yield
    tell([f"{what}: {time.monotonic() - began:.1f} s"], quiet)


def scores(found: Tried, method: str, against: str) -> list[str]:
    """Both methods' mean scores on the test examples and their paired differences, a line a metric."""
    rows = found.comparisons[(found.comparisons["split"] == "test") & (found.comparisons["domain"] == ALL)]
    whole = found.metrics[(found.metrics["split"] == "test") & (found.metrics["domain"] == ALL)]
    means = whole[whole["kind"] == "student"].groupby(["method", "metric"])["value"].mean()
    table = [("metric", method, against, "difference", "95 % interval", "verdict")]
    for row in rows.to_dict("records"):
        interval = f"{row['low']:+.4f} .. {row['high']:+.4f}" if np.isfinite(row["low"]) else row["note"]
        one, other = (f"{means[name, row['metric']]:.4f}" for name in (method, against))
        table.append((row["metric"], one, other, f"{row['difference']:+.4f}", interval, row["verdict"]))
    return aligned(table)


def checks(gates: Frame, methods: tuple[str, ...]) -> list[str]:
    """The convergence checks of each method: those that some replicate failed with the reason, then what was passed."""
    lines = []
    for method in methods:
        own = gates[gates["method"] == method]
        failed = own[(own["verdict"] == "failed") | (own["verdict"] == "not judged")]
        for gate, rows in failed.groupby("gate", sort=False):
            verdicts = ", ".join(f"{verdict} in {count}" for verdict, count in rows["verdict"].value_counts().items())
            told = " (informative)" if gate in INFORMING else ""
            lines.append(f"{method}: check {gate}{told}: {verdicts} of {own['replicate'].nunique()} replicates: "
                         f"{rows['note'].iloc[0]}")  # fmt: skip
        passed = [gate for gate, rows in own.groupby("gate", sort=False) if (rows["verdict"] == "passed").all()]
        lines.append(f"{method}: checks passed by all replicates: {', '.join(map(str, passed)) or 'none'}")
    return lines
