"""Two runs of one study, read from their folders, and the page that shows which scores moved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.reading import AGAIN, read_json
from mtbkd.base.writing import atomic
from mtbkd.evaluation.two_runs import MOVED, Moved, moved
from mtbkd.report import page, titles
from mtbkd.report.numbers import NONE, count, show, show_interval
from mtbkd.report.table import Cell, Column, Row, Table, number, text

TABLE = "metrics.parquet"
HINT = "results/<study> of a finished run"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, manifest and experiment -> scores."""

    folder: Path
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Frame]

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """ContractError names what is missing or damaged."""
        if not folder.is_dir():
            raise ContractError(folder, "results", "no folder", "a folder of results", HINT)
        manifest = read_json(folder / "manifest.json")
        if not isinstance(manifest, dict) or not isinstance(manifest.get("plan"), dict):
            raise ContractError(folder / "manifest.json", "content", "no plan of a study", "what the report job writes", AGAIN)
        paths = sorted((folder / "evaluation").glob(f"*/{TABLE}"))
        if not paths:
            raise ContractError(folder, "results", "no evaluation", f"evaluation/<experiment>/{TABLE}", HINT)
        whole = [("domain", "==", "all")]
        tables = {path.parent.name: read_table(path, "a table of the evaluation", "evaluate", where=whole) for path in paths}
        return cls(folder, manifest, tables)

    def draws_of(self, experiment: str) -> tuple[Any, ...] | None:
        """What data and seeds of an experiment follow from; None where the manifest does not say."""
        plan = self.manifest["plan"]
        data = plan.get("experiments", {}).get(experiment, {}).get("data", {})
        return (plan["seed"], data["key"]) if "seed" in plan and "key" in data else None


@dataclass(frozen=True)
class Comparison:
    """All scores of both runs; ``remarks``: what only one of them has, and what cannot be compared."""

    first: Run
    second: Run
    scores: Sequence[Moved]
    remarks: Sequence[str]

    @property
    def beyond_noise(self) -> list[Moved]:
        return [each for each in self.scores if each.way in MOVED]


def compare(first: Path, second: Path) -> Comparison:
    """Compare two folders results/<study>; ContractError where they have no experiment in common."""
    runs = Run.read(first), Run.read(second)
    shared = [name for name in runs[0].metrics if name in runs[1].metrics]
    if not shared:
        raise ContractError(second, "experiments", ", ".join(runs[1].metrics), f"one of {', '.join(runs[0].metrics)}", HINT)
    paired = {name: runs[0].draws_of(name) == runs[1].draws_of(name) is not None for name in shared}
    scores = moved(runs[0].metrics, runs[1].metrics, paired)
    return Comparison(*runs, scores, _remarks(runs, paired))


def _remarks(runs: tuple[Run, Run], paired: Mapping[str, bool]) -> list[str]:
    studies = [str(run.manifest.get("study")) for run in runs]
    said = [f"the studies differ: {' and '.join(studies)}"] if studies[0] != studies[1] else []
    for own, other in (runs, runs[::-1]):
        said += [f"only in {own.folder}: experiment {name}" for name in own.metrics if name not in other.metrics]
        for name in paired:
            known = set(other.metrics[name]["method"])
            said += [f"only in {own.folder}: {name}, {m}" for m in own.metrics[name]["method"].unique() if m not in known]
    return said + [f"{name}: other data or seeds, compared as two samples" for name, each in paired.items() if not each]


def summary(found: Comparison) -> str:
    """One sentence: how many scores were compared, and how many moved."""
    ways = Counter(each.way for each in found.scores)
    rest = [f"{ways[way]} {way}" for way in ("within noise", "the same", "too few replicates") if ways[way]]
    head = f"{count(len(found.scores), 'score')} compared: {len(found.beyond_noise)} moved beyond noise"
    return "; ".join([head, *([", ".join(rest)] if rest else [])])


def write_page(found: Comparison, path: Path) -> None:
    """Write the comparison as one HTML file, whole or not at all."""
    html = page.render({"c": found, "said": summary(found), "tables": _tables(found)}, "two_runs.html.j2")
    with atomic(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _tables(found: Comparison) -> list[Table]:
    """One an experiment, what moved first."""
    head = [Column("Method"), Column("Score"), Column("First run", True), Column("Second run", True),
            Column("Difference", True, "second minus first, with its 95 % interval"),
            Column("p", True, "corrected over all scores (Holm)"), Column("Verdict")]  # fmt: skip
    tables = []
    for name in dict.fromkeys(each.experiment for each in found.scores):
        named = titles.of_metrics(found.first.metrics[name])
        own = sorted((each for each in found.scores if each.experiment == name), key=lambda each: each.way not in MOVED)
        rows = [Row([text(named.get(s.method, s.method)), text(s.metric), number(s.first), number(s.second), _difference(s),
                     number(s.p_holm), _verdict(s)]) for s in own]  # fmt: skip
        tables.append(Table(f"moved-{name}", name, head, rows))
    return tables


def _difference(score: Moved) -> Cell:
    change = score.change
    return Cell(show(change.difference, signed=True), show_interval(change.low, change.high, True), change.difference)


def _verdict(score: Moved) -> Cell:
    words = {True: "better", False: "worse", None: score.way}
    mark = {True: "good", False: "bad", None: "warn" if score.way in MOVED else "none"}
    how = "paired" if score.paired else "two samples"
    return Cell(
        words[score.better] or NONE, f"{how}, n = {' and '.join(map(str, dict.fromkeys(score.n)))}", None, mark[score.better]
    )
