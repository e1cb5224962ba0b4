"""One part of a large evaluation: the references or one method, over some blocks of replicates."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtbkd.evaluation.one_method import add_method
from mtbkd.evaluation.parts import write_part
from mtbkd.evaluation.references import Data, Folders, add_references
from mtbkd.evaluation.tables import Tables


def score(
    names: Mapping[str, str],
    data_folders: Folders,
    alone: bool,
    logits_folders: Mapping[str, Folders] | None,
    draws_files: Mapping[str, Folders],
    levels: Sequence[float],
    looks: int,
    out: str | Path,
) -> None:
    """Write one part into ``out``: the references, whose ``logits_folders`` are given, or the method of ``draws_files``.

    Args:
        names: study, experiment, dataset.
        data_folders, logits_folders, draws_files, levels: as for ``evaluate_experiment``, of some blocks.
        alone: whether the experiment has no other blocks of data.
        looks: number of replicates of the experiment.
    """
    tables = Tables(dict(names))
    if logits_folders is not None:
        add_references(tables, data_folders, logits_folders, alone)
    else:
        data = Data.read(data_folders, alone)
        for method, files in draws_files.items():
            add_method(tables, method, files, data, levels, looks)
    write_part(tables.part(), out)
