"""The search for the settings of a paper's students: a known answer is found, on data sets of its own, by validation alone."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from mtbkd.base.errors import ConfigError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.published import tables as published
from mtbkd.questions.search import candidates as run
from mtbkd.questions.search import students
from mtbkd.questions.search.spec import Spec
from mtbkd.study import config
from mtbkd.study.plan import make_plan

EXAMPLE = """
study: small
datasets:
  sim: {kind: sim1, settings: {n_train: 400, n_val: 300, n_test: 50}}
  pictures: {kind: digits}
teachers:
  b1: {family: mlp, domain: b1, settings: &mlp {hidden: [6], steps: 200, exposure: 0.0}}
  b3: {family: mlp, domain: b3, settings: *mlp}
  plain: {family: cnn, domain: plain}
students: {quadratic: {architecture: linear, settings: {features: quadratic}}}
methods:
  kd_map: {signal: kd, weights: equal, inference: map}
  tip_map: {signal: tip, weights: equal, inference: map}
  tip_entropy_map: {signal: tip, weights: entropy, inference: map}
  tip_sgld: {signal: tip, weights: equal, inference: sgld}
  dropout: {signal: kd, weights: equal, inference: dropout}
posterior: {lambda: [0.1, 1]}
training: {steps: 150}
studies:
  small:
    replicates: 2
    questions:
      asked:
        kind: search
        experiment: sim
        settings:
          methods: {kd_equal: kd_map, tip_equal: tip_map, tip_entropy: tip_entropy_map}
          replicates: 3
          posterior: {kappa: [0.1, 3], lambda: [kappa, 20]}
          steps: [150]
          label_share: [1, 0]
          outside_temperature: [1, 8]
    experiments:
      sim: {dataset: sim, teachers: [b1, b3], student: quadratic, published: mtbkd_table1_sim1, methods: [tip_map]}
      more: {dataset: sim, teachers: [b1], student: quadratic, replicates: 7, methods: [tip_map]}
      unprinted: {dataset: sim, teachers: [b1], student: quadratic, methods: [tip_map]}
      real: {dataset: pictures, teachers: [plain], student: quadratic, published: mtbkd_table1_sim1, methods: [tip_map]}
