"""The tables of one experiment: their columns, and the collection of their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtbkd.base.frames import write_table
from mtbkd.base.lazy import pd
from mtbkd.evaluation.shared import PAIRED
from mtbkd.inference.convergence import GATES
from mtbkd.inference.sharpness import COLUMN

VERDICTS = {True: "passed", False: "failed", None: "not applicable"}

_NAMES = ["study", "experiment", "dataset"]
_METHOD = ["method", "signal", "weights", "inference"]
_PLACE = ["replicate", "split", "domain"]
COLUMNS = {
    "metrics": [*_NAMES, *_METHOD, *_PLACE, "metric", "value", "se", "n", "kind", "se_examples"],
    "gates": [
        *_NAMES[:2], "method", "inference", "replicate", "gate", "stage", "value", "threshold", "verdict", "note",
    ],
    "tuning": [*_NAMES[:2], "method", "replicate", COLUMN, "val_nll", "val_accuracy", "chosen"],
    "examples": [
        *_NAMES, "method", "replicate", "row", "id", "split", "domain", "y", "prediction", "correct", "max_prob",
        "mean_deviance", "entropy_total", "entropy_expected", "entropy_epistemic",
    ],
    "example_scores": [*_NAMES, "method", "kind", "row", "id", "split", "domain", *PAIRED],
    "curves": [*_NAMES, *_METHOD, *_PLACE, "level", "coverage", "coverage_se", "coverage_self", "gap", "gap_se", "n"],
    "coverage_size": [
        *_NAMES, *_METHOD, "replicate", "level", "size", "subsets", "coverage", "coverage_se", "coverage_low", "coverage_high",
        "coverage_self", "gap", "gap_se", "gap_low", "gap_high",
    ],
    "reliability": [*_NAMES, *_METHOD, *_PLACE, "bin", "confidence", "accuracy", "se", "n", "kind"],
    "comparisons": [
        *_NAMES, "method", "reference", "split", "domain", "metric", "higher_is_better", "n", "difference", "low",
        "high", "p_value", "cohen_d", "rank_biserial", "detectable", "se_examples", "p_holm", "verdict", "note",
    ],
    "agreement": [
        *_NAMES, "method", "inference", "replicate", "reference", "mean_max", "mean_mean", "sd_max", "sd_mean", "sd_ratio",
        "w1_max", "w1_mean", "coverage_diff", "nll_diff", "ess", "ess_per_s", "verdict", "note",
    ],
    "loo": [*_NAMES, *_METHOD, "replicate", "elpd_loo", "se", "p_loo", "n", "khat_max", "khat_bad", "stacking_weight", "note"],
    "predictive_checks": [*_NAMES, *_METHOD, "replicate", "class", "observed", "expected", "p_value"],
    "chain_weights": [*_NAMES[:2], "method", "inference", "replicate", "chain", "weight", "elpd", "khat_bad", "why_not"],
}  # fmt: skip


def word(row: Mapping[str, Any]) -> str:
    """The verdict of a row of ``convergence.judge`` in a word."""
    return VERDICTS[row["verdict"]] if row["judged"] else "not judged"


@dataclass
class Tables:
    """Rows gathered so far; ``names`` (study, experiment, dataset) begin every row."""

    names: dict[str, str]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    parts: dict[str, list["pd.DataFrame"]] = field(default_factory=dict)  # of the tables that have a row an example

    def add(self, table: str, rows: Sequence[Mapping[str, Any]], **common: Any) -> None:
        """Append ``rows``, each with the ``common`` columns."""
        self.rows[table].extend({**self.names, **common, **row} for row in rows)

    def add_gates(self, rows: Sequence[Mapping[str, Any]], **common: Any) -> None:
        """Append verdicts as ``convergence.judge`` returns them."""
        for row in rows:
            gate = GATES.get(row["gate"])
            told = {"note": "", **row, "stage": gate.stage if gate else "fit", "verdict": word(row)}
            self.add("gates", [told], **common)

    def add_examples(self, columns: Mapping[str, Any], **common: Any) -> None:
        """Append one row per example; ``columns`` as ``scoring.example_columns`` returns them."""
        frame = pd.DataFrame({**self.names, **common, **columns}, columns=COLUMNS["examples"])
        self.add_frame("examples", frame.astype({"correct": "boolean"}))

    def add_frame(self, table: str, frame: "pd.DataFrame") -> None:
        """Append the rows of a frame that lacks but ``names``."""
        self.parts.setdefault(table, []).append(pd.DataFrame(frame.assign(**self.names), columns=COLUMNS[table]))

    def frame(self, table: str) -> "pd.DataFrame":
        """One table; ``tuning`` has a column for every setting that was tuned."""
        if table in self.parts:
            return pd.concat(self.parts[table], ignore_index=True)
        columns = COLUMNS[table]
        if table == "tuning":
            settings = sorted({name for row in self.rows[table] for name in row} - {*columns, *_NAMES})
            columns = [*columns[:-3], *settings, *columns[-3:]]
        return pd.DataFrame(self.rows[table], columns=columns)

    def write(self, folder: str | Path) -> None:
        """Write <table>.parquet for every table, each completely or not at all."""
        for table in COLUMNS:
            write_table(self.frame(table), Path(folder) / f"{table}.parquet")
