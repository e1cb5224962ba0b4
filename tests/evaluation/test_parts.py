"""A large experiment, evaluated in parts, has the tables that one job would write."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from mtbkd.base import frames
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import read_table, write_table
from mtbkd.contracts.artefacts import Dataset, Logits, ids_digest
from mtbkd.evaluation.evaluate import evaluate_experiment, join
from mtbkd.evaluation.parts import Parts
from mtbkd.evaluation.scored_part import score
from mtbkd.evaluation.tables import COLUMNS
from mtbkd.evaluation.together import relate
from tests.evaluation.examples import LEVELS, MAP, TIP, K, N, make_dataset, make_draws

NAMES = {"study": "smoke", "experiment": "exp", "dataset": "tiny"}
BLOCKS = {"r0-1": [0, 1], "r2-3": [2, 3]}
METHODS = {
    "labels_map": (MAP, (1, 1)),
    "tip_nuts": (TIP | {"inference": "nuts"}, (4, 300)),
    "tip_sgld": (TIP, (4, 30)),
    "kd_vi": (TIP | {"signal": "kd", "inference": "vi"}, (1, 120)),
}


class Fits:
    """Files of an experiment of two blocks of two replicates, whose data are drawn anew or shared."""

    def __init__(self, folder: Path, redrawn: bool):
        self.folder = folder
        made = {"r0-1": make_dataset(2, 0), "r2-3": make_dataset(2, 1)} if redrawn else {"r0-0": make_dataset(1, 0)}
        self.data = {block: folder / "data" / block for block in made}
        self.logits = {"t": {block: folder / "logits" / block for block in made}}
        for block, dataset in made.items():
            dataset.write(self.data[block])
            values = np.random.default_rng(0).normal(size=(dataset.num_replicates, N, K)).astype(np.float32)
            Logits("t", values, np.ones(N, bool), ids_digest(dataset.ids)).write(self.logits["t"][block])
        self.draws = {method: {block: folder / method / f"{block}.nc" for block in BLOCKS} for method in METHODS}
        for method, (attrs, shape) in METHODS.items():
            for block, replicates in BLOCKS.items():
                lost = [(1, 0)] if (method, block) == ("tip_sgld", "r2-3") else ()
                draws = make_draws(made[block if redrawn else "r0-0"], replicates, 0.3, attrs, shape, lost)
                mild = 1.0 if method == "tip_sgld" else 0.2  # its k-hats are bad: it is in no stack
                replace(draws, log_likelihood=mild * draws.log_likelihood).write(self.draws[method][block])

    def at_once(self) -> dict[str, pd.DataFrame]:
        study, experiment, dataset = NAMES.values()
        evaluate_experiment(study, experiment, dataset, self.data, self.logits, self.draws, LEVELS, self.folder / "whole")
        return tables(self.folder / "whole")

    def in_parts(self) -> dict[str, pd.DataFrame]:
        """A group for each block; references of shared data are scored once."""
        alone, parts = len(self.data) == 1, []
        for block, place in self.data.items():
            logits = {teacher: {block: files[block]} for teacher, files in self.logits.items()}
            parts.append(str(self.folder / "parts" / "_references" / block))
            score(NAMES, {block: place}, alone, logits, {}, LEVELS, 4, parts[-1])
        for method in METHODS:
            for block in BLOCKS:
                data = {b: place for b, place in self.data.items() if b in (block, "r0-0")}
                parts.append(str(self.folder / "parts" / method / block))
                score(NAMES, data, alone, None, {method: {block: self.draws[method][block]}}, LEVELS, 4, parts[-1])
        related = [str(self.folder / "parts" / "_together" / block) for block in BLOCKS]
        for block, place in zip(BLOCKS, related, strict=True):
            own = [part for part in parts if part.endswith(block)]
            relate(NAMES, parts, own, {m: {block: files[block]} for m, files in self.draws.items()}, LEVELS, place)
        first = dict([next(iter(self.data.items()))])
        join(NAMES, first, alone, parts, related, self.folder / "joined")
        return tables(self.folder / "joined")


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("redrawn", [True, False], ids=["redrawn", "shared"])
def test_parts_joined_are_the_tables_of_one_job(tmp_path: Path, redrawn: bool) -> None:
    fits = Fits(tmp_path, redrawn)
    whole, joined = fits.at_once(), fits.in_parts()
    assert set(whole) == set(joined) == set(COLUMNS)
    assert len(whole["example_scores"]) == (0 if redrawn else 80 * 8)
    assert set(whole["agreement"]["verdict"]) == {"reference", "agrees"}
    weighed = whole["loo"].groupby("method")["stacking_weight"].count().to_dict()
    assert weighed == {"tip_nuts": 4, "tip_sgld": 0, "kd_vi": 4}
    for name, expected in whole.items():
        found, keys = joined[name], ["method", "replicate"]
        if name in ("agreement", "loo", "gates"):  # group by group
            expected, found = (each.sort_values(keys, kind="stable", ignore_index=True) for each in (expected, found))
        # Scores of examples that replicates share are summed in another order.
        pd.testing.assert_frame_equal(found, expected, check_exact=redrawn, rtol=1e-9)


@pytest.mark.parametrize("redrawn", [True, False], ids=["redrawn", "shared"])
def test_an_experiment_may_have_no_teacher_and_no_ceiling(tmp_path: Path, redrawn: bool) -> None:
    fits = Fits(tmp_path, redrawn)
    fits.logits = {}
    for block in fits.data.values():
        replace(Dataset.read(block), true_prob=None).write(block)
    whole, joined = fits.at_once(), fits.in_parts()
    assert set(whole["metrics"]["kind"]) == set(joined["metrics"]["kind"]) == {"student"}
    pd.testing.assert_frame_equal(joined["comparisons"], whole["comparisons"], rtol=1e-9)


def test_a_method_without_a_file_of_a_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"metrics.parquet.*run the rule score"):
        join(NAMES, {}, False, [str(tmp_path)], [], tmp_path / "out")


def test_a_joined_table_is_written_a_few_parts_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are never all in memory: of the parts, at most one group of rows waits."""
    monkeypatch.setattr(frames, "ROWS", 100)
    part = {"metrics": pa.table({"method": ["m"] * 60, "value": np.arange(60.0)})}
    Parts([part] * 7).write("metrics", tmp_path / "metrics.parquet")
    groups = parquet.ParquetFile(tmp_path / "metrics.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [120, 120, 120, 60]
    assert read_table(tmp_path / "metrics.parquet", "a table", "evaluate", ["value"])["value"].sum() == 7 * 1770


def test_a_table_is_read_by_column_and_row(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"kind": ["student", "teacher"], "value": [1.0, 2.0], "note": ["", "x"]}), tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet", "a table", "evaluate", ["value"], [("kind", "==", "teacher")])
    assert found.to_dict("list") == {"value": [2.0]}
