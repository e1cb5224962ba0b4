"""The rows of one method over some blocks of replicates; its draws are read one block at a time.

A diverged chain is left out; a replicate that lost all its chains keeps its rows of metrics, with NaN. Shapes: R replicates, C
chains, S draws, M examples, K classes, A levels.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.blocks import block_range
from mtbkd.base.errors import ContractError
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation import scoring
from mtbkd.evaluation.agreement import Aim
from mtbkd.evaluation.calibration import judge_calibration
from mtbkd.evaluation.criticism import criticise
from mtbkd.evaluation.references import Data, Folders
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.sets import set_rows
from mtbkd.evaluation.shared import SharedExamples
from mtbkd.evaluation.tables import Tables
from mtbkd.inference.convergence import not_applicable
from mtbkd.inference.sharpness import COLUMN

# Thousands of fresh test examples a replicate and dozens of methods: one replicate is what figures need and memory bears.
EXAMPLE_REPLICATES = 1


def replicates_of(blocks: Iterable[str]) -> int:
    """How many replicates ``blocks`` hold, all of whose calibration is judged together."""
    return sum(len(block_range(block)) for block in blocks)


def add_method(
    tables: Tables, method: str, files: Folders, data: Data, levels: Sequence[float], looks: int
) -> None:  # fmt: skip
    """Add the rows of a method to ``tables``.

    Args:
        tables: of one part.
        method: its name.
        files: block -> file of ``draws.Draws``.
        data: of the same blocks.
        levels: credible levels of the coverage metrics.
        looks: number of replicates of the method in all its blocks.

    Raises:
        ContractError: a file breaks its contract, or does not belong to the data.
    """
    gaps: dict[int, np.ndarray | None] = {}
    shared, inference = data.summed(), ""
    for path in files.values():
        draws = Draws.read(path)
        inference = draws.attrs.get("inference") or ""
        names = {"method": method, **{name: draws.attrs.get(name) or "" for name in ("signal", "weights", "inference")}}
        for index, number in enumerate(map(int, draws.replicates)):
            whole = _whole(number, data.replicates, path)
            examples = _examples_of(draws, whole, path)
            gaps[number] = _add_replicate(tables, names, draws, index, examples, levels, shared, whole)
            criticise(tables, names, number, draws, index, examples)
            tables.add("aims", [Aim.of(draws, index)._asdict()], **names, replicate=number)
        tables.add("tuning", _with_sharpness(draws), method=method)
        tables.add("chain_weights", draws.stacking, method=method, inference=inference)
        tables.add_gates(draws.gates, method=method, inference=inference)
    for number, found in gaps.items():
        if found is None:
            row = not_applicable("calibration", "point", number)
        else:
            gap, se, shared_sd = found
            row = judge_calibration(gap, se, shared_sd, number, looks)
        tables.add_gates([row], method=method, inference=inference)
    tables.add_sums(shared)


def _with_sharpness(draws: Draws) -> list[dict[str, Any]]:
    """The rows of tuning, the chosen ones with the sharpness of the responsibilities where the fit has a mixture."""
    found = dict(zip(draws.replicates.tolist(), draws.attrs.get(COLUMN, ()), strict=False))
    return [row | {COLUMN: found.get(row["replicate"]) if row["chosen"] else None} for row in draws.tuning]


def _whole(number: int, replicates: Mapping[int, Examples], path: str | Path) -> Examples:
    """All examples of a replicate; data of one replicate are shared by all."""
    if number not in replicates and len(replicates) > 1:
        raise ContractError(path, "replicates", number, f"one of the data's: {min(replicates)}..{max(replicates)}")
    return replicates.get(number) or next(iter(replicates.values()))


def _examples_of(draws: Draws, examples: Examples, path: str | Path) -> Examples:
    """The examples that a replicate's draws predict."""
    foreign = int((~np.isin(draws.example_index, examples.evaluated())).sum())
    if foreign:
        raise ContractError(path, "example_index", f"{foreign} rows outside test and ood", "rows of those splits",
                            "the draws belong to other data: fit again")  # fmt: skip
    return examples.take(draws.example_index)


def _add_replicate(
    tables: Tables,
    names: Mapping[str, str],
    draws: Draws,
    index: int,
    examples: Examples,
    levels: Sequence[float],
    shared: SharedExamples | None,
    whole: Examples,
) -> np.ndarray | None:
    """Rows of one replicate; returns gap, se and shared_sd (3, A) of the test split, None for a point estimate."""
    number, kept = int(draws.replicates[index]), ~draws.diverged[index]
    chains, count, m, k = draws.prob.shape[1:]
    common = {**names, "replicate": number}
    if not kept.any():
        stand_in = scoring.score(np.broadcast_to(np.float32(1 / k), (chains * count, m, k)), examples, levels)
        rows = [{**row, "value": np.nan, "se": np.nan} for row in scoring.metric_rows(stand_in, levels)]
        tables.add("metrics", rows, **common, kind="student")
        return np.full((3, len(levels)), np.nan) if chains * count > 1 else None
    scored = scoring.score(draws.prob[index][kept].reshape(-1, m, k), examples, levels)
    if shared:
        shared.add(names["method"], "student", scored, levels)
    curves = scoring.curve_rows(scored)
    tables.add("metrics", scoring.metric_rows(scored, levels), **common, kind="student")
    tables.add("curves", curves, **common)
    tables.add("sets", set_rows(scored, whole, draws, index, levels), **common)
    tables.add("coverage_size", scoring.size_rows(scored, levels), **common)
    tables.add("reliability", scoring.reliability_rows(scored), **common, kind="student")
    if number < EXAMPLE_REPLICATES:
        tables.add_examples(scoring.example_columns(scored), method=names["method"], replicate=number)
    if not curves:
        return None
    by_level = {row["level"]: row for row in curves if (row["split"], row["domain"]) == ("test", scoring.ALL)}
    gap = [[by_level[level][name] for level in levels] for name in ("gap", "gap_se")]
    return np.array([*gap, scored.shared_sd["test"][np.isin(scored.levels, levels)]])
