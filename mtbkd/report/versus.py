"""Published numbers next to ours: both values, their difference and a verdict."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.data.published import tables as published
from mtbkd.evaluation.intervals import LEVEL, MIN_FOR_INTERVAL, SHARE, over_examples, quantile
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.report.numbers import UNKNOWN, Estimate, estimates, places, show

Verdict = Literal[
    "compatible",
    "differs (ours better)",
    "differs (ours worse)",
    "too noisy to tell",
    "fitted",
    "above the ceiling",
    "not stated",
    "not computed",
]
COMPATIBLE: Verdict = "compatible"
BETTER: Verdict = "differs (ours better)"
WORSE: Verdict = "differs (ours worse)"
NOISY: Verdict = "too noisy to tell"
FITTED: Verdict = "fitted"  # a search chose our settings by this number
ABOVE_CEILING: Verdict = "above the ceiling"
NOT_STATED: Verdict = "not stated"  # a setting that the paper does not print, or that differs
NOT_RUN: Verdict = "not computed"  # nothing of ours to set beside it
COUNTED = (COMPATIBLE, BETTER, WORSE, NOISY)  # the other verdicts say nothing about whether a number reproduces
MARGIN = 0.03  # an accuracy whose half-width exceeds this is too noisy to tell
COLUMNS = (
    "experiment", "table", "row", "column", "method", "published", "half_unit", "ours", "low", "high", "difference", "verdict",
    "why",
)  # fmt: skip


@dataclass(frozen=True)
class Versus:
    """One published number next to ours.

    Attributes:
        method: ours, or "" where we ran none for the printed ``column``.
        metric, domain: what it measures, in our names; "" if we have no such number.
        printed: value and half a unit of its last digit.
        ours: our estimate.
        verdict, why: the verdict on the difference, with its reason.
        test_size: number of test examples in the paper, by our reading of its split; NaN if unknown.
        half: half-width of the 95 % prediction interval for one run about our mean; NaN if unknown.
    """

    method: str
    metric: str
    domain: str
    printed: published.Number
    ours: Estimate
    verdict: Verdict
    why: str
    test_size: float = math.nan
    half: float = math.nan

    @property
    def difference(self) -> float:
        """Ours minus printed."""
        return self.ours.mean - self.printed.value


def obstacles(source: published.Source, experiment: Mapping[str, Any]) -> list[str]:
    """Reasons why numbers of ``source`` are not comparable with an experiment (``asdict`` of its plan); [] if they are."""
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
    """Rows of tables/published.csv, see COLUMNS: every published number next to our mean with its 95 % interval."""
    rows = []
    for v in versus:
        names = (experiment, table, v.printed.quantity, v.printed.column, v.method)
        numbers = (v.printed.value, v.printed.half_unit, v.ours.mean, v.ours.low, v.ours.high, v.difference)
        rows.append(dict(zip(COLUMNS, (*names, *numbers, v.verdict, v.why), strict=True)))
    return rows


class Replicates(NamedTuple):
    """Mean and standard deviation over our ``n`` replicates, of ``examples`` test examples each (NaN: as many as printed)."""

    mean: float
    sd: float
    n: int
    examples: float

    @classmethod
    def of(cls, values: Iterable[float], examples: float = math.nan) -> Self:
        kept = np.array([value for value in values if math.isfinite(value)], dtype=np.float64)
        if not len(kept):
            return cls(math.nan, math.nan, 0, examples)
        return cls(float(kept.mean()), float(kept.std(ddof=1)) if len(kept) > 1 else math.nan, len(kept), examples)


def half_width(ours: Replicates, printed: published.Number, metric: str, test_size: float = math.nan) -> float:
    """Half-width of the 95 % prediction interval for one published run about our mean, rounding included.

    t_{n-1} sqrt(s^2 (1 + 1/n) + q (1 - q) (1/n_pub - 1/n_ours)_+) + h; the second variance for accuracies only.

    Args:
        ours: mean and standard deviation s over n replicates, n_ours test examples each.
        printed: q, rounded by h.
        metric: what is printed.
        test_size: n_pub, the paper's test examples.
    """
    fewer = max(1 / test_size - 1 / ours.examples, 0.0) if math.isfinite(test_size) and math.isfinite(ours.examples) else 0.0
    sampling = printed.value * (1 - printed.value) * fewer if metric.startswith("accuracy") else 0.0
    spread = math.sqrt(ours.sd**2 * (1 + 1 / ours.n) + sampling)
    return quantile(ours.n, (1 + LEVEL) / 2) * spread + printed.half_unit


def judge(
    printed: published.Number,
    ours: Replicates,
    metric: str,
    test_size: float = math.nan,
    ceiling: float | None = None,
    fitted: bool = False,
) -> tuple[Verdict, str]:
    """The verdict on one number.

    Args:
        printed: the published number.
        ours, metric, test_size: as for ``half_width``.
        ceiling: what the best possible classifier reaches on one test set of the paper's size, at the upper end of its 95 %
            interval; None where it is not known or the number is no accuracy.
        fitted: our settings were chosen by this number.
    """
    on = f" on {test_size:,.0f} test examples (the paper's test set, by our reading)" if math.isfinite(test_size) else ""
    if ceiling is not None and printed.value - printed.half_unit > ceiling:
        return ABOVE_CEILING, f"no classifier exceeds {ceiling:.3f}{on}, except by chance"
    if not ours.n:
        return NOT_RUN, "not computed by us"
    if fitted:
        return FITTED, "a search tuned the settings to match this number"
    if ours.n < MIN_FOR_INTERVAL:
        return NOISY, f"we have fewer than {MIN_FOR_INTERVAL} replicates"
    half, difference = half_width(ours, printed, metric, test_size), ours.mean - printed.value
    within = f"\N{PLUS-MINUS SIGN}{half:.3f} of our mean, the 95 % prediction interval of one run{on}"
    if abs(difference) > half:
        return BETTER if _better(ours.mean, printed.value, metric) else WORSE, f"outside {within}"
    if metric.startswith("accuracy") and half > MARGIN:
        return NOISY, f"inside {within}, but the half-width exceeds {MARGIN:g}"
    return COMPATIBLE, f"inside {within}"


def _better(ours: float, printed: float, metric: str) -> bool:
    """Whether ours is better; a coverage is better the closer it is to its level."""
    name, _, level = metric.partition("@")
    if name == "coverage":
        return abs(ours - float(level)) < abs(printed - float(level))
    return (ours > printed) == HIGHER_IS_BETTER[metric]


def paper_sizes(metrics: Frame, stated: float | None) -> dict[str, float]:
    """Domain -> test examples of the paper: ``stated`` of them in all, shared out among the domains as ours are."""
    rows = metrics[(metrics["metric"] == "accuracy") & (metrics["split"] == "test")]
    ours = rows.groupby("domain", sort=False)["n"].mean()
    return {str(domain): math.nan if stated is None else stated * n / ours["all"] for domain, n in ours.items()}


def ceilings(metrics: Frame, label_is_domain: bool = False, sizes: Mapping[str, float] | None = None) -> dict[str, float]:
    """Domain -> the Bayes accuracy on one test set of the paper's size, at the upper end of its interval.

    Where the label is the domain (``label_is_domain``: Simulation 2 with label_rule component) a domain has no ceiling below 1:
    whoever always answers its class is right on all of it. Only the whole test split has one then. ``sizes``: domain -> test
    examples, ours where they are not known.
    """
    rows = metrics[(metrics["kind"] == "ceiling") & (metrics["metric"] == "accuracy") & (metrics["split"] == "test")]
    rows = rows[rows["domain"] == "all"] if label_is_domain else rows
    found = {}
    for domain, own in rows.groupby("domain", sort=False):
        best, size = float(own["value"].mean()), (sizes or {}).get(str(domain), math.nan)
        size = size if math.isfinite(size) else float(own["n"].mean())
        found[str(domain)] = over_examples(best, math.sqrt(best * (1 - best) / size), round(size), SHARE).high
    return found


def side_by_side(
    experiment: Mapping[str, Any], metrics: Frame, domain_names: Sequence[str], fitted: Collection[str] = ()
) -> list[Versus]:
    """Every number of the experiment's published table; [] where it names none.

    ``fitted``: printed columns by which a search chose settings.
    """
    if not experiment["published"]:
        return []
    why = "; ".join(obstacles(published.source(experiment["published"]), experiment))
    teachers = [teacher["name"] for teacher in experiment["teachers"]]
    label_is_domain = experiment["data"]["settings"].get("label_rule") == "component"
    ours, sizes = estimates(metrics), paper_sizes(metrics, experiment["data"]["settings"].get("n_test"))
    limits, runs = ceilings(metrics, label_is_domain, sizes), _replicates(metrics)
    found = []
    for printed in published.numbers(experiment["published"]):
        metric, domain = published.metric_of(printed.quantity, domain_names) or ("", "")
        for method in published.method_of(printed.column, teachers, experiment["columns"]) or [""]:
            asked = as_printed(metric, {name for own, name, _ in runs if own == method})
            estimate, size = ours.get((method, asked, domain), UNKNOWN), sizes.get(domain, math.nan)
            run = runs.get((method, asked, domain), Replicates.of(()))
            limit = limits.get(domain) if metric == "accuracy" else None
            verdict = (NOT_STATED, why) if why else judge(printed, run, asked, size, limit, printed.column in fitted)
            if verdict[0] == NOT_RUN and not method:
                verdict = NOT_RUN, "this experiment has no method of that kind"
            if not why and asked != metric:
                of_mean = show(ours[method, metric, domain].mean)
                verdict = (
                    verdict[0],
                    f"{verdict[1]}; from the draws' mode, as published; the posterior mean gives {of_mean}",
                )
            half = half_width(run, printed, asked, size) if run.n >= MIN_FOR_INTERVAL else math.nan
            found.append(Versus(method, asked, domain, printed, estimate, *verdict, size, half))
    return found


def as_printed(metric: str, known: Collection[str]) -> str:
    """What stands beside a printed ``metric``: of a method with draws, which has other ``known`` scores, that of their mode."""
    mode = published.OF_MODE.get(metric, metric)
    return mode if mode in known else metric


def _replicates(metrics: Frame) -> dict[tuple[str, str, str], Replicates]:
    """(method, metric, domain) -> our runs on the test split."""
    rows = metrics[metrics["split"] == "test"]
    values, examples = (rows[name].to_numpy(np.float64) for name in ("value", "n"))
    return {key: Replicates.of(values[at], float(np.nanmean(examples[at]))) for key, at in places(rows)}
