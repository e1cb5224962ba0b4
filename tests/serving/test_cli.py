"""`mtbkd predict`: files, messages and exit statuses, as a user sees them."""

import csv
import errno
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtbkd.serving import cli, predicting
from tests.conftest import file_limit
from tests.serving.examples import CLASSES, bundle, chains, fasta


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("sgld", "map"):
        bundle(name).write(tmp_path / f"results/protein/bundles/made_up/labels_{name}")
    return tmp_path / "results"


def run(results: Path, fasta: Path, out: Path, *more: str, method: str | None = "labels_sgld") -> int:
    """``more`` stands in place of what the other arguments say; a folder of a student, of its names, too."""
    given = {"--results": str(results), "--fasta": str(fasta), "--out": str(out), "--method": method}
    left = {name: value for name, value in given.items() if value and name not in more}
    if "--bundle" in more:
        left.pop("--method", None)
    return cli.main(["predict", *(word for option in left.items() for word in option), *more])


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
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
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
    for risk in ("0.4", "0.6", "1"):
        assert run(results, path, tmp_path / "out.csv", "--risk", risk, "--quiet") == 0
        answered.append(sum(row["abstain"] == "no" for row in csv.DictReader((tmp_path / "out.csv").open())))
    assert answered[0] <= answered[1] <= answered[2] and answered[0] < answered[2]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--risk", "0.001"], "validation cannot promise less"),
        (["--risk", "-1"], "a share above 0"),
        (["--study", "nowhere"], "snakemake --cores all --config study=nowhere"),
        (["--experiment", "other"], "found made_up labels_map, made_up labels_sgld"),
        (["--bundle", "nowhere"], "a folder with student.safetensors and card.json"),
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


def test_a_gpu_that_is_not_there_is_refused_by_its_option(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", "--device", "cuda") == 1
    assert "--device: value: found cuda; expected a CUDA device" in capsys.readouterr().err


def test_wrong_chains_end_the_command_and_may_be_left_out(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    path = fasta(tmp_path, ["MKLV", "MK*LV"])
    assert run(results, path, tmp_path / "out.csv") == 1
    assert "1 of 2 records" in capsys.readouterr().err and not (tmp_path / "out.csv").exists()
    assert run(results, path, tmp_path / "out.csv", "--skip-invalid") == 0
    assert "left out: Q1" in capsys.readouterr().err
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


def test_help_needs_no_knowledge_of_the_code(capsys: pytest.CaptureFixture):
    assert cli.main(["predict", "--help"]) == 0
    told = capsys.readouterr().out
    assert "mtbkd predict --student student --table" in told and "exit status" in told
    assert cli.main(["predict"]) == 2


def test_cells_that_spreadsheets_take_for_formulas_are_written_as_text(results: Path, tmp_path: Path):
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "sp|P1|=2", "'quoted", '"a",b']
    path = tmp_path / "my.fasta"
    path.write_text("".join(f">{name}\nMKLV\n" for name in names))
    for name in ("out.csv", "out.json"):
        assert run(results, path, tmp_path / name, "--quiet") == 0
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["id"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "sp|P1|=2", "'quoted", '"a",b']
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in (row["id"], row["predicted"]))
    assert [each["id"] for each in json.loads((tmp_path / "out.json").read_text())["proteins"]] == names


def place(kind: str, fasta: Path, student: Path) -> Path:
    """A place that must not be written, as ``--out``."""
    folder = fasta.parent
    target = folder / "target.csv"
    match kind:
        case "the input":
            return fasta
        case "another spelling":
            (folder / "below").mkdir()
            return folder / "below" / ".." / fasta.name
        case "a hard link":
            target.hardlink_to(fasta)
        case "a link to the input":
            target.symlink_to(fasta)
        case "a link":
            target.symlink_to(folder / "elsewhere.csv")
        case "a folder":
            target.mkdir()
        case "a pipe":
            os.mkfifo(target)
        case "below a file":
            (folder / "file").write_text("")
            return folder / "file" / "out.csv"
        case "the card":
            return student / "card.json"
        case "too long a name":
            return folder / f"{'a' * 249}.csv"
    return target


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("the input", "the same file as"),
        ("another spelling", "the same file as"),
        ("a hard link", "the same file as"),
        ("a link to the input", "the link"),
        ("a link", "the link"),
        ("a folder", "the folder"),
        ("a pipe", "the pipe or device"),
        ("below a file", "expected a folder to write into"),
        ("the card", "the same file as"),
        ("too long a name", "aaa.csv: File name too long"),
    ],
)
def test_a_place_that_must_not_be_written_is_refused_before_any_work(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, kind: str, told: str
):
    monkeypatch.setattr("mtbkd.serving.predicting.check_fasta", lambda *given: pytest.fail("work was done"))
    path = fasta(tmp_path, ["MKLV"], "my.csv")
    student = results / "protein/bundles/made_up/labels_sgld"
    before = path.read_bytes(), (student / "card.json").read_bytes()
    assert run(results, path, place(kind, path, student)) == 1
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said
    assert (path.read_bytes(), (student / "card.json").read_bytes()) == before
    assert not (tmp_path / "elsewhere.csv").exists() and not list(tmp_path.glob("**/.*.part"))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_stopped_leaves_what_was_there(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, number: int, status: int
):
    def stopped(*given: object):
        yield from list(predicting.summarised([predicting.Protein("a", "MK")], np.full((1, 1, 3), 1 / 3, np.float32), 0.1, 0.9))
        assert list(tmp_path.glob(".*.part"))
        os.kill(os.getpid(), number)
        yield from ()

    monkeypatch.setattr(predicting, "predict", stopped)
    before = signal.getsignal(number)
    (tmp_path / "out.csv").write_text("of yesterday")
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", "--quiet") == status
    said = capsys.readouterr().err.strip()
    assert said.startswith("mtbkd: ") and "\n" not in said
    assert (tmp_path / "out.csv").read_text() == "of yesterday" and not list(tmp_path.glob(".*.part"))
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_command_that_is_stopped_before_it_writes_ends_at_once(name: str, status: int):
    code = "import os, signal; from mtbkd.serving import cli, predict_command"
    code += f"; predict_command._check_options = lambda asked: os.kill(os.getpid(), signal.{name})"
    code += "; cli.main(['predict', '--fasta', 'a', '--out', 'b.csv'])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert (found.returncode, found.stderr) == (status, f"mtbkd: stopped by {name}\n")