"""
ASKED = "studies.small.questions.asked"
TRUTHS = [
    {"kappa": 3.0, "lambda": 3.0, "steps": 150, "label_share": 1.0, "outside_temperature": 1.0},
    {"kappa": 3.0, "lambda": 20.0, "steps": 150, "label_share": 1.0, "outside_temperature": 8.0},
]


@pytest.fixture
def raw() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE)


@pytest.fixture
def spec(raw: dict[str, Any]) -> Spec:
    return Spec.model_validate(make_plan(config.load(raw)).questions["asked"].content)


@pytest.fixture(scope="module")
def elsewhere() -> Any:
    """The search on data sets far from its own."""
    spec = Spec.model_validate(make_plan(config.load(yaml.safe_load(EXAMPLE))).questions["asked"].content)
    return pd.DataFrame(run.search(spec.model_copy(update={"first": 100})))


@pytest.mark.parametrize("truth", TRUTHS, ids=["sure teachers", "a sharp mixture of unsure ones"])
def test_settings_that_made_the_printed_rows_are_found_on_other_data(
    spec: Spec, elsewhere: Any, truth: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = elsewhere[(elsewhere["part"] == "ranked") & (elsewhere["settings"] == json.dumps(truth))]
    printed = [
        published.Number(row.quantity, row.column, round(row.ours, 2), 0.005) for row in made.itertuples()
    ]  # fmt: skip
    assert len(printed) == 25  # three students and two teachers
    monkeypatch.setattr(published, "numbers", lambda table: printed)
    found: Any = pd.DataFrame(run.search(spec))
    ranked = found[found["part"] == "ranked"].drop_duplicates("candidate").sort_values("distance")
    assert json.loads(ranked["settings"].iloc[0]) == truth
    again = found[(found["part"] == "confirmed") & (found["settings"] == json.dumps(truth))]
    assert again["distance"].iloc[0] < 2 < ranked["distance"].iloc[-1]


def test_every_choice_is_tried_once_and_the_nearest_and_the_configured_again(elsewhere: Any) -> None:
    ranked, confirmed = (elsewhere[elsewhere["part"] == part].drop_duplicates("candidate") for part in ("ranked", "confirmed"))
    # (kappa, lambda) of four, labels used or not, two outside temperatures; and those configured.
    assert len(ranked) == ranked["settings"].nunique() == 4 * 2 * 2 + 1
    assert ranked["configured"].tolist() == [True] + [False] * 16
    nearest = ranked.sort_values(["distance", "candidate"])["candidate"].head(run.BEST)
    assert set(confirmed["candidate"]) == {0, *nearest}
    assert set(elsewhere["verdict"]) == {"fitted"}
    assert json.loads(ranked["settings"].iloc[0])["kappa"] == students.AS_CONFIGURED


def test_kd_reads_the_strength_alone_and_the_mixture_its_sharpness_too(elsewhere: Any) -> None:
    rows = elsewhere.query("part == 'ranked' and quantity == 'mse_p' and not configured")
    told = pd.json_normalize([json.loads(text) for text in rows["settings"]]).assign(
        column=rows["column"].tolist(), ours=rows["ours"].tolist()
    )
    own: Any = told.query("kappa == 3 and label_share == 1 and outside_temperature == 1").set_index(["column", "lambda"])[
        "ours"
    ]
    assert own["kd_equal", 3] == own["kd_equal", 20]
    assert own["tip_equal", 3] != own["tip_equal", 20]


def test_no_experiment_reports_the_data_sets_of_a_search(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, prepare = [], run._prepare

    def watched(spec: Spec, data: dict[str, Any], replicates: range) -> Dataset:
        seen.extend(replicates)
        return prepare(spec, data, replicates)

    monkeypatch.setattr(run, "_prepare", watched)
    assert spec.students is not None
    small = {"label_share": (1.0,), "outside_temperature": (1.0,)}
    run.search(spec.model_copy(update={"students": spec.students.model_copy(update=small)}))
    assert sorted(set(seen)) == list(range(7, 13))  # the experiments have 0 to 6; three rank, three confirm


@pytest.mark.parametrize(("split", "matters"), [("test", False), ("val", True), ("train", True)])
def test_test_examples_have_no_part_in_the_search(
    spec: Spec, monkeypatch: pytest.MonkeyPatch, split: str, matters: bool
) -> None:
    assert spec.students is not None
    small = spec.students.model_copy(update={"label_share": (1.0,), "outside_temperature": (1.0,), "steps": (20,)})
    spec = spec.model_copy(update={"students": small, "replicates": 2})
    before, prepare = run.search(spec), run._prepare

    def scrambled(*arguments: Any) -> Dataset:
        dataset = prepare(*arguments)
        rows, x, y = dataset.split == split, dataset.x.copy(), dataset.y.copy()
        x[:, rows], y[:, rows] = x[:, rows][:, ::-1] * 3, 1 - y[:, rows]
        return dataclasses.replace(dataset, x=x, y=y)

    monkeypatch.setattr(run, "_prepare", scrambled)
    assert (run.search(spec) != before) is matters


def test_a_share_of_the_labels_stays_and_no_label_at_share_0() -> None:
    y = torch.tensor([[0, 1, -1, 1, 0, 1], [1, 1, 1, -1, 0, 0]])
    kept = students._hidden(y, 0.4, range(2), 3)
    assert (kept >= 0).sum(1).tolist() == [2, 2]
    assert ((kept == y) | (kept == -1)).all()
    assert (students._hidden(y, 0.0, range(2), 3) == -1).all() and (students._hidden(y, 1.0, range(2), 3) == y).all()


def test_one_printed_run_differs_by_scatter_and_rounding_alike_for_all_candidates() -> None:
    cell = {"column": "tip_equal", "quantity": "mse_p", "n": 3, "half_unit": 0.005, "difference": 0.1}
    found = [run.Candidate({}, False, [cell | {"sd": sd}]) for sd in (0.01, 0.02, 9.0, math.nan)]
    # The median of a chi square with 2 degrees of freedom is 2 log 2.
    expected = np.sqrt(0.02**2 / np.log(2) * (1 + 1 / 3) + 0.005**2 / 3)
    assert run._scales(found) == {("tip_equal", "mse_p"): pytest.approx(expected)}
    assert run._scaled(found[0], run._scales(found)) == pytest.approx(0.1 / expected)


def test_a_candidate_that_diverged_is_the_farthest() -> None:
    cell = {"column": "tip_equal", "quantity": "mse_p", "difference": math.nan}
    assert run._scaled(run.Candidate({}, False, [cell]), {("tip_equal", "mse_p"): 1.0}) == math.inf
    # A fit that diverged has no class, not the first one.
    dataset = Dataset(
        name="toy", x=np.zeros((1, 2, 1), np.float32), y=np.zeros((1, 2), np.int64), split=np.array(["train", "val"]),
        class_names=("a", "b"), ids=np.arange(2).astype(str),
    )  # fmt: skip
    assert math.isnan(run.Validation(dataset).score(np.full((1, 1, 2), np.nan), "accuracy", "all")[0])


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        ("experiment", "simm", f"{ASKED}.experiment", ["'simm'", "did you mean 'sim'?"]),
        ("experiment", "unprinted", f"{ASKED}.experiment", ["'unprinted'", "sim", "published"]),
        ("experiment", "real", f"{ASKED}.experiment", ["'pictures'", "a simulated dataset"]),
        ("methods", {"kd_equl": "kd_map"}, f"{ASKED}.settings.methods", ["'kd_equl'", "did you mean 'kd_equal'?"]),
        ("methods", {"T1": "kd_map"}, f"{ASKED}.settings.methods", ["'T1'", "students of mtbkd_table1_sim1"]),
        ("methods", {"kd_equal": "kd_mapp"}, f"{ASKED}.settings.methods.kd_equal", ["'kd_mapp'", "did you mean 'kd_map'?"]),
        ("methods", {"tip_equal": "tip_sgld"}, f"{ASKED}.settings.methods.tip_equal", ["'tip_sgld'", "map or dropout"]),
        ("methods", {"kd_equal": "dropout"}, f"{ASKED}.settings.methods.kd_equal", ["'dropout'", "hidden layer"]),
        ("posterior", {"kappa": [1], "beta": 2}, f"{ASKED}.settings.posterior.beta", ["2", "kappa"]),
        ("posterior", {"lambda": ["kappa"]}, f"{ASKED}.settings.posterior.lambda", ["'kappa'", "add kappa"]),
        ("label_share", [0.5, 1.5], f"{ASKED}.settings.label_share[1]", ["1.5", "0..1"]),
        ("label_share", [0.001], f"{ASKED}.settings.label_share[0]", ["0.001", "at least one of 400"]),
        ("outside_temperature", [0], f"{ASKED}.settings.outside_temperature[0]", ["0"]),
        ("grid", {"exposur": [0]}, f"{ASKED}.settings.grid.exposur", ["did you mean 'exposure'?"]),
        ("grid", {"steps": list(range(1, 200))}, ASKED, ["3,184 candidates", "at most 2,000"]),
        ("dataset_grid", {"domain_axis": ["x3"]}, f"{ASKED}.settings.dataset_grid.domain_axis[0]", ["'x3'", "x1"]),
    ],
    ids=lambda value: None if isinstance(value, dict | list) else str(value),
)
def test_mistakes_are_named_before_anything_runs(
    raw: dict[str, Any], path: str, value: Any, where: str, words: list[str]
) -> None:
    entry = raw["studies"]["small"]["questions"]["asked"]
    (entry if path in entry else entry["settings"])[path] = value
    with pytest.raises(ConfigError) as error:
        config.load(raw)
    lines = [line for line in str(error.value).splitlines() if line.strip().startswith(f"{where}:")]
    assert lines and all(word in lines[0] for word in words), str(error.value)
