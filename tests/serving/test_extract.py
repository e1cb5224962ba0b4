"""From a fit to predictions on real proteins: 60 of the authors' release, and the README's commands."""

import csv
import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord

from mtbkd.contracts.artefacts import Dataset
from mtbkd.data.datasets import protein
from mtbkd.data.fasta import write_fasta
from mtbkd.serving import cli
from mtbkd.serving.making import make_bundle
from tests.serving.examples import make_spec

TAKEN = {protein.TRAIN: 36, protein.TEST: 14, protein.MULTILABEL: 10}
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def dataset(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """60 proteins, spread over each file."""
    raw = tmp_path_factory.mktemp("extract")
    for key, count in TAKEN.items():
        with open(mirror / key, newline="") as handle:
            header, *rows = csv.reader(handle)
        (raw / key).parent.mkdir(exist_ok=True)
        with open(raw / key, "w", newline="") as handle:
            csv.writer(handle).writerows([header, *rows[:: len(rows) // count][:count]])
    settings = protein.Settings.model_validate({"encoders": {"descriptors": {}}, "val_share": 0.4})
    return protein.prepare("protein", settings, seed=1, replicates=range(1), raw=raw)


@pytest.fixture
def place(dataset: Dataset, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study's student and a FASTA file of 25 proteins of the HPA set; the working directory."""
    make_bundle(make_spec(), dataset, [], "protein", "extract").write(tmp_path / "results/protein/bundles/extract/labels_sgld")
    with gzip.open(mirror / "deeploc2/hpa_testset.csv.gz", "rt") as handle:
        rows = [row for row, _ in zip(csv.DictReader(handle), range(25), strict=False)]
    write_fasta((SeqRecord(Seq(row["Sequence"]), id=row["ACC"], description="") for row in rows), tmp_path / "my.fasta")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[list[str]]:
    """Every `mtbkd predict` of the README's section."""
    section = README.read_text().split("\n## Use a student on your own proteins\n")[1].split("\n## ")[0]
    lines = re.sub(r"\\\n\s*", "", "".join(re.findall(r"```console\n(.*?)```", section, re.DOTALL))).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mtbkd ")]


def test_the_readme_s_commands_predict_proteins_of_another_source(place: Path, capsys: pytest.CaptureFixture):
    assert len(commands()) >= 2
    for arguments in commands():
        if "--risk" in arguments:  # 14 validation proteins promise little
            arguments[arguments.index("--risk") + 1] = "1"
        assert cli.main(arguments) == 0, capsys.readouterr().err
    rows = list(csv.DictReader((place / "predictions.csv").open()))
    assert len(rows) == 25 and {row["predicted"] for row in rows} <= set(protein.LOCATIONS)
    for row in rows:
        assert sum(float(row[f"prob_{name}"]) for name in protein.LOCATIONS) == pytest.approx(1, abs=1e-4)


def test_the_student_says_the_same_of_a_test_protein_as_in_the_study(dataset: Dataset, mirror: Path, tmp_path: Path):
    bundle = make_bundle(make_spec(), dataset, [], "protein", "extract")
    bundle.write(tmp_path / "student")
    with open(mirror / protein.TEST, newline="") as handle:
        chain = {row["ACC"]: row["Sequence"] for row in csv.DictReader(handle)}
    rows = dataset.rows("test")
    write_fasta((SeqRecord(Seq(chain[name]), id=name, description="") for name in dataset.ids[rows]), tmp_path / "test.fa.gz")
    asked = ["predict", "--bundle", str(tmp_path / "student"), "--fasta", str(tmp_path / "test.fa.gz")]
    assert cli.main([*asked, "--out", str(tmp_path / "out.csv"), "--risk", "1", "--quiet"]) == 0
    found = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["id"] for row in found] == dataset.ids[rows].tolist()
    expected = bundle.draw_probs(dataset.x[0, rows]).mean(0)
    predicted = [[float(row[f"prob_{name}"]) for name in protein.LOCATIONS] for row in found]
    np.testing.assert_allclose(predicted, expected, atol=1e-4)
