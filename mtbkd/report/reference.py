"""Reference summaries as files: one CSV a study, which names the commands that compare and write it."""

from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import pd
from mtbkd.base.reading import damage
from mtbkd.base.writing import atomic
from mtbkd.evaluation.reference import COLUMNS, KEY, held, summary
from mtbkd.evaluation.two_runs import of_test
from mtbkd.report.two_runs import Run

EXPECTED = "a reference summary"
HINT = "mtbkd compare RUN --write FILE makes one"
MIN_REPLICATES = 2
PACKAGES = ("python", "numpy", "scipy", "scikit-learn", "torch", "pymc")


def of_run(run: Run) -> Frame:
    """The summary of a finished run: its experiments, and the questions whose kind has a module ``compared``.

    Raises:
        ContractError: a question without its table ``scores``.
    """
    scores = {name: of_test(metrics) for name, metrics in run.metrics.items()}
    for name, asked in run.manifest["plan"].get("questions", {}).items():
        if (module := registry.companion(asked["kind"], "compared")) is not None:
            path = run.folder / "questions" / name / "scores.parquet"
            scores[name] = module.scores(read_table(path, "a table of a question", f"question_{name}"))
    return summary(scores)


def write(folder: Path, path: Path) -> int:
    """Summarise the run in ``folder`` into the file ``path``; returns the number of scores.

    Teachers that were trained once, as on data that all replicates share, are left out: their noise is unknown.

    Raises:
        ContractError: a student's score of fewer than 2 replicates.
    """
    run = Run.read(folder)
    found = of_run(run)
    teachers = {(name, method) for name, own in run.metrics.items() for method in own["method"][own["kind"] != "student"]}
    once = [row.n < MIN_REPLICATES and (row.experiment, row.method) in teachers for row in found.itertuples()]
    found = found[~np.array(once)]
    for row in found[found["n"] < MIN_REPLICATES].itertuples():
        where = f"{row.experiment}, {row.method}, {row.metric}"
        raise ContractError(folder, where, f"{row.n} finite replicate", f"at least {MIN_REPLICATES}")
    study, versions = run.manifest["study"], run.manifest["versions"]
    known = ", ".join(f"{name} {versions[name]}" for name in PACKAGES if name in versions)
    lines = [
        f"# Scores of the study {study}: mean over n replicates and its standard error. Made with {known}.",
        f"# To compare a run:  mtbkd compare results/{study} {path}",
        f"# To write it anew:  mtbkd compare results/{study} --write {path}",
    ]
    with atomic(path) as temporary:
        means, errors = found["mean"].map("{:.7g}".format), found["se"].map("{:.3g}".format)
        table = found.assign(mean=means, se=errors).to_csv(index=False, columns=COLUMNS, lineterminator="\n")
        temporary.write_text("\n".join([*lines, table]), encoding="utf-8")
    return len(found)


def read(path: Path) -> Frame:
    """The summary in a file of ``write``; ContractError where it is none."""
    with damage(path, EXPECTED) as file:
        found: Frame = pd.read_csv(file, comment="#", keep_default_na=False, na_values=[])
    if list(found.columns) != COLUMNS:
        raise ContractError(path, "columns", ", ".join(map(str, found.columns)), ", ".join(COLUMNS), HINT)
    for name in ("mean", "se", "n"):
        values: Any = pd.to_numeric(found[name], errors="coerce")
        for key in found.loc[~np.isfinite(values), KEY].itertuples(index=False):
            raise ContractError(path, f"{name} of {', '.join(map(str, key))}", "no number", "a finite number")
        found[name] = values
    for key in found.loc[found.duplicated(KEY), KEY].itertuples(index=False):
        raise ContractError(path, ", ".join(map(str, key)), "two rows", "one")
    return found


def compare(folder: Path, path: Path) -> Frame:
    """``held`` of the run in ``folder`` against the reference ``path``; ContractError where they share no experiment."""
    reference, ours = read(path), of_run(Run.read(folder))
    if not set(reference["experiment"]) & set(ours["experiment"]):
        names = [", ".join(each["experiment"].unique()) for each in (ours, reference)]
        raise ContractError(folder, "experiments", names[0], f"one of {names[1]}", "is it the same study?")
    return held(reference, ours)
