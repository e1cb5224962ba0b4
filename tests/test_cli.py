"""`mtbkd predict`: files, messages and exit statuses, as a user sees them."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from mtbkd import cli
from tests.serving.examples import CLASSES, bundle, chains, fasta


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("sgld", "map"):
        bundle(name).write(tmp_path / f"results/protein/bundles/made_up/labels_{name}")
    return tmp_path / "results"


def run(results: Path, fasta: Path, out: Path, *more: str, method: str | None = "labels_sgld") -> int:
    chosen = ["--method", method] if method else []
    return cli.main(["predict", "--results", str(results), "--fasta", str(fasta), "--out", str(out), *chosen, *more])


def test_a_csv_has_one_row_a_protein(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    found, y = chains(12, seed=9, share=0.8)
    assert run(results, fasta(tmp_path, found), tmp_path / "out.csv", "--risk", "0.4") == 0
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["id"] for row in rows] == [f"Q{i}" for i in range(12)]
    assert [row["predicted"] for row in rows] == [CLASSES[k] for k in y]
    for row in rows:
        probs = [float(row[f"prob_{name}"]) for name in CLASSES]
        assert sum(probs) == pytest.approx(1, abs=1e-4) and float(row["probability"]) == max(probs)
        assert all(float(row[f"low_{name}"]) <= float(row[f"high_{name}"]) for name in CLASSES)
        assert row["abstain"] in ("yes", "no") and 0 <= float(row["epistemic_share"]) <= 1
    told = capsys.readouterr().err
    assert "12 proteins, 492 residues" in told and "at most 40.0% wrong" in told and "12 proteins written" in told


def test_json_says_the_same_and_how_far_to_trust_it(results: Path, tmp_path: Path):
    path = fasta(tmp_path, chains(5, seed=9)[0])
    packed = tmp_path / "packed.fa.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for source, name in ((path, "out.csv"), (packed, "out.json")):
        assert run(results, source, tmp_path / name, "--batch", "2", "--quiet") == 0
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["student"]["method"] == "labels_sgld" and content["limits"] and content["risk"]["level"] >= 0.1
    for row, each in zip(csv.DictReader((tmp_path / "out.csv").open()), content["proteins"], strict=True):
        assert row["id"] == each["id"] and row["predicted"] == each["predicted"]
        assert float(row["mean_deviance"]) == pytest.approx(each["mean_deviance"], rel=1e-4)
        assert {name: float(row[f"prob_{name}"]) for name in CLASSES} == pytest.approx(
            {name: value["prob"] for name, value in each["classes"].items()}, abs=1e-5
        )


def test_without_a_method_the_likeliest_student_is_taken(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    likeliest = min(("sgld", "map"), key=lambda name: bundle(name).card.scores["val"]["nll"])
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", method=None) == 0
    told = capsys.readouterr().err
    assert "there are also: made_up labels_" in told and f"method labels_{likeliest}," in told


def test_a_higher_risk_is_answered_more_often(results: Path, tmp_path: Path):
    path, answered = fasta(tmp_path, chains(60, seed=10)[0]), []
    for risk in ("0.3", "0.5", "1"):
        assert run(results, path, tmp_path / "out.csv", "--risk", risk, "--quiet") == 0
        answered.append(sum(row["abstain"] == "no" for row in csv.DictReader((tmp_path / "out.csv").open())))
    assert answered[0] <= answered[1] <= answered[2] and answered[0] < answered[2]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--risk", "0.001"], "validation cannot promise less"),
        (["--risk", "-1"], "a share above 0"),
        (["--level", "1.5"], "a number between 0 and 1"),
        (["--batch", "0"], "an integer above 0"),
        (["--study", "nowhere"], "snakemake --cores all --config study=nowhere"),
        (["--experiment", "other"], "found made_up labels_map, made_up labels_sgld"),
        (["--bundle", "nowhere"], "the card of a student"),
        (["--out", "out.xlsx"], "ends in .csv or .json"),
        (["--fasta", "nowhere.fasta"], "a FASTA file"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, more: list[str], told: str
):
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", *more) == 1
    said = capsys.readouterr().err.strip()
    assert told in said and said.startswith("mtbkd: error: ") and "\n" not in said
    assert not (tmp_path / "out.csv").exists()


def test_wrong_chains_end_the_command_and_may_be_left_out(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    path = fasta(tmp_path, ["MKLV", "MK*LV"])
    assert run(results, path, tmp_path / "out.csv") == 1
    assert "1 of 2 records" in capsys.readouterr().err and not (tmp_path / "out.csv").exists()
    assert run(results, path, tmp_path / "out.csv", "--skip-invalid") == 0
    assert "left out: Q1" in capsys.readouterr().err
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


def test_help_needs_no_knowledge_of_the_code(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as ended:
        cli.main(["predict", "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0 and "example: mtbkd predict" in told and "exit status" in told
    with pytest.raises(SystemExit) as wrong:
        cli.main(["predict"])
    assert wrong.value.code == 2
