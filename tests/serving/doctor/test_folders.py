"""Disks that are full, read-only, shared or late."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtbkd.serving.doctor import folders, machine
from mtbkd.serving.doctor.finding import Asked


@pytest.fixture
def mounted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small disk of its own, with the options that the test asks for."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("this user cannot mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("mounted", ["ro"], indirect=True)
def test_a_folder_that_is_read_only_is_named(mounted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {each.name: each for each in folders.writable(Asked(mounted))}
    assert found["write results"].state == found["write .snakemake"].state == "fails"
    assert (
        str(found["write results"]) == f"{mounted}: a read-only file system. Hint: change its owner or mode, or run elsewhere"
    )
    assert found["write temporary files"].state == "ok"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(mounted / "numba"))
    assert [each.state for each in machine.compiled_code(Asked(mounted))] == ["warning"]


@pytest.mark.parametrize("mounted", ["size=64k"], indirect=True)
def test_a_full_disk_is_told_before_the_run_finds_it(mounted: Path) -> None:
    assert folders.refusal(mounted / "results") == f"{mounted}: the disk is full"
    assert folders.disk(Asked(mounted)).state == "fails" and "0.1 MB free" in folders.disk(Asked(mounted)).found
    assert not list(mounted.iterdir())


@pytest.mark.parametrize("mounted", ["nr_inodes=1"], indirect=True)
def test_a_disk_that_takes_no_more_files_is_full_too(mounted: Path) -> None:
    assert folders.disk(Asked(mounted)).found == "no room for another file (inodes)"


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results").touch()
    assert folders.refusal(tmp_path / "results") == f"{tmp_path}/results: a file, where a folder is needed"


def test_locks_work_here_and_one_that_keeps_nobody_out_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folders.locks(Asked(tmp_path)).state == "ok"

    class Open(folders.FileLock):
        def __enter__(self) -> "Open":
            return self

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(folders, "FileLock", Open)
    assert folders.locks(Asked(tmp_path)).found == f"{tmp_path}: two processes hold one lock"
    assert not list(tmp_path.iterdir())


def test_a_disk_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*arguments: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert folders.locks(Asked(tmp_path)).state == "fails"


@pytest.mark.parametrize(("late", "said"), [(0.0, "disk and machine agree"), (600.0, "the disk's is 600 s behind"),
                                            (-600.0, "the disk's is 600 s ahead")])  # fmt: skip
def test_a_disk_with_another_clock_is_found(late: float, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr(folders.time, "time", lambda: now() + late)
    assert folders.clock(Asked(tmp_path)).found == said


def test_the_innermost_mount_says_the_kind(tmp_path: Path) -> None:
    home = tmp_path / "my home"
    home.mkdir()
    mounts = tmp_path / "mountinfo"
    escaped = str(home).replace(" ", "\\040")
    mounts.write_text(f"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:50 / {escaped} rw shared:1 - nfs4 server:/home rw\n")
    assert folders.file_system(home / "study", mounts) == ("nfs4", "server:/home")
    assert folders.file_system(tmp_path, mounts) == ("ext4", "/dev/sda1")
    assert folders.file_system(tmp_path, tmp_path / "none") == ("", "")


def test_a_folder_that_others_share_or_do_not_is_a_warning_where_it_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"nfs4": "server:/home", "ext4": "/dev/sda1"}
    found = {}
    for kind, source in kinds.items():
        monkeypatch.setattr(folders, "file_system", lambda folder, kind=kind, source=source: (kind, source))
        for executor in ("local", "slurm"):
            found[kind, executor] = folders.sharing(Asked(tmp_path, profile={"executor": executor})).state
    assert found == {("nfs4", "local"): "warning", ("nfs4", "slurm"): "warning", ("ext4", "local"): "ok",
                     ("ext4", "slurm"): "warning"}  # fmt: skip


def test_the_limit_of_a_container_counts_as_its_memory(tmp_path: Path) -> None:
    texts = {
        "proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n",
        "sys/fs/cgroup/memory.max": "max\n",
        "sys/fs/cgroup/memory.current": "1000000000\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine.available(tmp_path) == 8_192_000_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("1500000000\n")
    assert machine.available(tmp_path) == 500_000_000


@pytest.mark.parametrize(("free", "state"), [(5e8, "fails"), (2e9, "warning"), (9e9, "ok")])
def test_little_memory_is_told(free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available", lambda: free)
    assert [each.state for each in machine.memory(Asked(tmp_path))] == [state]


def test_compiled_code_goes_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert [str(each) for each in machine.compiled_code(Asked(tmp_path))] == [str(tmp_path / "numba")]
    assert not os.listdir(tmp_path)
