"""All tables of one experiment: students, teachers and the ceiling on the same examples, by replicate.

    metrics      tidy, one row per score; kind is student, teacher or ceiling
    gates        one row per verdict of the fit and of the evaluation (calibration)
    tuning       one row per candidate
    examples     one row per evaluated example of replicate 0
    curves       coverage and self-expected coverage by level
    example_scores  one row per method and evaluated example, its scores averaged over replicates; only where these share them
    coverage_size  the same at the requested levels, from random subsets of the test examples
    reliability  bins of equal mass
    sets         prediction sets: credible and conformal ones, their coverage and size
    comparisons  every method against the reference
    agreement    every algorithm against an exact sampler of the same posterior, where there is one
    loo          PSIS leave-one-out of the observed labels, with stacking weights
    chain_weights  one row per chain of the methods whose chains are stacked
    predictive_checks  class frequencies of the test labels against replicated ones

Columns: ``tables.COLUMNS``. An experiment is evaluated in parts (``parts``): its references and every method, each over some
blocks of replicates (``scored_part``); what needs several methods at once (``together``); all tables (``join``). Small
experiments do all of it in one job (``evaluate_experiment``).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mtbkd.base.frames import write_table
from mtbkd.base.lazy import lazy_import
from mtbkd.base.progress import steps
from mtbkd.evaluation import together
from mtbkd.evaluation.compare import compare
from mtbkd.evaluation.metrics import HIGHER_IS_BETTER
from mtbkd.evaluation.one_method import add_method, replicates_of
from mtbkd.evaluation.parts import Parts
from mtbkd.evaluation.references import Data, Folders, add_references
from mtbkd.evaluation.shared import SharedExamples
from mtbkd.evaluation.tables import COLUMNS, Tables

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import compute as pc
else:
    pa, pc = lazy_import("pyarrow"), lazy_import("pyarrow.compute")

_COMPARED = ("kind", "split", "domain", "metric", "method", "replicate", "value")


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
    names = {"study": study, "experiment": experiment, "dataset": dataset_name}
    tables = Tables(names)
    data = add_references(tables, data_folders, logits_folders)
    found = [tables.part()]
    for method, files in steps(list(draws_files.items()), "methods evaluated"):
        tables = Tables(names)
        add_method(tables, method, files, data, levels, replicates_of(files))
        found.append(tables.part())
    parts = Parts(found)
    related = Parts([together.compare_methods(names, parts, parts, draws_files, levels)])
    _join(names, parts, related, data, Path(out), reference)


def join(
    names: Mapping[str, str], data_folders: Folders, alone: bool, parts: Sequence[str], related: Sequence[str], out: str | Path
) -> None:  # fmt: skip
    """Write all tables into ``out`` from folders of parts.

    Args:
        names: study, experiment, dataset.
        data_folders, alone: as for ``scored_part.score``, of the first block.
        parts: in the order of the rows: the references, then method by method.
        related: what ``together.relate`` wrote, in the order of the replicates.
        out: folder.
    """
    _join(names, Parts(parts), Parts(related), Data.read(data_folders, alone), Path(out))


def _join(
    names: Mapping[str, str], parts: Parts, related: Parts, data: Data, out: Path, reference: str | None = None
) -> None:  # fmt: skip
    """All tables, each completely or not at all; a few parts of the long ones are in memory at a time."""
    tables, shared = Tables(dict(names)), data.summed()
    if shared:
        for table in parts.tables("example_sums"):
            shared.join(table.to_pandas())
        tables.add_frame("example_scores", shared.frame())
    scores = parts.frame("metrics", _COMPARED, (pc.field("kind") == "student") & pc.field("metric").isin([*HIGHER_IS_BETTER]))
    se_examples = shared.se_of_difference if shared else None
    compared = compare(scores, reference or _plain(parts), shared is not None, se_examples, data.overlap)
    tables.add("comparisons", compared.to_dict("records"))
    for name in COLUMNS:
        place = out / f"{name}.parquet"
        if name in ("comparisons", "example_scores"):
            write_table(tables.frame(name), place)
        elif name in together.TABLES:
            related.write(name, place)
        else:
            parts.write(name, place, partial(_with_errors, shared) if shared and name == "metrics" else None)


def _plain(parts: Parts) -> str:
    """A MAP fit of labels alone, or else the first method."""
    found = parts.frame("aims", ["method", "signal", "inference"]).drop_duplicates()
    plain = (row.method for row in found.itertuples() if (row.signal, row.inference) == ("none", "map"))
    return next(plain, next(iter(found["method"]), ""))


def _with_errors(shared: SharedExamples, table: "pa.Table") -> "pa.Table":
    """Rows of metrics with the errors over the examples that all replicates share."""
    keys = zip(*(table[name].to_pylist() for name in ("method", "metric", "split", "domain")), strict=True)
    errors = pa.array([shared.se_of_score(*key) for key in keys], pa.float64(), from_pandas=True)
    return table.set_column(table.column_names.index("se_examples"), "se_examples", errors)
