"""Run times and memory, from the benchmark files that Snakemake writes beside the results."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtbkd.base.reading import AGAIN, damage
from mtbkd.report.table import Cell, Column, Row, Table, text


@dataclass(frozen=True)
class Cost:
    """Cost of one kind of job over its blocks: wall and CPU seconds, peak memory in MB; NaN if not measured."""

    step: str
    name: str
    jobs: int
    wall: float
    cpu: float
    memory: float


def read_benchmark(path: Path) -> dict[str, float]:
    """The last row of a benchmark file; values that Snakemake could not measure are NaN."""
    with damage(path, "a benchmark of Snakemake", AGAIN) as file, file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return {name: _number(text) for name, text in rows[-1].items()} if rows else {}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except (TypeError, ValueError):  # a row that was cut, or is too long
        return float("nan")


def costs(files: Mapping[tuple[str, str], Sequence[str]]) -> list[Cost]:
    """(step, name) -> its benchmark files, one per block; missing files (not measured) are skipped."""
    found = []
    for (step, name), paths in files.items():
        measured = [read_benchmark(Path(path)) for path in paths if Path(path).is_file()]
        if measured:
            wall, cpu = (sum(m.get(key, float("nan")) for m in measured) for key in ("s", "cpu_time"))
            memory = max(m.get("max_rss", float("nan")) for m in measured)
            found.append(Cost(step, name, len(measured), wall, cpu, memory))
    return found


def duration(seconds: float) -> str:
    """``8 s``, ``2 min 24 s``, ``1 h 05 min``."""
    if not seconds >= 0:
        return "\N{EN DASH}"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def cost_table(found: Sequence[Cost]) -> Table:
    """One row per dataset, teacher, student and evaluation."""
    head = [Column("Step"), Column("Name"), Column("Jobs", True), Column("Wall time", True), Column("CPU time", True)]
    head.append(Column("Peak memory (MB)", True, "resident memory of the largest job"))
    rows = [
        Row([text(c.step), text(c.name), Cell(str(c.jobs), "", c.jobs), Cell(duration(c.wall), "", c.wall),
             Cell(duration(c.cpu), "", c.cpu), Cell(f"{c.memory:.0f}" if c.memory >= 0 else "\N{EN DASH}", "", c.memory)])
        for c in found
    ]  # fmt: skip
    return Table("costs", "Run time and memory by kind of job, summed over blocks", head, rows)
