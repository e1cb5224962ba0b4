"""Methods compared on many data sets (tables): on each over its random splits, then over the tables.

On one table: paired differences over splits with the corrected resampled t (``intervals.standard_error``), as its splits
share examples. Over tables each is one number, the mean over its splits: Wilcoxon with Holm's correction, Friedman's test
with Nemenyi's critical difference (Demsar 2006, JMLR 7) and the Bayesian signed-rank test (``evaluation.equivalence``).
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import Paired, judged, paired, resolution
from mtbkd.evaluation.equivalence import ROPE, Practical, signed_rank
from mtbkd.evaluation.intervals import overlap_of_splits
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, range_of_difference
from mtbkd.evaluation.verdict import ALPHA, verdict

TESTED = tuple(ROPE)
ALL = "all"
CELL = ["group", "regime", "level", "metric"]
_JUDGED = [*Paired._fields[:-1], "p_holm", "verdict", "note"]
COLUMNS = {
    "comparisons": ["table", *CELL, "family", "method", "reference", "higher_is_better", *_JUDGED],
    "overall": [
        *CELL, "family", "method", "reference", "higher_is_better", *_JUDGED, "median", "first_quartile", "third_quartile",
        "tables_better", "tables_worse", "rope", "prob_lower", "prob_equivalent", "prob_higher", "practical",
    ],
    "ranks": [*CELL, "method", "rank", "tables", "methods", "friedman_p", "critical_difference", "left_out"],
}  # fmt: skip
MIN_METHODS = 3  # for Friedman's test


class Claim(NamedTuple):
    """A comparison that was stated before the scores were seen; Holm's correction is over those of one ``family``."""

    family: str
    method: str
    reference: str


def with_level(scores: Frame) -> Frame:
    """``scores`` with the column level: the label count as text, ``all`` where all labels are used."""
    level = scores["labels"].astype(int).astype(str).where(~scores["all_labels"].astype(bool), ALL)
    return scores.assign(level=level)


def levels_of(frame: Frame) -> list[str]:
    """Its levels, few labels first, ``all`` last."""
    return sorted(frame["level"].unique(), key=lambda level: math.inf if level == ALL else int(level))


def overlaps(sizes: Frame) -> dict[str, float]:
    """Table -> ``intervals.overlap_of_splits``, from its columns table, rows and test."""
    found = sizes.groupby("table", sort=False)[["rows", "test"]].first()
    return {str(table): overlap_of_splits(float(row["test"]), float(row["rows"])) for table, row in found.iterrows()}


def comparisons(scores: Frame, claims: Sequence[Claim], overlap: Mapping[str, float]) -> Frame:
    """Every claim on every table, regime, level and tested metric, where both methods were scored.

    Args:
        scores: table, group, regime, labels, all_labels, method, kind, replicate, metric, value.
        claims: comparisons to make.
        overlap: table -> as for ``intervals.standard_error``.

    Returns:
        one row per comparison: COLUMNS["comparisons"].
    """
    students = with_level(scores[(scores["kind"] == "student") & scores["metric"].isin(TESTED)])
    rows = []
    for key, own in students.groupby(["table", *CELL], sort=False):
        values = own.pivot(index="replicate", columns="method", values="value")
        where = dict(zip(["table", *CELL], key, strict=True))
        within = range_of_difference(where["metric"])
        for known in _families(claims, values.columns):
            found = [
                paired((values[c.method] - values[c.reference]).to_numpy(), math.nan, within, overlap[where["table"]])
                for c in known
            ]
            rows += _rows(where, known, found)
    return pd.DataFrame(rows, columns=COLUMNS["comparisons"])


def _families(claims: Sequence[Claim], methods: Collection[str]) -> list[list[Claim]]:
    """The claims that speak of ``methods``, family by family, families without any left out."""
    known = [claim for claim in claims if {claim.method, claim.reference} <= set(methods)]
    return [[claim for claim in known if claim.family == family] for family in dict.fromkeys(claim.family for claim in known)]


def _rows(where: Mapping[str, Any], claims: Sequence[Claim], found: Sequence[Paired]) -> list[dict[str, Any]]:
    higher = HIGHER_IS_BETTER[where["metric"]]
    rows = []
    for claim, row in zip(claims, judged(found, higher), strict=True):
        row["note"] = "; ".join(filter(None, [row["note"], resolution(row["n"], len(claims))]))
        rows.append({**where, **claim._asdict(), "higher_is_better": higher, **row})
    return rows


