"""One experiment's tables as the report uses them: students, the reference, and paired comparisons with verdicts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.evaluation.calibration import sized
from mtbkd.evaluation.compare import Paired, holm, paired
from mtbkd.evaluation.intervals import NORMAL
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER, mean_score, range_of_difference
from mtbkd.evaluation.shared import PAIRED
from mtbkd.evaluation.verdict import Verdict, Way, judge, verdict, why_open
from mtbkd.report.grids import unlike
from mtbkd.report.judgement import NOT_JUDGED, Judgement
from mtbkd.report.numbers import MINUS, show, show_interval

if TYPE_CHECKING:
    import pandas as pd

SCORE = "nll"


class Pair(NamedTuple):
    """``method`` minus ``against``, of one metric; ``p_holm`` is corrected over the pairs of its question."""

    method: str
    against: str
    metric: str
    found: Paired
    p_holm: float

    @property
    def over_examples(self) -> str:
        """``[-0.02, -0.01]``, the interval over the test examples that all replicates share; "" if they do not."""
        half = NORMAL * self.found.se_examples
        return show_interval(self.found.difference - half, self.found.difference + half, signed=True)

    @property
    def why_open(self) -> str:
        """Why no difference can be claimed; "" if one can."""
        own = self.found
        return why_open(own.difference, own.low, own.high, self.p_holm, own.se_examples)

    @property
    def way(self) -> Way:
        """Whether we can claim that the method's value is lower or higher."""
        own = self.found
        return judge(own.difference, own.low, own.high, self.p_holm, own.se_examples)

    @property
    def verdict(self) -> Verdict:
        """Whether we can claim that the method is better or worse than the other."""
        return verdict(self.way, HIGHER_IS_BETTER[self.metric])

    @property
    def numbers(self) -> str:
        """``-0.0100 [-0.0130, -0.0070], n = 10, p = 0.012, d = -1.4, detects 0.005``; unknown parts are omitted."""
        p = f"p = {self.p_holm:.2g}" if math.isfinite(self.p_holm) else "too few replicates for a test"
        d = f"d = {show(self.found.cohen_d, signed=True)}" if math.isfinite(self.found.cohen_d) else ""
        examples = f"over test examples {self.over_examples}" if self.over_examples else ""
        detects = f"detects {show(self.found.detectable)}" if math.isfinite(self.found.detectable) else ""
        return ", ".join(filter(None, (signed(self.found), f"n = {self.found.n}", p, d, detects, examples)))


def corrected(found: Sequence[tuple[str, str, str, Paired]]) -> list[Pair]:
    """(method, against, metric, comparison) each -> pairs, corrected together (Holm)."""
    adjusted = holm(np.array([each.p_value for *_, each in found]))
    return [Pair(*each, float(p)) for each, p in zip(found, adjusted, strict=True)]


def difference(
    own: "pd.Series", base: "pd.Series", metric: str, se_examples: float = math.nan, overlap: float = 0.0
) -> Paired:  # fmt: skip
    """Paired difference of two series over replicates; a base of one value (real data) is used for every replicate."""
    known = base.dropna()
    differences = np.asarray(own.dropna() - (base if len(known) > 1 else known.iloc[0]), dtype=np.float64)
    return paired(differences, se_examples, range_of_difference(metric), overlap)


def signed(found: Paired) -> str:
    """``-0.0012 [-0.0020, -0.0004]``: a difference with its interval; small ones get one more decimal."""
    decimals = 4 if abs(found.difference) < 0.01 else 3
    shown = [round(value, decimals) + 0.0 for value in (found.difference, found.low, found.high)]
    numbers = [(f"{value:+.{decimals}f}" if value else f"{value:.{decimals}f}").replace("-", MINUS) for value in shown]
    known = math.isfinite(found.low) and math.isfinite(found.high)
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]" if known else numbers[0]