def test_a_full_disk_is_one_line_that_names_the_file(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    path = fasta(tmp_path, chains(400, seed=3)[0])
    with file_limit(20_000):
        assert run(results, path, tmp_path / "out.csv", "--quiet") == 1
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"mtbkd: error: {tmp_path / 'out.csv'}: the file is larger than the limit on files. Hint: raise")
    assert not (tmp_path / "out.csv").exists() and not list(tmp_path.glob(".*.part"))


def test_a_file_that_changes_while_it_is_read_is_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    path, check = fasta(tmp_path, ["MKLV", "MKLW"]), predicting.check_fasta

    def changed(*given: object):
        found = check(*given)
        path.write_text(path.read_text().replace("MKLW", "MKWW"))
        return found

    monkeypatch.setattr(predicting, "check_fasta", changed)
    assert run(results, path, tmp_path / "out.csv", "--quiet") == 1
    assert "content: found another one than a moment ago" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_too_little_memory_names_the_option_that_needs_less(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")):
        monkeypatch.setattr("mtbkd.serving.bundle.Bundle.draw_probs", lambda *given, error=error: _raise(error))
        assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", "--quiet") == 1
        assert "--batch: memory: found too little for 1 proteins" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "out.csv: the disk is full. Hint: free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "out.csv: the disk quota is used up. Hint: free some of your space"),
        (MemoryError("Unable to allocate 7 TiB"), "not enough memory (Unable to allocate 7 TiB). Hint: use a smaller --batch"),
        (ImportError("libtorch_cuda.so: failed to map segment"), "not enough memory (libtorch_cuda.so: failed to map segment)"),
        (OSError(errno.ENOTEMPTY, "Directory not empty"), "out.csv: Directory not empty"),
    ],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_what_the_machine_lacks_is_said_in_the_words_of_the_command(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
):
    monkeypatch.setattr("mtbkd.serving.predicting.check_fasta", lambda *given: _raise(error))
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", "--quiet") == 1
    said = capsys.readouterr().err
    assert said.startswith("mtbkd: error: ") and told in said and said.count("\n") == 1 and "--cores" not in said
    assert "finished results are kept" not in said and not (tmp_path / "out.csv").exists()


def test_students_that_were_exchanged_are_refused(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    place = results / "protein" / "bundles" / "made_up"
    shutil.copytree(place / "labels_map", place / "labels_sgld", dirs_exist_ok=True)
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv", method=None) == 1
    assert "student: found protein made_up labels_map; expected protein made_up labels_sgld" in capsys.readouterr().err


def _raise(error: Exception):
    raise error


class Closed(io.StringIO):
    """A stream that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_messages_that_nobody_reads_end_the_command_without_a_traceback(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stderr", Closed())
    assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv") == 141
    assert not (tmp_path / "out.csv").exists() and not list(tmp_path.glob(".*.part"))


def test_a_stream_that_a_caller_put_in_place_of_standard_output_stays_the_callers(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with (tmp_path / "kept.txt").open("w") as kept:
        monkeypatch.setattr(sys, "stdout", kept)
        monkeypatch.setattr(sys, "stderr", Closed())
        assert run(results, fasta(tmp_path, ["MKLV"]), tmp_path / "out.csv") == 141
        kept.write("after")
    assert (tmp_path / "kept.txt").read_text() == "after"


def test_help_that_nobody_reads_leaves_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mtbkd.serving.cli", "predict", "--help"]
    closed = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, encoding="utf-8")
    os.close(writer)
    assert closed.returncode in (0, 141) and not closed.stderr


def test_a_locale_without_utf_8_changes_nothing(results: Path, tmp_path: Path):
    folder = tmp_path / "größe"
    folder.mkdir()
    path = fasta(folder, ["MKLV", "MKLW"])
    path.write_bytes(path.read_bytes().replace(b">Q0 made up", ">Qé0 été".encode()))
    command = [
        sys.executable,
        "-m",
        "mtbkd.serving.cli",
        "predict",
        "--bundle",
        str(results / "protein/bundles/made_up/labels_map"),
    ]
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    out = folder / "aus.csv"
    found = subprocess.run([*command, "--fasta", str(path), "--out", str(out)], env=plain, capture_output=True)
    assert found.returncode == 0, found.stderr
    assert [row["id"] for row in csv.DictReader(out.open(encoding="utf-8"))] == ["Qé0", "Q1"]
