"""Parts of a large evaluation made of those of its first block: the same rows for every block, under its replicates' numbers.

What joins the parts, the figures and the report get the rows that they would get of fits of all blocks, in seconds.
"""

from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from mtbkd.base.blocks import block_range
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.parts import Parts, write_part
from mtbkd.evaluation.scored_part import score
from mtbkd.evaluation.tables import OF_PARTS
from mtbkd.evaluation.together import TABLES, relate
from mtbkd.study import shares
from mtbkd.study.plan import Plan

if TYPE_CHECKING:
    import pyarrow as pa
else:
    pa = lazy_import("pyarrow")
pc: Any = lazy_import("pyarrow.compute")


def copy(folder: Path, plan: Plan) -> dict[str, Any]:
    """Score the first block of the study's one experiment, and write the parts of all groups of blocks.

    Returns:
        what scoring it took: number of replicates of all methods, and seconds of a processor.
    """
    experiment, results = plan.experiments["made"], folder / "results"
    block, own = experiment.blocks[0], results / plan.study / "first"
    names = {"study": plan.study, "experiment": experiment.name, "dataset": experiment.data.name}
    data = {block: results / "shared" / "data" / experiment.data.key / block}
    logits = {t.name: {block: results / "shared" / "logits" / t.key / block} for t in experiment.teachers}
    draws = {m: {block: results / plan.study / "students" / "made" / m / f"{block}.nc"} for m in experiment.methods}
    started = process_time()
    score(names, data, False, logits, {}, plan.levels, experiment.replicates, own / shares.REFERENCES)
    for method in experiment.methods:
        score(names, data, False, None, {method: draws[method]}, plan.levels, experiment.replicates, own / method)
    first, scored = [str(own / part) for part in (shares.REFERENCES, *experiment.methods)], process_time()
    relate(names, first, first, draws, plan.levels, own / shares.TOGETHER)
    took = {"score_s": round(scored - started, 1), "relate_s": round(process_time() - scored, 1)}
    parts = results / plan.study / "evaluation" / "made" / "parts"
    tables = dict.fromkeys((shares.REFERENCES, *experiment.methods), OF_PARTS) | {shares.TOGETHER: TABLES}
    for part, names_of in tables.items():  # what needs several methods last: Snakemake looks at times
        rows = {name: next(Parts([own / part]).tables(name)) for name in names_of}
        for group in shares.groups(experiment):
            write_part({name: _repeated(table, block, group) for name, table in rows.items()}, parts / part / group)
    return {"replicates": len(block_range(block)), "methods": len(experiment.methods), **took}


def _repeated(table: "pa.Table", block: str, group: str) -> "pa.Table":
    """The rows of ``block`` for every block of ``group``, as far as its replicates go; those of replicate 0 alone once."""
    wanted, size = block_range(group), len(block_range(block))
    if "replicate" not in table.column_names or not len(table):
        return table
    at, found = table.column_names.index("replicate"), []
    once = pc.count_distinct(table["replicate"]).as_py() == 1 < size
    for start in wanted[:1] if once else wanted[::size]:
        moved = table.set_column(at, "replicate", pc.add(table["replicate"], start))
        found.append(moved.filter(pc.is_in(moved["replicate"], pa.array(wanted, moved["replicate"].type))))
    return pa.concat_tables(found)
