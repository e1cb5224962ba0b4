"""The tables of a part of a curve, one row a number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.metrics import Score, label_contributions, mean_score, truth_contributions
from mtbkd.inference.sharpness import COLUMN

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


def frame(table: str, rows: Sequence[Mapping[str, Any]]) -> Frame:
    """One table of a part; ``tuning`` has a column for every shared setting."""
    columns = COLUMNS[table]
    settings = sorted({name for row in rows for name in row} - set(columns))
    return pd.DataFrame(rows, columns=[*columns[:-3], *settings, *columns[-3:]])
