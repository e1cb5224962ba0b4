"""What the page's filter offers: the methods of a study with their signals and inferences, metrics, experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mtbkd.report.evidence import Evidence
from mtbkd.report.glossary import METRICS
from mtbkd.report.titles import INFERENCES, SIGNALS, Student, of_metrics


class Choice(NamedTuple):
    """A value of the filter, and what a reader reads; ``data``: what else is known of a method."""

    value: str
    title: str
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Group:
    """Choices of one kind; ``kind`` is what rows and columns call it."""

    kind: str
    title: str
    choices: Sequence[Choice]


def groups(evidence: Sequence[Evidence], asked: Sequence[Student] = ()) -> list[Group]:
    """All kinds among which there is something to choose; [] where no table would change.

    ``asked``: students that only questions have.
    """
    students: list[dict[Any, Any]] = []
    titles: dict[str, str] = {}
    for each in evidence:
        own = each.metrics[each.metrics["kind"] == "student"].drop_duplicates("method")
        students += own.to_dict("records")
        titles |= of_metrics(each.metrics)
    students += [each._asdict() for each in asked if each.method not in titles]
    titles = {each.method: each.title for each in asked} | titles
    signals, inferences = (dict.fromkeys(str(row[name]) for row in students if row[name]) for name in ("signal", "inference"))
    kin = {row["method"]: (("signal", str(row["signal"])), ("inference", str(row["inference"]))) for row in students}
    known = set().union(*(each.metrics["metric"] for each in evidence))
    metrics = [Choice(name, label) for name, (label, *_) in METRICS.items() if name in known]
    metrics += [Choice("coverage_gap", "Coverage gap")] if any(name.startswith("coverage_gap") for name in known) else []
    found = [
        Group("signal", "Signal", [Choice(name, SIGNALS.get(name, name)) for name in signals]),
        Group("inference", "Inference", [Choice(name, _inference(name)) for name in inferences]),
        Group("method", "Method", [Choice(name, titles[name], data) for name, data in kin.items()]),
        Group("metric", "Metric", metrics),
        Group("experiment", "Experiment", [Choice(each.name, each.name) for each in evidence]),
    ]  # fmt: skip
    return [group for group in found if len(group.choices) > 1]


def _inference(name: str) -> str:
    return INFERENCES.get(name, name.replace("_", " ").upper())
