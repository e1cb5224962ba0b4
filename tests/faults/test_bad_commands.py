"""Every wrong command line is refused in one line."""

from pathlib import Path

import pytest

from tests.faults.student import refused, write_student
from tests.serving.examples import fasta

NAMES = [
    *("../..", "/etc", "a/b", "a b", "", ".", "-", "1st", "pr\u00f6tein", "a\nb", "nowhere", "*", "$HOME", "a;b", "\udcff"),
    *("a" * 101, "a" * 5000),
]
LONG, DIGITS = "a" * 5000, "9" * 5000
OPTIONS = [
    *(["--risk", value] for value in ("nan", "1e999", "inf", "-1", "0", "1.1", "1e-400", "1e-9", "ten", "", DIGITS)),
    *(["--level", value] for value in ("nan", "inf", "0", "1", "-0.5", "95", "1e-400", "0.99999999999999999999", "95%", "")),
    *(["--batch", value] for value in ("0", "-1", "1e3", "1.5", "100001", "9" * 400, DIGITS, "nan", "", "0x10")),
    *(["--device", value] for value in ("gpu", "cuda:0", "CUDA", "")),
    *(["--out", value] for value in ("out.xlsx", "out", "", ".", "/", "out.CSV", "out.csv.gz", "/dev/null", f"{LONG}.csv")),
    *(["--fasta", value] for value in ("nowhere.fasta", "", ".", "/dev/null", "/dev/zero", LONG, "-", "http://example.org/a")),
    *(["--bundle", value] for value in ("nowhere", "", "my.fasta", "/dev/null", "/", "student/card.json", LONG)),
    ["--risk"], ["--unknown"], ["stray"], ["--skip-invalid=yes"], ["--quiet", "yes"], ["--risk", "0.5", "--risk", "0.6"],
    ["--method", "a"], ["--study", "protein"], ["--experiment", "made_up"], ["--fasta", "one.fasta", "two.fasta"],
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad_commands")
    write_student(folder)
    fasta(folder, ["MKLVWSTQ"])
    return folder


def command(*more: str, student: bool = True) -> list[str]:
    given = {"--fasta": "my.fasta", "--out": "out.csv", "--bundle": "student" if student else ""}
    return ["predict", *(word for o, v in given.items() if v and o not in more for word in (o, v)), *more]


def show(value: object) -> str:
    return ascii(value)[:40]


@pytest.mark.parametrize("more", OPTIONS, ids=show)
def test_a_wrong_option_is_refused(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, more: list[str]
):
    monkeypatch.chdir(place)
    refused(command(*more), capsys, (1, 2))
    assert {path.name for path in place.iterdir()} == {"student", "my.fasta"}


@pytest.mark.parametrize("option", ["--study", "--experiment", "--method"])
@pytest.mark.parametrize("name", NAMES, ids=show)
def test_a_name_that_is_none_is_refused(
    place: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, option: str, name: str
):
    monkeypatch.chdir(place)
    refused(command(option, name, student=False), capsys, (1, 2))


@pytest.mark.parametrize("arguments", [[], ["forecast"], ["predict"], ["predict", "--out", "out.csv"]], ids=show)
def test_an_incomplete_command_is_refused(capsys: pytest.CaptureFixture, arguments: list[str]):
    refused(arguments, capsys, (2,))
