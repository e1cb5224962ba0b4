"""All tables of one experiment: students, teachers and the ceiling on the same examples, by replicate.

    metrics      tidy, one row per score; kind is student, teacher or ceiling
    gates        one row per verdict of the fit and of the evaluation (calibration)
    tuning       one row per candidate
    examples     one row per evaluated example of replicate 0
    curves       coverage and self-expected coverage by level
    example_scores  one row per method and evaluated example, its scores averaged over replicates; only where these share them
    coverage_size  the same at the requested levels, from random subsets of the test examples
    reliability  bins of equal mass
    comparisons  every method against the reference
    agreement    every algorithm against an exact sampler of the same posterior, where there is one
    loo          PSIS leave-one-out of the observed labels, with stacking weights
    chain_weights  one row per chain of the methods whose chains are stacked
    predictive_checks  class frequencies of the test labels against replicated ones

Columns: ``tables.COLUMNS``. A diverged chain is left out; a replicate that lost all its chains keeps its rows of
metrics, with NaN. Teachers and data that all replicates share have rows of replicate 0 only. Shapes: R replicates, C
chains, S draws, M examples, G teachers, K classes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.progress import steps
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation import scoring
from mtbkd.evaluation.calibration import judge_calibration
from mtbkd.evaluation.compare import compare
from mtbkd.evaluation.criticism import Criticised
from mtbkd.evaluation.routing import routed
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.shared import SharedExamples
from mtbkd.evaluation.tables import Tables
from mtbkd.inference.convergence import not_applicable
from mtbkd.inference.sharpness import COLUMN
from mtbkd.pooling import unseen

# Thousands of fresh test examples a replicate and dozens of methods: one replicate is what figures need and memory bears.
EXAMPLE_REPLICATES = 1
ERRORS_OF_PROB = ("mse_prob", "mae_prob")  # 0 by definition for the true probabilities
Folders = Mapping[str, str | Path]


def evaluate_experiment(
    study: str,
    experiment: str,
    dataset_name: str,
    data_folders: Folders,
    logits_folders: Mapping[str, Folders],
    draws_files: Mapping[str, Folders],
    levels: Sequence[float],
    out: str | Path,
    reference: str | None = None,
) -> None:
    """Evaluate all methods of one experiment and write the tables into ``out``, each completely or not at all.

    Args:
        study, experiment, dataset_name: as in config.yaml.
        data_folders: block -> folder of ``artefacts.Dataset``; real data have the one block r0-0.
        logits_folders: teacher -> block -> folder of ``artefacts.Logits``, the same blocks as the data.
        draws_files: method -> block -> file of ``draws.Draws``; read one at a time.
        levels: credible levels of the coverage metrics.
        out: folder.
        reference: the method that the others are compared with; by default a MAP fit of labels alone, or else the first.

    Raises:
        ContractError: a file breaks its contract, or two files do not belong together.
    """
    tables = Tables({"study": study, "experiment": experiment, "dataset": dataset_name})
    replicates: dict[int, Examples] = {}
    shared: SharedExamples | None = None
    resampled = False
    for block, folder in data_folders.items():
        dataset = Dataset.read(folder)
        resampled = bool(dataset.card.get("resampled"))
        teachers = [Logits.read(_of_block(folders, block, name), dataset) for name, folders in logits_folders.items()]
        for index in range(dataset.num_replicates):
            number = _first_replicate(block) + index
            replicates[number] = Examples.of(dataset, index)
            if len(data_folders) == dataset.num_replicates == 1:
                shared = SharedExamples(replicates[number])
            _add_references(tables, replicates[number], teachers, index, number, shared)
    criticised = Criticised()
    each = steps(list(draws_files.items()), "methods evaluated")
    attrs = {m: _add_method(tables, m, files, replicates, levels, criticised, shared) for m, files in each}
    criticised.add_to(tables, attrs, levels)
    plain = (m for m, each in attrs.items() if (each.get("signal"), each.get("inference")) == ("none", "map"))
    reference = reference or next(plain, next(iter(attrs), ""))
    se_examples = shared.se_of_difference if shared else None
    compared = compare(tables.frame("metrics"), reference, shared is not None, se_examples, resampled)
    tables.add("comparisons", compared.to_dict("records"))
    if shared:
        shared.complete(tables.rows["metrics"])
        tables.add_frame("example_scores", shared.frame())
    tables.write(out)


def teacher_probs(teachers: Sequence[Logits], examples: Examples, index: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each teacher, ``teachers:best`` (most accurate on labels that may choose) and ``teachers:mean`` (mean of probabilities).

    Args:
        teachers: G teachers.
        examples: all N examples of the replicate.
        index: its position in the logits, unless they are shared by all replicates.

    Returns:
        name -> (rows (m,) of the evaluated examples whose whole split is covered, prob (N, K) at temperature 1).
        ``best`` is chosen among the teachers that cover the split whose labels may choose (``teachers.unseen``), the validation
        split unless one of them saw it; ``mean`` has the splits that all cover.
    """
    if not teachers:
        return {}
    stacked = stack_logits(list(teachers)).astype(np.float64)
    logits = stacked[min(index, len(stacked) - 1)]
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    prob /= prob.sum(-1, keepdims=True)
    covers = np.ones((len(teachers), len(examples.row)), bool)
    for split in set(examples.split.tolist()):
        inside = examples.split == split
        covers[:, inside] = [[teacher.covered[inside].all()] for teacher in teachers]
    split = unseen.judging_split({teacher.teacher: teacher.card for teacher in teachers})
    evaluated, judging = examples.evaluated(), np.flatnonzero((examples.split == split) & (examples.y >= 0))
    rows = [evaluated[each[evaluated]] for each in covers]
    found = {teacher.teacher: (rows[g], prob[:, g]) for g, teacher in enumerate(teachers)}
    if covers[:, judging].any():
        accuracy = (prob[judging].argmax(-1) == examples.y[judging][:, None]).mean(0)
        best = int(np.where(covers[:, judging[0]], accuracy, -1.0).argmax())
        found["teachers:best"] = (rows[best], prob[:, best])
    found["teachers:mean"] = (evaluated[covers.all(0)[evaluated]], prob.mean(1))
    return found


