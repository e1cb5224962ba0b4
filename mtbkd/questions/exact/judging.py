"""What the rule ``exact`` calls: one method on every case and on the simulated data sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.frames import write_table
from mtbkd.base.lazy import lazy_import
from mtbkd.inference import Context
from mtbkd.questions.exact import sbc
from mtbkd.questions.exact.cases import all_cases
from mtbkd.questions.exact.judge import judge
from mtbkd.study.asked.exact import Spec

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

# Columns of the three tables, so that each has them all even where nothing could be measured.
COLUMNS = {
    "cases": (
        "method", "inference", "case", "quantity", "exact_mean", "exact_sd", "mean", "sd", "mean_error", "sd_ratio",
        "mean_allowance", "sd_allowance", "tolerance", "ess", "rhat", "khat", "seconds", "verdict", "note",
    ),
    "sbc": (
        "method", "inference", "quantity", "datasets", "draws", "p_uniform", "shift", "p_shift", "spread", "p_spread",
        "verdict", "note",
    ),
    "ranks": ("method", "inference", "quantity", "dataset", "rank", "draws"),
}  # fmt: skip
TEXT = ("method", "inference", "case", "quantity", "verdict", "note")


def judge_method(spec: Spec) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables ``cases``, ``sbc`` and ``ranks``."""
    module = registry.part("inference", spec.inference)
    settings = module.Settings.model_validate(spec.settings)
    context = Context(spec.seed, (0,), spec.training, "cpu")
    cases = [row for case in all_cases(spec.conjugate, spec.seed) for row in judge(case, module, settings, context)]
    calibration, ranks = sbc.calibrate(spec.sbc_datasets, module, settings, context)
    named = {"method": spec.method, "inference": spec.inference}
    tables = {"cases": cases, "sbc": calibration, "ranks": ranks}
    return {name: [named | row for row in rows] for name, rows in tables.items()}


def write_tables(tables: dict[str, list[dict[str, Any]]], folder: str | Path) -> None:
    """One parquet file a table, each whole or not at all; numbers that are missing are NaN."""
    for name, rows in tables.items():
        frame = pd.DataFrame(rows, columns=list(COLUMNS[name]))
        numbers = [column for column in frame.columns if column not in TEXT]
        write_table(frame.astype(dict.fromkeys(numbers, "float64")), Path(folder) / f"{name}.parquet")


def judge_files(spec: dict[str, Any], folder: str | Path) -> None:
    """Judge ``spec`` and write its tables into ``folder``."""
    write_tables(judge_method(Spec.model_validate(spec)), folder)
