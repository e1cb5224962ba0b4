"""Generated scores of students on many tables, with effects that are known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mtbkd.evaluation.over_tables import Claim

GROUPS = {"A": ("Glass", "Zoo", "Sonar", "Soybean", "wine", "iris"), "B": ("DNA", "Vowel", "Vehicle", "Shuttle", "Satellite",
          "LetterRecognition", "digits", "HouseVotes84", "Ionosphere")}  # fmt: skip
LABELS = {"20": 20, "60": 60, "200": 200, "all": 1000}
SPLITS = 10
# Nats by which a method lowers the NLL of labels alone; accuracy rises by a quarter of it.
EFFECT = {"labels": 0.0, "self_training": 0.02, "kd_equal": 0.1, "kd_mean": 0.25, "tip_equal": 0.3, "tip_equal_sharp": 0.4}
NONE = dict.fromkeys(EFFECT, 0.0)
CLAIMS = (
    *(Claim("labels", method, "labels") for method in EFFECT if method != "labels"),
    *(Claim("edge", method, "kd_mean") for method in ("tip_equal", "tip_equal_sharp")),
)


def table_scores(
    effect: Mapping[str, float] = EFFECT,
    groups: Mapping[str, Sequence[str]] = GROUPS,
    regimes: Sequence[str] = ("clusters", "features", "generalists"),
    levels: Sequence[str] = tuple(LABELS),
    noise: float = 0.02,
    fades: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Long scores; ``fades``: with all labels no method gains anything."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for group, tables in groups.items():
        for table in tables:
            hardness = rng.uniform(0.6, 1.2)
            for regime in regimes:
                for level in levels:
                    share = 0.0 if fades and level == "all" else 1.0
                    where = {"table": table, "group": group, "regime": regime, "labels": LABELS[level]}
                    where["all_labels"] = level == "all"
                    common = rng.normal(0, 0.1, SPLITS)
                    for method, gain in effect.items():
                        own = share * gain + rng.normal(0, noise, SPLITS)
                        for metric, values in (("nll", hardness + common - own), ("accuracy", 0.7 + (own - common) / 4)):
                            rows += [
                                {**where, "method": method, "kind": "student", "replicate": r, "metric": metric, "value": v}
                                for r, v in enumerate(values)
                            ]
    return pd.DataFrame(rows)


def table_sizes(groups: Mapping[str, Sequence[str]] = GROUPS) -> pd.DataFrame:
    """Every fifth row of a table is a test row."""
    names = [table for tables in groups.values() for table in tables]
    return pd.DataFrame({"table": names, "rows": 1000, "test": 200})
