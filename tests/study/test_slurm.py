"""What a run asks a SLURM cluster, with commands that answer as SLURM's do."""

from pathlib import Path

import pytest

from mtbkd.base.errors import ContractError
from mtbkd.study.slurm import Cluster, chosen, minutes, partitions

SINFO = "all*|2|1:00:00\nbig|16|infinite\nbig|64+|infinite\n"
CONFIG = "MinJobAge               = {age} sec"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, for commands."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder: Path, name: str, text: str = "", status: int = 0) -> None:
    file = folder / name
    answer = f"/bin/cat <<'END'\n{text}\nEND\n" if text else ""
    file.write_text(f"#!/bin/sh\n{answer}exit {status}\n")
    file.chmod(0o755)


def cluster(folder: Path, sacct: int | None, age: int = 300) -> None:
    put(folder, "sinfo", SINFO)
    put(folder, "scontrol", CONFIG.format(age=age))
    if sacct is not None:
        put(folder, "sacct", status=sacct)


def test_accounting_that_answers_is_used(commands: Path) -> None:
    cluster(commands, sacct=0, age=2)
    assert "SLURM: sacct tells how jobs end (there is accounting)" in str(Cluster.asked("sacct", None))


@pytest.mark.parametrize("sacct", [1, None])
def test_squeue_is_used_where_sacct_fails_or_is_missing(commands: Path, sacct: int | None) -> None:
    cluster(commands, sacct)
    asked = Cluster.asked("sacct", None)
    assert (asked.status, asked.partition.name, asked.partition.cores) == ("squeue", "all", 2)


def test_squeue_that_was_asked_for_stays(commands: Path) -> None:
    cluster(commands, sacct=0)
    assert Cluster.asked("squeue", "big").status == "squeue"


def test_a_controller_that_forgets_jobs_is_refused_without_accounting(commands: Path) -> None:
    cluster(commands, sacct=1, age=30)
    with pytest.raises(ContractError, match="MinJobAge: found 30 s, and no accounting; expected more than 180 s"):
        Cluster.asked("sacct", None)


def test_a_machine_without_slurm_is_told_so(commands: Path) -> None:
    with pytest.raises(ContractError, match=r"sinfo: found no such command; .*login node"):
        Cluster.asked(None, None)


def test_a_controller_that_is_away_is_told_so(commands: Path) -> None:
    put(commands, "sinfo", status=1)
    with pytest.raises(ContractError, match=r"sinfo: found 'exit status 1'; .*is the controller up"):
        Cluster.asked("sacct", None)


def test_the_largest_node_of_a_partition_counts() -> None:
    found = partitions(SINFO)
    assert chosen(found, "big").cores == 64 and chosen(found, None).name == "all"
    assert chosen(partitions("a|4|infinite\nb|8|infinite\n"), None).name == "b"


def test_an_unknown_partition_names_those_that_exist() -> None:
    with pytest.raises(ContractError, match="slurm_partition: found gpu; expected one of: all, big"):
        chosen(partitions(SINFO), "gpu")


@pytest.mark.parametrize(
    ("limit", "expected"), [("30:00", 30), ("1:00:00", 60), ("2-12:30:00", 3_630), ("infinite", None), ("n/a", None)]
)
def test_limits_of_time_are_read(limit: str, expected: int | None) -> None:
    assert minutes(limit) == expected
