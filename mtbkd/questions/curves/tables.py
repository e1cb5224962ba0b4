"""The tables of a curve, one row a number: what is written, and what reads all parts of a curve together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame, read_table, write_table
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.metrics import Score, label_contributions, mean_score, truth_contributions
from mtbkd.inference.sharpness import COLUMN

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

_PLACE = ["curve", "teachers", "method", "replicate", "labels", "all_labels", "transfer"]
COLUMNS = {
    "scores": [*_PLACE[:3], "signal", "weights", "inference", "kind", *_PLACE[3:], "metric", "value", "se", "n"],
    "tuning": [*_PLACE, "steps", COLUMN, "val_nll", "val_accuracy", "chosen"],
}
SCORES = ("accuracy", "accuracy_true_prob", "nll", "brier", "mse_prob")


def score_rows(prob: np.ndarray, y: np.ndarray, true_prob: np.ndarray | None) -> list[dict[str, Any]]:
    """Rows {metric, value, se, n} of ``prob`` (M, K) on labels ``y`` (M,); NaN for a fit that diverged.

    ``true_prob`` (M, K), where known, gives the scores that need it.
    """
    if not np.isfinite(prob).all():
        known = [name for name in SCORES if true_prob is not None or name in ("accuracy", "nll", "brier")]
        return [{"metric": name, **Score(np.nan, np.nan, len(y))._asdict()} for name in known]
    found = label_contributions(prob, y)
    if true_prob is not None:
        found |= truth_contributions(prob, true_prob)
    return [{"metric": name, **mean_score(found[name])._asdict()} for name in SCORES if name in found]


def write(table: str, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write one table whole or not at all; ``tuning`` has a column for every shared setting."""
    columns = COLUMNS[table]
    settings = sorted({name for row in rows for name in row} - set(columns))
    write_table(pd.DataFrame(rows, columns=[*columns[:-3], *settings, *columns[-3:]]), path)


def read(parts: Mapping[str, Sequence[str]]) -> Frame:
    """All rows of the scores of a curve; ContractError names a file that is not there.

    ``parts``: set of teachers, ``none`` or ``references`` -> files.
    """
    files = [file for own in parts.values() for file in own]
    return pd.concat([read_table(file, "a table of a label-count curve", "curve") for file in files], ignore_index=True)
