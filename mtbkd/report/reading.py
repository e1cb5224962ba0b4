"""What a report reads of a study's experiments: tables of the evaluation, verdicts of gates, printed numbers beside ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd.base.frames import Frame, read_table
from mtbkd.report import cards, stacking
from mtbkd.report import questions as question_sections
from mtbkd.report.evidence import Evidence
from mtbkd.report.judgement import is_posterior, judgements, unclaimed
from mtbkd.report.versus import Versus, side_by_side

Plan = Mapping[str, Any]
KEPT = ("gates", "comparisons", "agreement", "loo", "chain_weights", "sets")  # summary tables too, over all experiments
TABLES = ("metrics", "tuning", "example_scores", "predictive_checks", *KEPT)


@dataclass(frozen=True)
class Read:
    """What was read of a study's experiments, each by name.

    Attributes:
        folders: those of the evaluation.
        tables: those in them, of metrics the rows that are shown.
        evidence: the same with the verdicts of gates.
        cards: the first card of the data.
        versus: the printed numbers beside ours.
    """

    folders: Mapping[str, str]
    tables: Mapping[str, Mapping[str, Frame]]
    evidence: Mapping[str, Evidence]
    cards: Mapping[str, Mapping[str, Any]]
    versus: Mapping[str, Sequence[Versus]]


def read_study(
    plan: Plan,
    evaluation: Mapping[str, str],
    data_cards: Mapping[str, Sequence[str]],
    asked: Sequence[question_sections.Part],
) -> Read:
    """Read the experiments of ``plan``; arguments as of ``build_report``; ``asked``: the questions' parts."""
    tables = {
        name: {table: read_one(evaluation[name], table, shown(planned) if table == "metrics" else None) for table in TABLES}
        for name, planned in plan["experiments"].items()
    }
    evidence = {name: _evidence(plan, name, read) for name, read in tables.items()}
    told_of = {name: cards.first_cards({"data": files})["data"] for name, files in data_cards.items()}
    versus = {name: _versus(plan["experiments"][name], evidence[name], told_of[name], asked) for name in tables}
    return Read(evaluation, tables, evidence, told_of, versus)


def read_one(folder: str, table: str, where: Any = None) -> Frame:
    """One table of an evaluation, of it the rows ``where``."""
    return read_table(Path(folder) / f"{table}.parquet", "a table of the evaluation", "evaluate", where=where)


def shown(planned: Mapping[str, Any]) -> Any:
    """Which rows of metrics are held in memory: of single domains students' accuracy, and what a published table compares."""
    few = [[("domain", "==", "all")], [("metric", "==", "accuracy")], [("kind", "!=", "student")]]
    return None if planned["published"] else few


def by_method(folder: str, methods: Iterable[str]) -> Iterator[Frame]:
    """The rows of metrics of one method after another."""
    yield from (read_one(folder, "metrics", [("method", "==", method)]) for method in methods)


def _evidence(plan: Plan, name: str, tables: Mapping[str, Frame]) -> Evidence:
    """With what is said of methods beside their numbers."""
    planned, gates = plan["experiments"][name], tables["gates"]
    given = (tables["metrics"], tables["comparisons"], judgements(gates), is_posterior(gates))
    read = tables["agreement"], tables["example_scores"], unclaimed(gates)
    said = stacking.said(tables["chain_weights"])
    beside = {"stacked": said, "notes": planned["notes"], "as_printed": frozenset(planned["as_printed"])}
    return Evidence(name, *given, *read, tuning=tables["tuning"], methods=planned["methods"], **beside)


def _versus(
    planned: Mapping[str, Any], evidence: Evidence, card: Mapping[str, Any], asked: Sequence[question_sections.Part]
) -> list[Versus]:
    fitted = {*question_sections.fitted(asked, planned["published"]), *planned["fitted"]}
    return side_by_side(planned, evidence.metrics, card.get("domain_names") or [], fitted)