def _first_replicate(block: str) -> int:
    """8 for ``r8-15``."""
    found = re.fullmatch(r"r(\d+)-(\d+)", block)
    if not found:
        raise ContractError("data", "block", f"'{block}'", "r<first>-<last>, as in r0-7")
    return int(found[1])


def _of_block(folders: Folders, block: str, teacher: str) -> str | Path:
    if block not in folders:
        raise ContractError(f"teacher {teacher}", "blocks", ", ".join(folders), f"{block}, as the data have")
    return folders[block]


def _add_references(
    tables: Tables, examples: Examples, teachers: Sequence[Logits], index: int, replicate: int, shared: SharedExamples | None
) -> None:
    """Rows of the teachers and of the ceiling (the true probabilities)."""
    single = teacher_probs(teachers, examples, index)
    probs = {(name, "teacher"): found for name, found in (single | routed(teachers, examples, single)).items()}
    if examples.true_prob is not None:
        probs["bayes", "ceiling"] = (examples.evaluated(), examples.true_prob)
    for (method, kind), (rows, prob) in probs.items():
        if not len(rows):
            continue
        scored = scoring.score(prob[None, rows], examples.take(rows))
        if shared:
            shared.add(method, kind, scored)
        found = [row for row in scoring.metric_rows(scored) if kind != "ceiling" or row["metric"] not in ERRORS_OF_PROB]
        common = {"method": method, "signal": "", "weights": "", "inference": "", "replicate": replicate, "kind": kind}
        tables.add("metrics", found, **common)
        tables.add("reliability", scoring.reliability_rows(scored), **common)


def _add_method(
    tables: Tables, method: str, files: Folders, replicates: Mapping[int, Examples], levels: Sequence[float],
    criticised: Criticised, shared: SharedExamples | None,
) -> dict[str, Any]:  # fmt: skip
    """Rows of one method; returns the attributes of its draws."""
    attrs: dict[str, Any] = {}
    gaps: dict[int, np.ndarray | None] = {}
    for path in files.values():
        draws = Draws.read(path)
        attrs = draws.attrs
        names = {"method": method, **{name: attrs.get(name) or "" for name in ("signal", "weights", "inference")}}
        for index, number in enumerate(map(int, draws.replicates)):
            examples = _examples_of(draws, number, replicates, path)
            gaps[number] = _add_replicate(tables, names, draws, index, examples, levels, shared)
            criticised.take(method, number, draws, index, examples)
        tables.add("tuning", _with_sharpness(draws), method=method)
        tables.add("chain_weights", draws.stacking, method=method, inference=names["inference"])
        tables.add_gates(draws.gates, method=method, inference=names["inference"])
    for number, found in gaps.items():
        if found is None:
            row = not_applicable("calibration", "point", number)
        else:
            gap, se, shared_sd = found
            row = judge_calibration(gap, se, shared_sd, number, looks=len(gaps))
        tables.add_gates([row], method=method, inference=attrs.get("inference") or "")
    return attrs


def _with_sharpness(draws: Draws) -> list[dict[str, Any]]:
    """The rows of tuning, the chosen ones with the sharpness of the responsibilities where the fit has a mixture."""
    found = dict(zip(draws.replicates.tolist(), draws.attrs.get(COLUMN, ()), strict=False))
    return [row | {COLUMN: found.get(row["replicate"]) if row["chosen"] else None} for row in draws.tuning]


def _examples_of(draws: Draws, number: int, replicates: Mapping[int, Examples], path: str | Path) -> Examples:
    """The examples that a replicate's draws predict; data of one replicate are shared by all."""
    if number not in replicates and len(replicates) > 1:
        raise ContractError(path, "replicates", number, f"one of the data's: {min(replicates)}..{max(replicates)}")
    examples = replicates.get(number) or next(iter(replicates.values()))
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
    tables.add("coverage_size", scoring.size_rows(scored, levels), **common)
    tables.add("reliability", scoring.reliability_rows(scored), **common, kind="student")
    if number < EXAMPLE_REPLICATES:
        tables.add_examples(scoring.example_columns(scored), method=names["method"], replicate=number)
    if not curves:
        return None
    whole = {row["level"]: row for row in curves if (row["split"], row["domain"]) == ("test", scoring.ALL)}
    gap = [[whole[level][name] for level in levels] for name in ("gap", "gap_se")]
    return np.array([*gap, scored.shared_sd["test"][np.isin(scored.levels, levels)]])
