"""README.md, sections "Add your dataset", "Add a teacher" and "Add a method": every step, as it stands there, for real."""

import csv
import os
import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier

from tests.workflow.conftest import ROOT, Checkout, Job, Run

pytestmark = pytest.mark.workflow
SECTIONS = ("Add your dataset", "Add a teacher", "Add a method")
STUDY = "workflow/studies/wine.yaml"
BLOCK = re.compile(r"```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)


@dataclass
class Step:
    """A block of code of the README and the file that the text before it names last."""

    language: str
    text: str
    file: str


def steps(section: str) -> list[Step]:
    """The blocks of a section of README.md, in order."""
    readme = (ROOT / "README.md").read_text()
    body = re.split(r"^## ", readme.split(f"\n## {section}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    found = []
    for block in BLOCK.finditer(body):
        named = re.findall(r"`([\w./]+\.(?:smk|py|yaml))`", body[: block.start()])
        found.append(Step(block["language"], block["text"], named[-1] if named else ""))
    return found


def follow(checkout: Checkout, step: Step) -> Run | None:
    """Do what the README says: write or change the file, or run the command."""
    if step.language == "console":
        return checkout.command(*step.text.split())
    if step.language == "yaml" and (checkout.root / step.file).exists():
        checkout.configure(step.file, step.text)
    else:
        file = checkout.root / step.file
        assert not file.exists(), f"{step.file} is to be a new file"
        file.write_text(step.text)
    return None


@dataclass
class Extended:
    """What came of following the README: every command's run, and the jobs of the dry run before the last one."""

    checkout: Checkout
    runs: list[Run] = field(default_factory=list)
    later: list[Job] = field(default_factory=list)

    def follow(self, section: str) -> None:
        for step in steps(section):
            run = follow(self.checkout, step)
            if run is not None:
                assert run.status == 0, run.text
                self.runs.append(run)

    def name(self, beginning: str, added: str) -> None:
        """Put one more name at the end of a list of the study."""
        file = self.checkout.root / STUDY
        text = file.read_text()
        assert text.count(f"{beginning}]") == 1
        file.write_text(text.replace(f"{beginning}]", f"{beginning}, {added}]"))

    def metrics(self) -> pd.DataFrame:
        return pd.read_parquet(self.checkout.root / "results/wine/evaluation/wine/metrics.parquet")

    def students(self) -> set[str]:
        metrics = self.metrics()
        return set(metrics[metrics.kind == "student"].method)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Extended:
    made = Extended(Checkout(tmp_path_factory.mktemp("extended") / "checkout"))
    data = made.checkout.root / "data"
    data.mkdir()
    x, y = load_wine(return_X_y=True)
    assert x.shape == (178, 13)  # as the README says
    with open(data / "wine.data", "w", newline="") as handle:  # the layout of the UCI file
        csv.writer(handle).writerows([label + 1, *row] for label, row in zip(y.tolist(), x.tolist(), strict=True))
    made.follow("Add your dataset")
    assert made.students() == {"labels_map", "tip_entropy_map"}
    forest = RandomForestClassifier(50, random_state=0).fit(x[::2], y[::2])
    logits = np.log(forest.predict_proba(x) + 1e-3)
    with open(data / "forest_logits.csv", "w", newline="") as handle:
        rows = [[i, *row] for i, row in enumerate(logits.tolist())]
        csv.writer(handle).writerows([["id", "1", "2", "3"], *reversed(rows)])
    made.follow("Add a teacher")
    made.follow("Add a method")
    made.name("teachers: [wine_taste, wine_chemistry", "wine_forest")
    made.name("student: linear_wine\n        methods: [labels_map, tip_entropy_map", "tip_confidence_map")
    made.later = made.checkout.dry_run("--config", "study=wine")
    made.runs.append(made.checkout.snakemake("--config", "study=wine"))
    return made


def test_a_dataset_takes_less_than_forty_lines() -> None:
    written = [step for step in steps("Add your dataset") if step.language != "console"]
    assert [step.file for step in written] == ["workflow/datasets/wine.smk", STUDY]
    assert sum(len(step.text.splitlines()) for step in written) < 40


def test_the_new_dataset_gives_a_report(extended: Extended) -> None:
    assert (extended.checkout.root / "results/wine/report.html").stat().st_size > 1000


def test_the_readme_rule_is_formatted_and_clean(extended: Extended) -> None:
    run = extended.checkout.command("snakefmt", "--check", "workflow")
    assert run.status == 0, run.text
    assert "Congratulations" in extended.checkout.snakemake("--lint").text


def test_its_numbers_are_those_of_the_wines(extended: Extended) -> None:
    metrics = extended.metrics()
    accuracy = metrics[(metrics.metric == "accuracy") & (metrics.split == "test") & (metrics.domain == "all")]
    assert extended.students() == {"labels_map", "tip_entropy_map", "tip_confidence_map"}
    assert set(accuracy.method) >= {*extended.students(), "wine_taste", "wine_chemistry", "wine_forest"}
    assert (accuracy.value > 0.8).all()
    assert (accuracy.n == 36).all()


def test_a_new_teacher_and_method_compute_only_what_they_touch(extended: Extended) -> None:
    counted = [job.rule for job in extended.later]
    assert counted.count("teacher") == 1 and not {"prepare_wine", "prepare_table"} & set(counted)
    fits = [job.output for job in extended.later if job.rule == "student"]
    assert {fit.split("/")[-2] for fit in fits} == {"tip_entropy_map", "tip_confidence_map"}  # labels_map has no teachers


def test_the_new_part_was_tested_by_existing(extended: Extended) -> None:
    passed = re.search(r"(\d+) passed", extended.runs[1].text)
    assert passed and int(passed[1]) >= 10 and "failed" not in extended.runs[1].text


LOGITS, WINE = "data/forest_logits.csv", ("--config", "study=wine")


@pytest.mark.parametrize("date", [0, 4e9], ids=["an older date, as mv and cp -p leave it", "a newer date"])
def test_a_changed_file_of_logits_is_read_again_whatever_its_date(extended: Extended, date: float) -> None:
    with extended.checkout.edited(LOGITS, "\n177,", "\n177,1"):
        os.utime(extended.checkout.root / LOGITS, (date, date))
        assert "teacher" in {job.rule for job in extended.checkout.dry_run(*WINE)}


def test_a_large_file_that_is_only_touched_is_not_read_again(extended: Extended) -> None:
    (extended.checkout.root / LOGITS).touch()
    assert not extended.checkout.dry_run("--max-checksum-file-size", "1", *WINE)


def test_a_path_that_leads_nowhere_ends_a_run_whose_results_are_all_there(extended: Extended) -> None:
    with extended.checkout.edited(STUDY, LOGITS, "data/forest_logit.csv"):
        run = extended.checkout.command("snakemake", "--cores", "all", *WINE)
    assert run.status != 0 and "Traceback" not in run.text
    said = (
        "teachers.wine_forest.settings: data/forest_logit.csv: file: found nothing; expected a file, or a rule that makes it."
    )
    assert f"{said} Hint: did you mean 'forest_logits.csv'?" in run.text
