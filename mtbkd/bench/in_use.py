"""What a user waits for: a fit of the estimator to 1,500 rows, and `mtbkd predict` on a table.

Imports and compiling are left out: everything runs once before it is timed.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mtbkd.base.lazy import lazy_import
from mtbkd.bench.problems import seconds
from mtbkd.serving import cli
from mtbkd.serving.bundle import Bundle

estimators = lazy_import("mtbkd.serving.estimator")

ROWS, FEATURES, CLASSES, TEACHERS, UNITS = 1_500, 10, 3, 2, 32
NEW_ROWS, DRAWS = 10_000, 400
METHODS: dict[str, dict[str, Any]] = {
    "map": {},
    "laplace": {},
    "sgld": {"steps": 10_000, "burn_in": 2_000, "thin": 20, "chains": 4, "step_size": 1e-5},
}


def measure(rows: int = ROWS, new_rows: int = NEW_ROWS) -> dict[str, float]:
    """Seconds of a fit by each of METHODS, and ``rows_per_s`` of `mtbkd predict` by ``DRAWS`` draws of the last one."""
    found, student = {}, None
    for name in METHODS:
        student = fitted(name, rows)
        found[f"{name}_s"] = _best(lambda name=name: fitted(name, rows))
    assert student is not None
    return {**found, "rows_per_s": new_rows / predict_seconds(student.bundle_, new_rows)}


def fitted(inference: str, rows: int = ROWS) -> Any:
    """The estimator, fitted to random rows whose class depends on them, with teachers that know it in part."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, FEATURES))
    logits = x[:, :CLASSES] + np.tanh(x[:, CLASSES : 2 * CLASSES])
    teachers = {f"teacher_{g}": logits + rng.standard_normal(logits.shape) for g in range(TEACHERS)}
    y = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    parts: dict[str, Any] = {"signal": "tip", "weights": "entropy", "inference": inference, "settings": METHODS[inference]}
    student = estimators.MultiTeacherClassifier(hidden=(UNITS,), values="logits", device="cpu", **parts)
    return student.fit(x, y, teachers=teachers)


def predict_seconds(bundle: Bundle, rows: int) -> float:
    """Seconds of `mtbkd predict` on a CSV file of ``rows``, its reading and the writing of the predictions included."""
    some = bundle.params[np.arange(DRAWS) % len(bundle.params)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        replace(bundle, card=bundle.card.model_copy(update={"draws": DRAWS}), params=some).write(folder / "student")
        table = np.random.default_rng(1).standard_normal((rows, FEATURES))
        header = ",".join(f"x{j}" for j in range(FEATURES))
        np.savetxt(folder / "new.csv", table, delimiter=",", header=header, comments="", fmt="%.6g")
        files = ("--student", folder / "student", "--table", folder / "new.csv", "--out", folder / "out.csv")
        options = ["predict", *map(str, files), "--risk", "1", "--quiet"]

        def predict() -> None:
            if cli.main(options):
                raise RuntimeError("mtbkd predict failed")

        predict()
        return _best(predict)


def _best(action: Callable[[], Any]) -> float:
    return min(seconds(action) for _ in range(3))