def overall(per_table: Frame) -> Frame:
    """Every claim over the tables of its group, each table's mean difference one number, from ``comparisons``.

    Returns:
        one row per claim and cell: COLUMNS["overall"]. n counts tables; low and high are Student's interval over tables, with
        no correction, as tables share nothing; practical is ``better``, ``worse``, ``equivalent`` or ``open``.
    """
    rows = []
    for key, own in per_table.groupby(CELL, sort=False):
        where = dict(zip(CELL, key, strict=True))
        known = [Claim(*each) for each in own[["family", "method", "reference"]].drop_duplicates().itertuples(index=False)]
        for claims in _families(known, set(own["method"]) | set(own["reference"])):
            each = [_of(own, claim) for claim in claims]
            within = range_of_difference(where["metric"])
            found = [paired(tables["difference"].to_numpy(), within=within) for tables in each]
            rows += [{**row, **_beside(row, of)} for row, of in zip(_rows(where, claims, found), each, strict=True)]
    return pd.DataFrame(rows, columns=COLUMNS["overall"])


def _of(rows: Frame, claim: Claim) -> Frame:
    return rows[(rows["family"] == claim.family) & (rows["method"] == claim.method) & (rows["reference"] == claim.reference)]


def _beside(row: Mapping[str, Any], tables: Frame) -> dict[str, Any]:
    """Quartiles over tables, how many tables decide, and the test of practical equivalence."""
    differences, rope = tables["difference"].dropna().to_numpy(), ROPE[row["metric"]]
    counted = tables["verdict"].value_counts()
    found = {f"tables_{word}": int(counted.get(word, 0)) for word in ("better", "worse")} | {"rope": rope}
    if not len(differences):
        return found | {"practical": "open"}
    practical = signed_rank(differences, rope)
    quartiles = dict(
        zip(("first_quartile", "median", "third_quartile"), np.quantile(differences, (0.25, 0.5, 0.75)), strict=True)
    )
    return found | quartiles | _probabilities(practical, row["higher_is_better"])


def _probabilities(practical: Practical, higher_is_better: bool) -> dict[str, Any]:
    decision = practical.decision
    said = "equivalent" if decision == "equivalent" else verdict(decision, higher_is_better)
    return {**{f"prob_{name}": prob for name, prob in practical._asdict().items()}, "practical": said}


def ranks(scores: Frame) -> Frame:
    """Mean rank of every student over the tables of a cell, 1 the best, with Friedman's test and the critical difference.

    A method that lacks a table that others have is left out and named, as ranks need the same tables for all.

    Returns:
        one row per method and cell: COLUMNS["ranks"]; friedman_p and critical_difference are NaN below 3 methods or 2 tables.
    """
    students = with_level(scores[(scores["kind"] == "student") & scores["metric"].isin(TESTED)])
    rows = []
    for key, own in students.groupby(CELL, sort=False):
        where = dict(zip(CELL, key, strict=True))
        means = own.pivot_table(index="table", columns="method", values="value", sort=False)
        complete = means.dropna(axis=1)
        placed = complete.rank(axis=1, ascending=not HIGHER_IS_BETTER[where["metric"]])
        told = {"tables": len(complete), "methods": complete.shape[1], "friedman_p": friedman(complete.to_numpy())}
        told["critical_difference"] = critical_difference(*complete.shape)
        told["left_out"] = ", ".join(means.columns.difference(complete.columns))
        rows += [{**where, "method": method, "rank": float(placed[method].mean()), **told} for method in complete]
    return pd.DataFrame(rows, columns=COLUMNS["ranks"])


def friedman(values: np.ndarray) -> float:
    """p-value of Friedman's test on values (tables, methods); NaN below 3 methods or 2 tables."""
    from scipy.stats import friedmanchisquare

    tables, methods = values.shape
    return float(friedmanchisquare(*values.T).pvalue) if methods >= MIN_METHODS and tables > 1 else math.nan


def critical_difference(tables: int, methods: int) -> float:
    """Nemenyi's: mean ranks of two methods differ at level ``ALPHA`` where they are further apart; NaN as for ``friedman``."""
    from scipy.stats import studentized_range

    if methods < MIN_METHODS or tables < 2:
        return math.nan
    q = float(studentized_range.ppf(1 - ALPHA, methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * tables))
