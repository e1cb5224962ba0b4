"""Generated scores of students on many tables, with effects that are known."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import Claim
from mtbkd.questions.tables.strength_gains import strength_gains
from mtbkd.questions.tables.uncertainty import uncertainty
from mtbkd.questions.tables.verdicts import statistics

GROUPS = {
    "A": ("Glass", "Zoo", "Sonar"),
    "B": ("DNA", "Vowel", "Vehicle", "Shuttle", "Satellite", "LetterRecognition", "digits", "HouseVotes84", "Ionosphere"),
}
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
) -> Frame:
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


def table_sizes(groups: Mapping[str, Sequence[str]] = GROUPS) -> Frame:
    """Every fifth row of a table is a test row."""
    names = [table for tables in groups.values() for table in tables]
    group = [group for group, tables in groups.items() for _ in tables]
    return pd.DataFrame({"table": names, "group": group, "rows": 1000, "features": 8, "classes": 3, "test": 200})


def table_posteriors(gain: float = 0.1, teachers: float = 0.2, noise: float = 0.005, seed: int = 1) -> Frame:
    """Posteriors and MAPs of two students; ``gain`` over the MAP and of ``teachers``, in nats; all draws passed."""
    rng, rows = np.random.default_rng(seed), []
    for (table, group), method, replicate in product(
        (("Vehicle", "A"), ("wine", "B")), ("labels", "kd_mean"), range(SPLITS)
    ):  # fmt: skip
        where = {"table": table, "group": group, "regime": "clusters", "labels": 60, "method": method, "replicate": replicate}
        for inference, nll in (("map", 1.0), ("hmc_laplace", 1.0 - gain)):
            value = nll - teachers * (method == "kd_mean") + rng.normal(0, noise)
            metrics = {"nll": value, "accuracy": 1 - value / 4, "ece": value / 8, "aurc": value / 4, "coverage": 0.95}
            rows += [
                {**where, "inference": inference, "metric": metric, "value": v, "passed": True, "failed": ""}
                for metric, v in metrics.items()
            ]
    return pd.DataFrame(rows)


def table_strengths(gain: float = 0.1, noise: float = 0.005, seed: int = 2) -> Frame:
    """Ways to choose kappa at 20 labels; ``gain`` of the evidence over cross-validation in nats."""
    rng, rows = np.random.default_rng(seed), []
    gains = {"validation": -gain, "cross_validation": 0.0, "evidence": gain, "evidence_average": gain}
    for (table, group), way, replicate in product((("Vehicle", "A"), ("wine", "B")), gains, range(SPLITS)):
        nll = 1 - gains[way] + rng.normal(0, noise)
        where = {"table": table, "group": group, "regime": "clusters", "labels": 20, "way": way, "replicate": replicate}
        where |= {"kappa": 10.0 ** rng.integers(-1, 2), "log_evidence_se": 0.1}
        rows += [{**where, "metric": metric, "value": v} for metric, v in (("nll", nll), ("accuracy", 1 - nll / 4))]
    return pd.DataFrame(rows)


def table_tables(scores: Frame, groups: Mapping[str, Sequence[str]] = GROUPS) -> dict[str, Frame]:
    """All tables of the question, around ``scores``: half of the choices of tip lie at the edge of kappa."""
    place = ["table", "group", "regime", "labels", "all_labels", "method", "replicate"]
    tuning = scores.loc[scores["metric"] == "nll", place].reset_index(drop=True)
    heard = ~tuning["method"].isin(["labels"])
    even = tuning["replicate"] % 2 == 0
    tips = tuning["method"].str.startswith("tip")
    tuning = tuning.assign(
        kappa=np.where(heard, np.where(even, 10.0, 1.0), np.nan),
        teacher_temperature=np.where(heard, 0.5, np.nan),
        prior_scale=1.0,
        responsibility_sharpness=np.where(tips, 0.2, np.nan),
        at_edge=np.where(tips & even, "kappa", ""),
        falling=np.where(tips & even, "kappa", ""),
    )
    for name in ("lambda", "no_teacher"):
        tuning[name] = np.nan
    posteriors, strengths = table_posteriors(), table_strengths()
    where = scores[["table", "group", "regime", "replicate"]].drop_duplicates()
    taught = [where.assign(teacher="one", rows=r, accuracy=v, n=50) for r, v in (("all", 0.7), ("own", 0.9), ("other", 0.6))]
    return {
        "scores": scores, "sizes": table_sizes(groups), "tuning": tuning, "teachers": pd.concat(taught),
        "posteriors": posteriors, "uncertainty": uncertainty(posteriors, {"Vehicle": 0.3, "wine": 0.3}),
        "strengths": strengths, "strength_gains": strength_gains(strengths, {"Vehicle": 0.3, "wine": 0.3}),
        **statistics(scores, table_sizes(groups), groups),
    }  # fmt: skip
