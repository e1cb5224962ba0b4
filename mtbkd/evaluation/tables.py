"""The tables of one experiment: their columns, and the collection of the rows of one part of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mtbkd.base.lazy import lazy_import, pd
from mtbkd.evaluation.shared import PAIRED, SharedExamples
from mtbkd.inference.convergence import GATES
from mtbkd.inference.sharpness import COLUMN

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy_import("pyarrow")

VERDICTS = {True: "passed", False: "failed", None: "not applicable"}

_NAMES = ["study", "experiment", "dataset"]
_METHOD = ["method", "signal", "weights", "inference"]
_PLACE = ["replicate", "split", "domain"]
COLUMNS = {
    "metrics": [*_NAMES, *_METHOD, *_PLACE, "metric", "value", "se", "n", "kind", "se_examples"],
    "gates": [
        *_NAMES[:2], "method", "inference", "replicate", "gate", "stage", "value", "threshold", "verdict", "note",
    ],
    "tuning": [*_NAMES[:2], "method", "replicate", COLUMN, "val_nll", "val_accuracy", "log_evidence",
               "log_evidence_se", "evidence_weight", "chosen"],
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
    "sets": [
        *_NAMES, *_METHOD, *_PLACE, "kind", "form", "level", "coverage", "coverage_low", "coverage_high", "size", "size_se",
        "one", "n", "held_out", "tuned", "guaranteed", "expected_low", "expected_high", "scaled_by",
    ],
    "comparisons": [
        *_NAMES, "method", "reference", "split", "domain", "metric", "higher_is_better", "overlap", "n", "difference", "low",
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

# What parts know besides, for the tables that need several methods: what identifies the posterior that draws are of, and by
# which sampler (agreement); leave-one-out of each label (stacking weights); sums of scores by example (example_scores).
HANDED_ON = {
    "aims": [*_METHOD, "replicate", "target", "sampler"],
    "pointwise": ["method", "replicate", "elpd"],
    "example_sums": [],
}
# Those that a part has; the others are made of several parts.
OF_PARTS = (
    "metrics", "gates", "tuning", "examples", "curves", "coverage_size", "reliability", "sets", "loo", "chain_weights",
    "predictive_checks", *HANDED_ON,
)  # fmt: skip


def word(row: Mapping[str, Any]) -> str:
    """The verdict of a row of ``convergence.judge`` in a word."""
    return VERDICTS[row["verdict"]] if row["judged"] else "not judged"


@dataclass
class Tables:
    """Rows gathered so far; ``names`` (study, experiment, dataset) begin every row."""

    names: dict[str, str]
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in COLUMNS | HANDED_ON})
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

    def add_sums(self, shared: SharedExamples | None) -> None:
        """Append sums of scores by example, where replicates share these."""
        if shared is not None:
            self.parts["example_sums"] = [shared.sums_frame()]

    def frame(self, table: str) -> "pd.DataFrame":
        """One table; ``tuning`` has a column for every setting that was tuned."""
        if table in self.parts:
            return pd.concat(self.parts[table], ignore_index=True)
        columns = (COLUMNS | HANDED_ON)[table]
        if table == "tuning":
            columns = columns_of_tuning({name for row in self.rows[table] for name in row})
        return pd.DataFrame(self.rows[table], columns=columns)

    def part(self, tables: Sequence[str] = OF_PARTS) -> "dict[str, pa.Table]":
        """The ``tables`` as pyarrow has them."""
        return {name: pa.Table.from_pandas(self.frame(name), preserve_index=False) for name in tables}


def columns_of_tuning(known: Collection[str]) -> list[str]:
    """The columns of the table ``tuning`` in their order: of those ``known``, the settings that were tuned by name."""
    own = COLUMNS["tuning"]
    scores = own.index("val_nll")
    return [*own[:scores], *sorted({*known} - {*own, *_NAMES}), *own[scores:]]
