"""Rows of the split ``teachers``: teachers learn from them; students, tuning and scores never see them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.data.datasets import scikit, sim1, table
from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.inference.fitting import Spec, fit
from mtbkd.inference.optimise import Training
from mtbkd.questions.baselines.contest import Contest, check, compete, module_of
from mtbkd.questions.curves.budget import label_order
from mtbkd.questions.multilabel.data import make_task
from mtbkd.students.mlp import Mlp
from mtbkd.teachers import mlp, released
from mtbkd.teachers.examples import seen_examples

SEED, REPLICATES = 5, range(2)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    settings = scikit.Settings.model_validate(
        {"table": "wine", "teachers_share": 0.3, "labels": 25, "domains": {"by": "cluster", "count": 2}}
    )
    return scikit.prepare("wine", settings, SEED, REPLICATES, Path())


@pytest.fixture(scope="module")
def teachers(dataset: Dataset) -> list[Logits]:
    settings = mlp.Settings(hidden=(6,), steps=100)
    return [mlp.train(d, d, settings, dataset, SEED, 0, "cpu", Path()) for d in dataset.domain_names]


def tampered(dataset: Dataset, teachers: list[Logits]) -> tuple[Dataset, list[Logits]]:
    """The same data and logits with other inputs, labels, domains and logits of the teachers' rows, which are covered now."""
    rows = dataset.split == "teachers"
    x, domain = dataset.x.copy(), np.array(dataset.domain)
    assert dataset.teacher_y is not None
    y = dataset.teacher_y.copy()
    x[:, rows], y[:, rows], domain[:, rows] = 9.0, 1, 0
    others = []
    for each in teachers:
        logits, covered = each.logits.copy(), each.covered | rows
        logits[:, rows, 0] = 9.0
        others.append(Logits(each.teacher, logits, covered, each.ids_sha256, each.card))
    return replace(dataset, x=x, teacher_y=y, domain=domain).validate(), others


def spec(signal: str, weights: str | None) -> Spec:
    fixed = ("lambda", "beta", "teacher_temperature", "student_temperature", "temperature")
    return Spec.model_validate({
        "method": f"{signal}_{weights}", "dataset": "wine", "weights": weights, "seed": SEED, "device": "cpu",
        "student": {"architecture": "linear", "settings": {}}, "signal": {"name": signal}, "inference": {"name": "map"},
        "posterior": {**{name: [1.0] for name in fixed}, "prior_scale": [0.3, 1.0]},
        "training": {"steps": 40, "restarts": 1}, "output": {"probes": 2},
    })  # fmt: skip


@pytest.mark.parametrize("weights", registry.WEIGHTS)
def test_no_student_or_tuning_depends_on_teachers_rows(dataset: Dataset, teachers: list[Logits], weights: str) -> None:
    asked = spec("tip", weights)
    first, second = (fit(asked, *of, REPLICATES) for of in ((dataset, teachers), tampered(dataset, teachers)))
    np.testing.assert_array_equal(first.prob, second.prob)
    assert first.tuning == second.tuning
    assert set(dataset.split[first.example_index]) == {"test"}


def test_no_score_depends_on_teachers_rows(dataset: Dataset, teachers: list[Logits], tmp_path: Path) -> None:
    draws = fit(spec("none", None), dataset, teachers, REPLICATES)
    first, second = (
        evaluated(tmp_path / name, *of, draws)
        for name, of in {"own": (dataset, teachers), "tampered": tampered(dataset, teachers)}.items()
    )
    assert set(first["metrics"]["split"]) == {"test"}
    assert "teachers:mean" in set(first["metrics"]["method"])
    assert first["comparisons"]["note"].str.contains("test sets overlap").all() and len(first["comparisons"])
    for name, rows in first.items():
        pd.testing.assert_frame_equal(rows, second[name])


def evaluated(folder: Path, dataset: Dataset, teachers: list[Logits], draws: Draws) -> dict[str, pd.DataFrame]:
    dataset.write(folder / "data")
    draws.write(folder / "draws.nc")
    logits: dict[str, Any] = {}
    for each in teachers:
        each.write(folder / each.teacher)
        logits[each.teacher] = {"r0-1": folder / each.teacher}
    files = {name: {"r0-1": folder / "draws.nc"} for name in ("labels_map", "again")}
    evaluate_experiment("s", "e", "wine", {"r0-1": folder / "data"}, logits, files, (0.9,), folder / "out")
    return {path.stem: pd.read_parquet(path) for path in sorted((folder / "out").glob("*.parquet"))}


