"""Published numbers beside ours: what was printed, what we found, their difference and what it allows to say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtbkd.evaluation.intervals import SHARE, over_examples
from mtbkd.frames import Frame
from mtbkd.published import tables as published
from mtbkd.report.numbers import UNKNOWN, Estimate, estimates

Verdict = Literal[
    "agrees",
    "differs",
    "published above the Bayes ceiling",
    "cannot be compared: not stated",
    "cannot be compared: not computed",
]
ABOVE_CEILING: Verdict = "published above the Bayes ceiling"
NOT_STATED: Verdict = "cannot be compared: not stated"  # a setting that the paper does not print, or that differs
NOT_RUN: Verdict = "cannot be compared: not computed"  # nothing of ours to set beside it
COLUMNS = (
    "experiment", "table", "row", "column", "method", "published", "half_unit", "ours", "low", "high", "difference", "verdict",
    "why",
)  # fmt: skip


@dataclass(frozen=True)
class Versus:
    """One printed number beside ours.

    Attributes:
        method: ours, or "" where we ran none for the printed ``column``.
        metric, domain: what it measures in our words, "" where we have no such number.
        printed: value and half a unit of its last digit.
        ours: our estimate.
        verdict, why: what the difference says.
    """

    method: str
    metric: str
    domain: str
    printed: published.Number
    ours: Estimate
    verdict: Verdict
    why: str

    @property
    def difference(self) -> float:
        """Ours minus printed."""
        return self.ours.mean - self.printed.value


def obstacles(source: published.Source, experiment: Mapping[str, Any]) -> list[str]:
    """Why numbers of ``source`` cannot be compared with those of an experiment (``asdict`` of its plan); [] if they can."""
    data, methods = experiment["data"], experiment["methods"]
    if source.dataset_kind != data["kind"]:
        return [f"{data['kind']} data here, {source.dataset_kind or 'other data'} there"]
    reasons = []
    sizes = [value for name, value in data["settings"].items() if name in ("n_train", "n_val", "n_test")]
    if source.examples is not None and sum(sizes) != source.examples:
        reasons.append(f"{sum(sizes):,} examples here, {source.examples:,} there")
    pairs = [(name, data["settings"].get(name), value) for name, value in source.dataset_settings.items()]
    for method in list(methods.values())[:1]:
        student = {"architecture": method["student"]["architecture"], **method["student"]["settings"]}
        pairs += [(f"student's {name}", student.get(name), value) for name, value in source.student.items()]
    return reasons + [f"{name} is {_short(here)} here, {_short(there)} there" for name, here, there in pairs if here != there]


def _short(value: Any) -> str:
    """A setting in words: of a mapping its keys."""
    return " + ".join(value) if isinstance(value, Mapping) else str(value)


def long_rows(experiment: str, table: str, versus: Sequence[Versus]) -> list[dict[str, Any]]:
    """Rows of tables/published.csv, see COLUMNS: every printed number, beside our mean with its 95 % interval."""
    rows = []
    for v in versus:
        names = (experiment, table, v.printed.quantity, v.printed.column, v.method)
        numbers = (v.printed.value, v.printed.half_unit, v.ours.mean, v.ours.low, v.ours.high, v.difference)
        rows.append(dict(zip(COLUMNS, (*names, *numbers, v.verdict, v.why), strict=True)))
    return rows


def judge(printed: published.Number, ours: Estimate, ceiling: float | None) -> tuple[Verdict, str]:
    """The verdict on one number.

    Args:
        printed: the published number.
        ours: our estimate of the same.
        ceiling: what the best possible classifier reaches on one test set, at the upper end of its 95 % interval; None where
            it is not known or the number is no accuracy.
    """
    if not ours.known:
        return NOT_RUN, "we have no such number"
    if ceiling is not None and printed.value - printed.half_unit > ceiling:
        return ABOVE_CEILING, f"no classifier reaches more than {ceiling:.3f} on such a test set, but for luck"
    if not math.isfinite(ours.low):
        return NOT_RUN, "ours has no interval"
    if ours.low - printed.half_unit <= printed.value <= ours.high + printed.half_unit:
        return "agrees", "inside our interval, allowing for its rounding"
    return "differs", "outside our interval, allowing for its rounding"


def ceilings(metrics: Frame, label_is_domain: bool = False) -> dict[str, float]:
    """Domain -> the Bayes accuracy of one test set, at the upper end of its interval.

    Where the label is the domain (``label_is_domain``: Simulation 2 with label_rule component) a domain has no ceiling below 1:
    whoever always answers its class is right on all of it. Only the whole test split has one then.
    """
    rows = metrics[(metrics["kind"] == "ceiling") & (metrics["metric"] == "accuracy") & (metrics["split"] == "test")]
    rows = rows[rows["domain"] == "all"] if label_is_domain else rows
    return {
        str(domain): over_examples(float(own["value"].mean()), float(own["se"].mean()), int(own["n"].mean()), SHARE).high
        for domain, own in rows.groupby("domain", sort=False)
    }


def side_by_side(experiment: Mapping[str, Any], metrics: Frame, domain_names: Sequence[str]) -> list[Versus]:
    """Every number of the experiment's published table; [] where it names none."""
    if not experiment["published"]:
        return []
    why = "; ".join(obstacles(published.source(experiment["published"]), experiment))
    teachers = [teacher["name"] for teacher in experiment["teachers"]]
    label_is_domain = experiment["data"]["settings"].get("label_rule") == "component"
    ours, limits = estimates(metrics), ceilings(metrics, label_is_domain)
    found = []
    for printed in published.numbers(experiment["published"]):
        metric, domain = published.metric_of(printed.quantity, domain_names) or ("", "")
        for method in published.method_of(printed.column, teachers, experiment["columns"]) or [""]:
            estimate = ours.get((method, metric, domain), UNKNOWN)
            if why:
                verdict = NOT_STATED, why
            elif method:
                verdict = judge(printed, estimate, limits.get(domain) if metric == "accuracy" else None)
            else:
                verdict = NOT_RUN, "no method of this experiment is of that kind"
            found.append(Versus(method, metric, domain, printed, estimate, *verdict))
    return found
