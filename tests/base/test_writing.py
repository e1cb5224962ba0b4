"""mtbkd/base/writing.py: files appear whole or not at all, and only what dead processes of this host left is abandoned."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mtbkd.base import writing
from mtbkd.base.writing import Process, abandoned_parts, atomic


def dead_process() -> Process:
    """A process of this host that has ended."""
    code = "from mtbkd.base.writing import Process; me = Process.current(); print(me.host, me.pid, me.start)"
    host, pid, start = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return Process(host, int(pid), int(start))


def part(folder: Path, process: Process) -> Path:
    """An unfinished file of a process."""
    path = folder / f".table.csv.{process.host}.{process.pid}.{process.start}.part"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.touch()
    return path


def test_a_file_appears_whole_and_its_part_goes(tmp_path: Path) -> None:
    with atomic(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert [temporary] == list((tmp_path / "new").iterdir())
        assert abandoned_parts(tmp_path) == []
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("a.txt", "whole")]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ValueError, match="stop"), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise ValueError("stop")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_content_and_folder_reach_the_disk_before_and_after_the_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    flush, move = os.fsync, os.replace
    monkeypatch.setattr(
        writing.os, "fsync", lambda fd: (done.append(Path(os.readlink(f"/proc/self/fd/{fd}")).suffix), flush(fd))
    )
    monkeypatch.setattr(writing.os, "replace", lambda *paths: (done.append("move"), move(*paths)))
    with atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert done == [".part", "move", ""]


def test_only_what_a_dead_process_of_this_host_left_is_abandoned(tmp_path: Path) -> None:
    dead, alive = dead_process(), Process.current()
    left = part(tmp_path / "deep" / "er", dead)
    part(tmp_path, alive)
    part(tmp_path, replace(dead, host="elsewhere"))
    (tmp_path / ".table.csv.4711.part").touch()  # nobody knows whose
    assert abandoned_parts(tmp_path) == [left]


def test_a_number_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    me = Process.current()
    assert me.alive() and not replace(me, start=me.start + 1).alive()
    left = part(tmp_path, replace(me, start=me.start + 1))
    assert abandoned_parts(tmp_path) == [left]


def test_a_pipe_stays_a_pipe_and_gets_the_content(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    with atomic(pipe) as temporary:
        temporary.write_text("content")
    reader.join(10)
    assert found == ["content"] and pipe.is_fifo() and [*tmp_path.iterdir()] == [pipe]


def test_a_device_stays_a_device() -> None:
    with atomic("/dev/null") as temporary:
        temporary.write_text("content")
    assert Path("/dev/null").is_char_device()
