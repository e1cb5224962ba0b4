"""Sampling error of test examples shared by all replicates: real data, where replicates differ only in seeds.

An example's score is averaged over replicates first, since they share it; the standard error is over examples then. Shapes: N
examples, M evaluated ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mtbkd.base.lazy import pd
from mtbkd.evaluation.metrics import mean_score
from mtbkd.evaluation.scoring import Examples, Scored, contributions

PAIRED = ("accuracy", "accuracy_kde_mode", "nll", "brier")  # what the report sets method against method by


@dataclass
class SharedExamples:
    """Scores by example of every method; ``sums`` holds (method, metric) -> (N,) over replicates, NaN where not scored."""

    examples: Examples
    sums: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    replicates: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)  # method -> student, teacher or ceiling
    known: dict[tuple[str, ...], float] = field(default_factory=dict)  # errors of scores

    def add(self, method: str, kind: str, scored: Scored, levels: Sequence[float] = ()) -> None:
        """Take in one replicate of a method; ``levels`` are those of the coverage metrics."""
        self.kinds[method] = kind
        self.replicates[method] = self.replicates.get(method, 0) + 1
        for metric, each in contributions(scored, levels).items():
            whole = np.full(len(self.examples.row), np.nan)
            whole[scored.examples.row] = each
            self.sums[method, metric] = self.sums.get((method, metric), 0.0) + whole

    def sums_frame(self) -> "pd.DataFrame":
        """What was taken in, for ``join``: method, kind, replicates, row, and a column a metric."""
        at = self.examples.evaluated()
        nothing = pd.DataFrame(columns=["method", "kind", "replicates", "row"])
        parts = [
            pd.DataFrame({"method": m, "kind": kind, "replicates": self.replicates[m], "row": at}
                         | {metric: each[at] for (own, metric), each in self.sums.items() if own == m})
            for m, kind in self.kinds.items()
        ]  # fmt: skip
        return pd.concat(parts, ignore_index=True) if parts else nothing

    def join(self, frame: "pd.DataFrame") -> None:
        """Add what another part has taken in, a frame of ``sums_frame``."""
        groups: Any = frame.groupby(["method", "kind", "replicates"], sort=False)
        for (method, kind, replicates), own in groups:
            self.kinds[method] = kind
            self.replicates[method] = self.replicates.get(method, 0) + int(replicates)
            for metric in own.columns.drop(["method", "kind", "replicates", "row"]):
                if own[metric].notna().any():
                    whole = np.full(len(self.examples.row), np.nan)
                    whole[own["row"]] = own[metric]
                    self.sums[method, metric] = self.sums.get((method, metric), 0.0) + whole

    def mean(self, method: str, metric: str) -> np.ndarray:
        """(N,) averaged over replicates; NaN where the method has no such score."""
        found = self.sums.get((method, metric))
        return np.full(len(self.examples.row), np.nan) if found is None else found / self.replicates[method]

    def se(self, scores: np.ndarray, split: str, domain: str) -> float:
        """Standard error over the examples of a split and domain whose score (N,) is known."""
        (mask,) = (inside for name, part, inside in self.examples.groups if (name, part) == (split, domain))
        return mean_score(scores[mask & np.isfinite(scores)]).se

    def se_of_score(self, method: str, metric: str, split: str, domain: str) -> float:
        """Of a method's score."""
        key = (method, metric, split, domain)
        if key not in self.known:
            self.known[key] = self.se(self.mean(method, metric), split, domain)
        return self.known[key]

    def se_of_difference(self, row: Mapping[str, Any]) -> float:
        """Of a method and its reference, from a row with both, metric, split and domain."""
        scores = self.mean(row["method"], row["metric"]) - self.mean(row["reference"], row["metric"])
        return self.se(scores, row["split"], row["domain"])

    def frame(self) -> "pd.DataFrame":
        """One row per method and evaluated example."""
        at = self.examples.evaluated()
        domain = "" if self.examples.domain is None else self.examples.domain[at]
        place = {"row": at, "id": self.examples.id[at], "split": self.examples.split[at], "domain": domain}
        parts = [
            pd.DataFrame({"method": m, "kind": kind, **place} | {metric: self.mean(m, metric)[at] for metric in PAIRED})
            for m, kind in self.kinds.items()
        ]
        return pd.concat(parts, ignore_index=True)
