"""Reference summaries: what they state, which changes of a run they catch, and which they let pass."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mtbkd.base.errors import ContractError
from mtbkd.base.frames import read_table, write_table
from mtbkd.evaluation.reference import ERRORS, SHARE, held
from mtbkd.report import reference
from mtbkd.report.two_runs import Run
from mtbkd.serving.cli import main
from tests.evaluation.table_scores import table_scores
from tests.report.test_two_runs import BASE, Scores, run

SCORES: Scores = {("kd_map", "nll"): BASE, ("kd_map", "accuracy"): BASE, ("tip_map", "nll"): BASE + 0.1}
ERROR = float(stats.sem(BASE))


def finished(folder: Path, scores: Scores) -> Path:
    """A run whose manifest has what every finished run has."""
    made = run(folder, scores)
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps(manifest | {"versions": {"python": "3.13.0", "numpy": "2.4.1"}}))
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    path = folder / "s.csv"
    assert reference.write(finished(folder / "s", SCORES), path) == len(SCORES)
    return path


def cases(kept: Path, folder: Path, changes: Scores, left_out: tuple[str, str] | None = None) -> dict[tuple[str, str], str]:
    """(method, metric) -> what is said of a run with these changes."""
    scores = {key: values for key, values in {**SCORES, **changes}.items() if key != left_out}
    found = reference.compare(finished(folder / "run", scores), kept)
    return {(each.method, each.metric): each.held for each in found.itertuples()}


def test_a_summary_states_means_and_standard_errors_and_how_it_is_made(kept: Path) -> None:
    lines = kept.read_text().splitlines()
    assert "study s" in lines[0] and "python 3.13.0, numpy 2.4.1" in lines[0]
    assert lines[2].endswith(f"mtbkd compare results/s --write {kept}")
    row = reference.read(kept).set_index(["method", "metric"]).loc[("kd_map", "nll")]
    assert row["mean"] == pytest.approx(BASE.mean(), rel=1e-6) and row["se"] == pytest.approx(ERROR, rel=5e-3) and row["n"] == 6


def test_teachers_that_were_trained_once_are_left_out(tmp_path: Path) -> None:
    folder = finished(tmp_path / "s", {**SCORES, ("forest", "nll"): [0.4]})
    with pytest.raises(ContractError, match="forest, nll: found 1 finite replicate"):
        reference.write(folder, tmp_path / "s.csv")
    table = folder / "evaluation" / "e" / "metrics.parquet"
    metrics = read_table(table, "metrics", "evaluate")
    write_table(metrics.assign(kind=metrics["kind"].where(metrics["method"] != "forest", "teacher")), table)
    assert reference.write(folder, tmp_path / "s.csv") == len(SCORES)


def test_a_rerun_and_differences_below_the_noise_of_replicates_pass(kept: Path, tmp_path: Path) -> None:
    assert set(cases(kept, tmp_path / "a", {}).values()) == {"held"}
    assert set(cases(kept, tmp_path / "b", {("kd_map", "nll"): BASE + 0.95 * ERRORS * ERROR}).values()) == {"held"}


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_shift_beyond_the_noise_of_replicates_is_found_and_nothing_else(kept: Path, tmp_path: Path, sign: int) -> None:
    found = cases(kept, tmp_path, {("kd_map", "nll"): BASE + sign * 1.05 * ERRORS * ERROR})
    assert found.pop(("kd_map", "nll")) == "moved" and set(found.values()) == {"held"}


def test_scores_without_spread_have_that_of_the_other_methods(kept: Path, tmp_path: Path) -> None:
    same = {("kd_map", "nll"): [0.7] * 6, ("tip_map", "nll"): BASE, ("labels_map", "nll"): BASE}
    path = tmp_path / "same.csv"
    reference.write(finished(tmp_path / "first", same), path)
    for shift, told in ((0.5, "held"), (3.0, "moved")):
        other = finished(tmp_path / told, {**same, ("kd_map", "nll"): [0.7 + shift * ERROR] * 6})
        found = reference.compare(other, path).set_index("method")["held"]
        assert found["kd_map"] == told and found["tip_map"] == "held"


@pytest.mark.parametrize(("shift", "told"), [(0.9, "held"), (-0.9, "held"), (1.1, "moved"), (-1.1, "moved")])
def test_two_replicates_that_agree_by_chance_allow_a_share_of_the_mean(tmp_path: Path, shift: float, told: str) -> None:
    pair = np.array([0.7, 0.7001])
    reference.write(finished(tmp_path / "first", {("kd_map", "nll"): pair}), tmp_path / "pair.csv")
    second = finished(tmp_path / "second", {("kd_map", "nll"): pair + shift * SHARE * pair.mean()})
    assert list(reference.compare(second, tmp_path / "pair.csv")["held"]) == [told]


def test_a_method_missing_and_a_replicate_missing_fail_and_a_new_method_does_not(kept: Path, tmp_path: Path) -> None:
    found = cases(kept, tmp_path / "a", {("new", "nll"): BASE}, left_out=("tip_map", "nll"))
    assert found[("tip_map", "nll")] == "missing" and found[("new", "nll")] == "new"
    diverged = cases(kept, tmp_path / "b", {("kd_map", "nll"): [*BASE[:-1], np.nan]})
    assert diverged[("kd_map", "nll")] == "other replicates"


def test_the_command_says_where_numbers_moved_and_leaves_with_1(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {("kd_map", "nll"): BASE + 0.1, ("kd_map", "accuracy"): BASE, ("new", "nll"): BASE}
    assert main(["compare", str(finished(tmp_path / "run", scores)), str(kept)]) == 1
    told = capsys.readouterr().out
    moved = next(line for line in told.splitlines() if line.endswith(" moved"))
    assert moved.split()[:3] == ["e", "kd_map", "nll"] and "+0.1" in moved
    assert f"not in {tmp_path / 'run'}: e: tip_map (1 score)\n" in told and f"not in {kept}: e: new (1 score)\n" in told
    assert f"3 scores of {kept} compared: 1 moved, 1 missing, 0 other replicates" in told


def test_the_command_writes_a_summary_that_the_same_run_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, path = str(finished(tmp_path / "run", SCORES)), str(tmp_path / "own.csv")
    assert main(["compare", folder, "--write", path]) == 0 and main(["compare", folder, path]) == 0
    assert capsys.readouterr().out.endswith(f"3 scores of {path} compared: 0 moved, 0 missing, 0 other replicates\n")


@pytest.mark.parametrize("words", [[], ["a.csv", "--write", "b.csv"], ["a.csv", "--out", "p.html"], ["--write", "b.txt"]])
def test_options_that_do_not_go_together_are_refused(words: list[str]) -> None:
    assert main(["compare", "results/s", *words]) == 2


def test_the_scores_of_a_question_are_kept_as_means_over_its_tables(tmp_path: Path) -> None:
    made = finished(tmp_path / "s", SCORES)
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["plan"]["questions"] = {"asked": {"kind": "tables"}, "other": {"kind": "axioms"}}
    (made / "manifest.json").write_text(json.dumps(manifest))
    scores = table_scores(regimes=("clusters",), levels=("60",))
    (made / "questions" / "asked").mkdir(parents=True)
    write_table(scores, made / "questions" / "asked" / "scores.parquet")
    found = reference.of_run(Run.read(made))
    assert set(found["experiment"]) == {"e", "asked"}
    row = found[(found["method"] == "clusters, 60 labels, tip_equal") & (found["metric"] == "nll")].iloc[0]
    own = scores[(scores["method"] == "tip_equal") & (scores["metric"] == "nll")]
    wide = own.pivot(index="table", columns="replicate", values="value").to_numpy()
    assert (row["mean"], row["se"]) == pytest.approx((wide.mean(), stats.sem(wide.mean(0))))
    assert set(held(found, found)["held"]) == {"held"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("experiment,method", "experiment,name", "columns"),
        ("e,kd_map,nll,0.", "e,kd_map,nll,x0.", "mean of e, kd_map, nll"),
        ("e,tip_map,nll", "e,kd_map,nll", "two rows"),
        (",6\n", ",\n", "n of e, kd_map, nll"),
    ],
)
def test_a_damaged_summary_is_refused_in_one_line(kept: Path, tmp_path: Path, old: str, new: str, told: str) -> None:
    text = kept.read_text()
    assert old in text
    (tmp_path / "bad.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(ContractError, match=told):
        reference.read(tmp_path / "bad.csv")


def test_runs_without_noise_or_of_another_study_are_refused(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="at least 2"):
        reference.write(finished(tmp_path / "one", {("kd_map", "nll"): BASE[:1]}), tmp_path / "one.csv")
    assert not (tmp_path / "one.csv").exists()
    other = finished(tmp_path / "other", SCORES)
    (other / "evaluation" / "e").rename(other / "evaluation" / "f")
    with pytest.raises(ContractError, match="the same study"):
        reference.compare(other, kept)
