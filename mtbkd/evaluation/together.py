"""What needs several methods at once, some blocks of replicates at a time: agreement with exact samplers, stacking weights."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation.agreement import Aim, Summary, agreement_rows, groups_of
from mtbkd.evaluation.criticism import MOST_BAD, NO_WEIGHT, stacking_weights
from mtbkd.evaluation.parts import Parts, write_part
from mtbkd.evaluation.references import Folders
from mtbkd.evaluation.scoring import ALL
from mtbkd.evaluation.tables import Tables

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import compute as pc
else:
    pa, pc = lazy_import("pyarrow"), lazy_import("pyarrow.compute")

TABLES = ("agreement", "loo")  # what the part has


def compare_methods(
    names: Mapping[str, str], parts: Parts, own: Parts, draws_files: Mapping[str, Folders], levels: Sequence[float]
) -> "dict[str, pa.Table]":  # fmt: skip
    """The tables agreement and loo of some blocks.

    Args:
        names: study, experiment, dataset.
        parts: of all methods and blocks: which posteriors are the same, and where leave-one-out fails, all replicates tell.
        own: those of the blocks.
        draws_files: method -> block -> file of ``draws.Draws``, of the blocks; read one block at a time.
        levels: credible levels of the coverage metrics.
    """
    tables = Tables(dict(names))
    if groups := _groups(parts):
        tables.add("agreement", _agreement(groups, own, draws_files, levels))
    tables.add("loo", list(_loo_rows(_bad(parts), own)))
    return tables.part(TABLES)


def relate(
    names: Mapping[str, str],
    parts: Sequence[str],
    own: Sequence[str],
    draws_files: Mapping[str, Folders],
    levels: Sequence[float],
    out: str | Path,
) -> None:
    """Write what needs several methods at once into ``out``, see ``compare_methods``; parts are folders."""
    write_part(compare_methods(names, Parts(parts), Parts(own), draws_files, levels), out)


def _groups(parts: Parts) -> list[list[str]]:
    aims: dict[str, dict[int, Aim]] = {}
    found = parts.frame("aims", ["method", "replicate", "target", "sampler"])
    for row in found.itertuples(index=False):
        aims.setdefault(row.method, {})[row.replicate] = Aim(row.target, row.sampler)
    return groups_of(aims)


def _agreement(
    groups: Sequence[Sequence[str]], own: Parts, draws_files: Mapping[str, Folders], levels: Sequence[float]
) -> list[dict[str, Any]]:
    """Rows by group, method and replicate."""
    place = {method: i for i, method in enumerate(method for group in groups for method in group)}
    scores, rows = _scores(own, levels), []
    for block in dict.fromkeys(block for files in draws_files.values() for block in files):
        summaries = {}
        for method in place:
            if block not in draws_files[method]:
                continue
            draws = Draws.read(draws_files[method][block])
            summaries[method] = {int(r): Summary.of(draws, index) for index, r in enumerate(draws.replicates)}
        rows += agreement_rows(summaries, scores, groups)
    return sorted(rows, key=lambda row: place[row["method"]])


def _scores(own: Parts, levels: Sequence[float]) -> dict[str, dict[tuple[str, int], float]]:
    """coverage at the level nearest to 0.9, and nll -> (method, replicate) -> score on the test labels."""
    level = f"coverage@{min(levels, key=lambda each: abs(each - 0.9)):g}"
    wanted = {level: "coverage", "nll": "nll"}
    found = own.frame("metrics", ["method", "replicate", "metric", "value"], where=(
        (pc.field("kind") == "student") & (pc.field("split") == "test") & (pc.field("domain") == ALL)
        & pc.field("metric").isin([*wanted])
    ))  # fmt: skip
    scores: dict[str, dict[tuple[str, int], float]] = {name: {} for name in wanted.values()}
    for row in found.itertuples(index=False):
        scores[wanted[row.metric]][row.method, row.replicate] = row.value
    return scores


def _bad(parts: Parts) -> set[str]:
    """Methods whose k-hats are bad in some replicate: they are in no stack, so that all stacks are of the same."""
    found = parts.frame("loo", ["method", "khat_bad"])
    return set(found["method"][found["khat_bad"].astype(float) > MOST_BAD])


def _loo_rows(bad: set[str], own: Parts) -> Iterator[dict[str, Any]]:
    """Rows by replicate and method with their stacking weights, then those without leave-one-out."""
    elpd: dict[int, dict[str, np.ndarray]] = {}
    for table in own.tables("pointwise"):
        for row in table.to_pylist():
            elpd.setdefault(row["replicate"], {})[row["method"]] = np.array(row["elpd"])
    weights = {r: stacking_weights({m: e for m, e in found.items() if m not in bad}) for r, found in elpd.items()}
    rows = own.frame("loo")
    known = rows[rows["note"] == ""]
    by_replicate = dict.fromkeys(known["replicate"])
    order = {replicate: i for i, replicate in enumerate(by_replicate)}
    for row in _records(known.sort_values("replicate", key=lambda each: each.map(order), kind="stable")):
        out = row["method"] in bad
        weight = math.nan if out else weights[row["replicate"]].get(row["method"], 1.0)
        yield {**row, "stacking_weight": weight, "note": NO_WEIGHT if out else ""}
    yield from _records(rows[rows["note"] != ""])


def _records(rows: Frame) -> list[dict[str, Any]]:
    return rows.to_dict("records")