def test_no_published_method_depends_on_teachers_rows(dataset: Dataset, teachers: list[Logits]) -> None:
    grid = {"share": [0.5], "temperature": [1.0], "prior_scale": [1.0]}
    training = Training.model_validate({"steps": 30, "batch_size": 16})
    found = []
    for data, logits in ((dataset, teachers), tampered(dataset, teachers)):
        check(data, logits, "here")
        contest = Contest(data, logits, Mlp((13, 4, 3)), tuple(REPLICATES), training, grid, SEED, "cpu")
        found.append([compete(contest, m, module_of(m).Settings())["scores"] for m in ("labels", "aver", "camkd")])
    assert found[0] == found[1]


def test_labels_of_a_curve_are_not_those_of_teachers(dataset: Dataset) -> None:
    order = label_order(dataset, SEED, REPLICATES)
    assert set(dataset.split[order.rows].ravel()) == {"train", "val"}


def test_locations_are_not_scored_on_teachers_rows(dataset: Dataset) -> None:
    targets = np.ones((1, dataset.num_examples, 3), np.uint8)
    assert dataset.domain is not None and dataset.teacher_y is not None
    one = replace(dataset, x=dataset.x[:1], y=dataset.y[:1], teacher_y=dataset.teacher_y[:1], domain=dataset.domain[:1])
    task = make_task(replace(one, targets=targets).validate(), None, SEED, range(1))
    assert {split for split, _, _ in task.parts()} == {"test"}


def test_teachers_learn_from_their_own_rows_where_there_are_some(dataset: Dataset) -> None:
    seen = seen_examples(dataset, "cluster 1", 0.0, SEED, 0)
    assert dataset.domain is not None
    np.testing.assert_array_equal(seen, (dataset.split == "teachers") & (dataset.domain == 0))
    sim = sim1.prepare("sim", sim1.Settings(n_train=50, n_val=10, n_test=10), SEED, REPLICATES, Path())
    np.testing.assert_array_equal(seen_examples(sim, None, 0.0, SEED, 0), np.tile(sim.split == "train", (2, 1)))


def test_the_card_of_a_teacher_says_that_it_saw_rows_of_its_own(teachers: list[Logits]) -> None:
    assert all(each.card["seen"] == ["teachers"] for each in teachers)


def test_labels_that_students_could_see_are_refused(dataset: Dataset) -> None:
    y = np.array(dataset.teacher_y)
    with pytest.raises(ContractError, match=r"y: found \d+ labels in 'teachers'; expected -1 there"):
        replace(dataset, y=y).validate()
    with pytest.raises(ContractError, match=r"teacher_y: found \d+ unlabelled examples in 'teachers'"):
        replace(dataset, teacher_y=None).validate()


def test_a_column_of_splits_may_give_rows_to_teachers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{rng.normal()},{'ab'[i % 2]},{('train', 'val', 'test', 'teachers')[i // 2 % 4]}" for i in range(80)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["v,kind,part", *rows]) + "\n")
    settings = table.Settings.model_validate({"path": str(path), "label": "kind", "split": "part"})
    found = table.prepare("t", settings, 1, range(1), tmp_path)
    own = found.split == "teachers"
    assert own.sum() == 20 and (found.y[:, own] == -1).all() and found.teacher_y is not None
    assert sorted(found.teacher_y[0, own]) == [0] * 10 + [1] * 10
    path.write_text("\n".join(["v,kind,part", *rows, "1,,teachers"]) + "\n")
    with pytest.raises(ContractError, match="found no label in 1 rows of val, test or teachers"):
        table.prepare("t", settings, 1, range(1), tmp_path)


def test_a_file_of_logits_is_refused_where_every_replicate_has_rows_of_its_own(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "logits.csv"
    header = ",".join(["id", *dataset.class_names])
    path.write_text("\n".join([header, *(f"{name},0,1,2" for name in dataset.ids)]) + "\n")
    settings = released.Settings.model_validate({"path": str(path)})
    with pytest.raises(ContractError, match="replicates of the data: found more than one; expected 1"):
        released.train("t", None, settings, dataset, SEED, 0, "cpu", tmp_path)
