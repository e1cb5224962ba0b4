"""A student on disk, and what every refusal of the command must look like."""

from pathlib import Path

import pytest

from mtbkd.serving import cli
from tests.serving.examples import bundle


def write_student(folder: Path) -> Path:
    bundle("map").write(folder / "student")
    return folder / "student"


def refused(arguments: list[str], capsys: pytest.CaptureFixture, statuses: tuple[int, ...] = (1,)) -> str:
    """What the command says; it fails unless that is one line, and the exit status is one of ``statuses``."""
    try:
        status = cli.main(arguments)
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr().err
    assert status in statuses, (status, said)
    assert said.startswith("mtbkd") and ": error: " in said and said.count("\n") == 1 and len(said) < 3000, said
    return said
