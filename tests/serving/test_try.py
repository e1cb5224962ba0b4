"""`mtbkd try`: two methods compared in this process, by the code of the workflow's jobs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mtbkd.base import registry
from mtbkd.data.datasets import sim1
from mtbkd.inference.fitting import Spec, fit
from mtbkd.serving import trying
from mtbkd.serving.cli import main
from mtbkd.serving.watching import WIDTH

OWN = """
datasets:
  few: {kind: sim1, settings: {n_train: 80, n_val: 40, n_test: 60}}
  lone: {like: few}
teachers:
  quick: {family: mlp, domain: b1, settings: {hidden: [3], steps: 20}}
methods:
  my_method: {like: tip_equal_map, note: mine}
studies:
  mine:
    block_size: 2
    training: {steps: 20, restarts: 1}
    posterior: {lambda: [0.5, 5], prior_scale: 1}
    experiments:
      own: {dataset: few, teachers: [quick], student: mlp_5, methods: [labels_map]}
"""
WATCHED = """
methods:
  short_sgld: {signal: none, inference: sgld, settings: {steps: 40, burn_in: 20, thin: 2, chains: 2, step_size: 1.0e-5}}
  short_smc: {signal: none, inference: smc, settings: {particles: 20, final_sweeps: 2}}"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my.yaml"
    path.write_text(OWN)
    return path


def options(config: Path, **given: object) -> SimpleNamespace:
    usual = {"dataset": "few", "method": "my_method", "against": "labels_map", "replicates": 3, "teachers": None,
             "student": None, "config": [config]}  # fmt: skip
    return SimpleNamespace(**usual | given)


def test_scores_are_those_of_fits_by_hand(config: Path, tmp_path: Path) -> None:
    """Data, teacher and draws of each block made one after the other give the accuracies of the table."""
    plan, _ = trying.planned(options(config))
    found = trying.computed(plan, "labels_map", tmp_path / "jobs", tmp_path, quiet=True)
    experiment = plan.experiments[trying.EXPERIMENT]
    assert experiment.blocks == ("r0-1", "r2-2")
    accuracies = []
    for replicates in (range(2), range(2, 3)):
        dataset = sim1.prepare("few", sim1.Settings(**experiment.data.settings), plan.seed, replicates, tmp_path)
        teacher, family = experiment.teachers[0], registry.part("teacher", "mlp")
        own = family.Settings.model_validate(teacher.settings)
        logits = family.train("quick", "b1", own, dataset, plan.seed, replicates[0], "cpu", tmp_path)
        draws = fit(Spec.model_validate(experiment.methods["my_method"]), dataset, [logits], replicates)
        test = np.isin(draws.example_index, dataset.rows("test"))
        right = draws.prob[:, 0, 0].argmax(-1) == dataset.y[:, draws.example_index]
        accuracies += right[:, test].mean(1).tolist()
    rows = found.metrics.query("method == 'my_method' and metric == 'accuracy' and split == 'test' and domain == 'all'")
    assert rows.sort_values("replicate")["value"].tolist() == pytest.approx(accuracies)


@pytest.mark.parametrize(("method", "against"), [("my_method", "labels_map"), ("labels_map", "my_method")])
def test_a_difference_is_that_of_the_method_to_the_one_it_stands_against(
    method: str, against: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    asked = ["--dataset", "few", "--method", method, "--against", against, "--config", str(config), "--replicates", "3"]
    assert main(["try", *asked]) == 0
    told = capsys.readouterr()
    rows = {line.split()[0]: line.split() for line in told.out.splitlines()}
    assert rows["metric"][:3] == ["metric", method, against]
    one, other, difference, low, _, high = map(float, [cell.replace("..", "nan") for cell in rows["nll"][1:7]])
    assert difference == pytest.approx(one - other, abs=2e-4) and difference != 0
    assert low < difference < high
    for name in (method, against):
        assert f"{name}: checks passed by all replicates: diverged" in told.out
    assert "as in experiment own of study mine" in told.err and "method my_method: " in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["my.yaml"]


def test_a_check_that_failed_says_in_how_many_replicates_and_why(config: Path) -> None:
    plan, _ = trying.planned(options(config, replicates=2, against="labels_sgld"))
    spec = plan.experiments[trying.EXPERIMENT].methods["labels_sgld"]
    spec["inference"]["settings"].update(steps=60, burn_in=20, thin=4, step_size=1e-3, chains=2)
    found = trying.computed(plan, "labels_sgld", config.parent / "jobs", config.parent, quiet=True)
    lines = trying.checks(found.gates, ("my_method", "labels_sgld"))
    assert any(line.startswith("labels_sgld: check ess_bulk: failed in 2 of 2 replicates: ") for line in lines)


def test_watched_methods_tell_curves_and_traces(config: Path, capsys: pytest.CaptureFixture) -> None:
    config.write_text(OWN.replace("\nmethods:", WATCHED))
    asked = ["--dataset", "few", "--method", "short_sgld", "--against", "short_smc", "--config", str(config)]
    assert main(["try", *asked, "--replicates", "3", "--watch", "--quiet"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert told.err == "" and "short_smc: no optimiser" in lines
    at = lines.index("short_sgld: log-posterior per example (nats), best of 2 starts, mean of 3 replicates")
    assert len(lines[at + 1].strip()) == WIDTH
    assert lines[at + 2].split() == ["step", "0", "2", "10", "18", "20"]
    values = list(map(float, lines[at + 3].split()[1:]))
    assert values[-1] > values[0]
    gain = (values[-1] - values[-2]) / (values[-1] - values[0])
    assert lines[at + 4].endswith(" % of the gain") and float(lines[at + 4].split()[-5]) == pytest.approx(100 * gain, abs=4)
    assert "short_sgld: trace of the log-posterior over 10 draws, mean of 2 chains in 3 replicates" in lines
    assert sum(line.startswith("metric ") for line in lines) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"--dataset": "fwe"}, "datasets: found 'fwe'; allowed: one of "),
        ({"--method": "my_metod", "--student": "mlp5"}, "Hint: did you mean 'my_method'?"),
        ({"--method": "my_metod", "--student": "mlp5"}, "students: found 'mlp5'"),
        ({"--against": "my_method"}, "unique entries"),
        ({"--replicates": "0"}, "replicates: found 0; allowed: an integer in 1.."),
        ({"--dataset": "lone"}, "--teachers: found nothing, and no experiment with dataset lone"),
        ({"--config": "none.yaml"}, "none.yaml: found no file"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    wrong: dict[str, str], told: str, config: Path, capsys: pytest.CaptureFixture
) -> None:  # fmt: skip
    asked = {"--dataset": "few", "--method": "my_method", "--against": "labels_map", "--config": str(config)} | wrong
    assert main(["try", *(word for option in asked.items() for word in option)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mtbkd: error: ") and told in line and len(line) < 400


def test_a_dataset_of_no_experiment_takes_teachers_and_student_from_options(config: Path) -> None:
    plan, told = trying.planned(options(config, dataset="lone", teachers=["quick"], student="quadratic"))
    assert [t.name for t in plan.experiments[trying.EXPERIMENT].teachers] == ["quick"]
    assert "shared settings of config.yaml" in told