@dataclass(frozen=True)
class Evidence:
    """One experiment's tables and the verdicts of its gates.

    ``unclaimed``: methods with draws that claim no posterior; ``methods``: method -> content of its fit's specification.
    ``stacked``: method -> its chain weights, if ``stack_chains`` is set. ``notes``: method -> notes of the configuration.
    ``as_printed``: methods that repeat a paper's procedure, whose posteriors are counted apart.
    """

    name: str
    metrics: Frame
    comparisons: Frame
    judged: Mapping[str, Judgement]
    posterior: Mapping[str, bool]
    agreement: Frame | None = None
    example_scores: Frame | None = None
    unclaimed: frozenset[str] = frozenset()
    tuning: Frame | None = None
    methods: Mapping[str, Any] = field(default_factory=dict)
    stacked: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    as_printed: frozenset[str] = frozenset()

    def judgement(self, method: str) -> Judgement:
        return self.judged.get(method, NOT_JUDGED)

    @cached_property
    def unlike(self) -> Callable[[str, str], str]:
        """Of two methods: settings that they did not tune on the same candidates; "" if none."""
        return cache(partial(unlike, self.methods))

    def gap_size(self, method: str) -> str:
        """``mean |coverage gap| 0.0042 (small)``, over levels and replicates, on the whole test split; "" if unknown."""
        size = self._gap_sizes.get(method, math.nan)
        return f"mean |coverage gap| {sized(size)}" if math.isfinite(size) else ""

    @cached_property
    def _gap_sizes(self) -> dict[str, float]:
        m = self.metrics
        rows = m[m["metric"].str.startswith("coverage_gap@") & (m["split"] == "test") & (m["domain"] == "all")]
        return {str(method): float(size) for method, size in rows["value"].abs().groupby(rows["method"]).mean().items()}

    def why_failed(self, method: str) -> str:
        """``rhat (2 of 8), calibration (1 of 8, mean |coverage gap| 0.0042 (small))``."""
        return self.judgement(method).told({"calibration": self.gap_size(method)})

    def whole(self, metric: str, kind: str) -> Frame:
        """Rows of ``metric`` on the whole test split."""
        m = self.metrics
        return m[(m["metric"] == metric) & (m["kind"] == kind) & (m["split"] == "test") & (m["domain"] == "all")]

    @cached_property
    def students(self) -> list[str]:
        return list(dict.fromkeys(self.whole(SCORE, "student")["method"]))

    @cached_property
    def sound(self) -> list[str]:
        """Students whose draws failed no gate."""
        return [method for method in self.students if not self.judgement(method).failed_of_draws]

    def kin(self, method: str) -> dict[str, str]:
        """What the page's filter knows a student by: its id, signal and inference; {} for a teacher or the ceiling."""
        return dict(self._kin.get(method, {}))

    @cached_property
    def _kin(self) -> dict[str, dict[str, str]]:
        students = self.metrics[self.metrics["kind"] == "student"].drop_duplicates("method")
        named = [name for name in ("method", "signal", "inference") if name in students]
        return {str(row["method"]): {name: str(row[name]) for name in named} for row in students[named].to_dict("records")}

    def called(self, method: str) -> str:
        """The method's name, with a remark if its chains are stacked."""
        return f"{method} (stacked chains)" if method in self.stacked else method

    @property
    def reference(self) -> str:
        """The method that all others are compared with; "" if there is only one method."""
        return str(self.comparisons["reference"].iloc[0]) if len(self.comparisons) else ""

    @cached_property
    def overlap(self) -> float:
        """``mtbkd.evaluation.compare.overlap_of`` the data."""
        return float(self.comparisons["overlap"].iloc[0]) if len(self.comparisons) else 0.0

    @cached_property
    def reference_words(self) -> str:
        rows = self.metrics[self.metrics["method"] == self.reference]
        labels_only = len(rows) > 0 and rows["signal"].iloc[0] == "none"
        return f"{self.reference} (labels only)" if labels_only else self.reference

    @cached_property
    def distilled(self) -> list[str]:
        """Students that use teachers."""
        rows = self.metrics[self.metrics["kind"] == "student"]
        signals = dict(zip(rows["method"], rows["signal"], strict=True))
        return [method for method in self.students if signals[method] != "none"]

    @cached_property
    def _wide(self) -> "dict[str, pd.DataFrame]":
        m = self.metrics
        rows = m[(m["split"] == "test") & (m["domain"] == "all")].drop_duplicates(["metric", "replicate", "method"])
        return {
            str(metric): own.pivot(index="replicate", columns="method", values="value")
            for metric, own in rows.groupby("metric")
        }

    def scores(self, metric: str) -> dict[str, "pd.Series"]:
        """Student, teacher or ``bayes`` -> its values over replicates on the whole test split."""
        columns: Any = self._wide[metric].dropna(axis=1, how="all").items() if metric in self._wide else ()
        return {str(name): column for name, column in columns}

    def compared(self, method: str, metric: str = SCORE) -> Pair | None:
        """The paired comparison of ``method`` with the reference on the whole test split."""
        c = self.comparisons
        rows = c[(c["method"] == method) & (c["metric"] == metric) & (c["split"] == "test") & (c["domain"] == "all")]
        if not len(rows):
            return None
        row = rows.iloc[0].to_dict()
        return Pair(method, self.reference, metric, Paired.of(row), row["p_holm"])

    def pairs(self, asked: Sequence[tuple[str, str]], metric: str) -> list[Pair]:
        """The requested (method, against) pairs that both have the metric, corrected together (Holm)."""
        scores = self.scores(metric)
        having = [(a, b) for a, b in asked if a in scores and b in scores]
        found = []
        for a, b in having:
            se = self.se_examples(a, b, metric)
            found.append((a, b, metric, difference(scores[a], scores[b], metric, se, self.overlap)))
        return corrected(found)

    def se_examples(self, method: str, against: str, metric: str, of_against: str = "") -> float:
        """Standard error of a paired difference over the test examples that all replicates share; NaN where they do not.

        ``of_against``: the metric of ``against``, if different.
        """
        scores = self._by_example
        if (metric, method) not in scores or (of_against or metric, against) not in scores:
            return math.nan
        return mean_score((scores[metric, method] - scores[of_against or metric, against]).dropna().to_numpy()).se

    @cached_property
    def _by_example(self) -> Any:
        """Test examples by (metric, method)."""
        rows = self.example_scores
        if rows is None or not len(rows):
            return {}
        return rows[rows["split"] == "test"].pivot(index="row", columns="method", values=list(PAIRED))
