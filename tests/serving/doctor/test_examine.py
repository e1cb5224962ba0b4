"""All checks together; downloads against a server of this machine; versions against pins of the test's own."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtbkd.base import suite
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.data.raw_files import RawFile, Source
from mtbkd.serving import cli
from mtbkd.serving.doctor import downloads, examine, folders, versions
from mtbkd.serving.doctor.finding import Asked, Finding


def fine(asked: Asked) -> Finding:
    return Finding("fine", "ok", "yes")


def broken(asked: Asked) -> Finding:
    raise ZeroDivisionError("by nought")


def refused(asked: Asked) -> Iterator[Finding]:
    yield Finding("first", "ok", "yes")
    raise ConfigError("mirror: found 'x', which is no folder. Hint: unset it.")


def silent(asked: Asked) -> Finding:
    threading.Event().wait(60)
    raise AssertionError


def test_no_check_stops_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "PATIENCE", 1.0)
    study, *found = examine.examine(tmp_path, "smoke", checks=(silent, broken, refused, fine))
    assert study == Finding("study", "ok", "smoke: 1 experiments, 1 questions, device: auto")
    assert [f"{each.name} {each.state}: {each}" for each in found] == [
        "silent fails: no answer in 1 s. Hint: a disk or a server hangs",
        f"broken fails: the check itself failed (ZeroDivisionError: by nought). Hint: {examine.REPORT}",
        "first ok: yes",
        "refused fails: mirror: found 'x', which is no folder. Hint: unset it",
        "fine ok: yes",
    ]


def test_a_configuration_that_is_refused_is_a_line_a_mistake_and_the_rest_is_checked(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("study: smoke\ndevice: gpu\nseed: -1\n")
    *study, last = examine.examine(tmp_path, checks=(folders.locks,))
    assert [each.state for each in study] == ["fails", "fails"] and last == Finding("locks", "ok", "one holder at a time")
    assert any("device" in each.found for each in study) and any("seed" in each.found for each in study)
    assert examine.examine(tmp_path, "smokee", checks=())[0].state == "fails"


def test_a_profile_is_found_by_its_name_and_brings_its_settings(tmp_path: Path) -> None:
    assert examine.examine(tmp_path, "smoke", "gpu", ())[0].found.endswith("device: cuda")
    with pytest.raises(ContractError, match=r"--profile: value: found 'slrum'; expected one of .*slurm.*did you mean 'slurm'"):
        examine.examine(tmp_path, "smoke", "slrum", ())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.yaml").write_text("executor: slurm\n")
    assert examine.read_profile("mine", tmp_path) == {"executor": "slurm"}


def test_every_check_says_something_of_this_machine_and_leaves_nothing(tmp_path: Path) -> None:
    found = examine.examine(tmp_path, "smoke")
    assert not [each for each in found if "check itself failed" in each.found]
    assert {"versions", "disk", "memory", "write results", "locks", "clock", "compiled code", "GPU", "raw files"} <= {
        each.name for each in found
    }
    assert not list(tmp_path.iterdir())


class Server(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response({"/there": 200, "/no-head": 405}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def study(monkeypatch: pytest.MonkeyPatch, **sources: str | None) -> Any:
    """A plan that needs a file a keyword, each from its address or from nowhere."""
    files = {
        f"toy/{name}": RawFile(
            bytes=2_000_000, sha256=None, licence="none", sources=(Source(url=url, status="verified"),) if url else ()
        )
        for name, url in sources.items()
    }
    for module in (downloads, folders):
        monkeypatch.setattr(module, "raw_files", lambda: files)
    monkeypatch.delenv("MTBKD_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return SimpleNamespace(raw=tuple(files))


def test_addresses_are_asked_without_fetching(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = study(monkeypatch, a=f"{server}/there", b=f"{server}/no-head", c=f"{server}/gone", d="http://127.0.0.1:1/", e=None)
    found = [f"{each.state}: {each.found}" for each in downloads.downloads(Asked(tmp_path, plan=plan))]
    assert found == [
        f"fails: toy/c: {server}/gone answers 404",
        "fails: toy/d: http://127.0.0.1:1/ does not answer (ConnectionError)",
        "fails: toy/e: no address gives it",
        "ok: 2 of 5 to download (10.0 MB): their addresses answer",
    ]


def test_files_at_hand_ask_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = study(monkeypatch, a="http://127.0.0.1:1/")
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("MTBKD_MIRROR", str(mirror))
    *_, found = examine.examine(tmp_path, "protein", checks=(downloads.downloads,))
    assert str(found) == f"{mirror}: no such folder. Hint: unset MTBKD_MIRROR to download from the web"
    (mirror / "toy").mkdir(parents=True)
    (mirror / "toy/a").touch()
    assert [each.found for each in downloads.downloads(Asked(tmp_path, plan=plan))][-1] == "all 1 at hand"


def test_room_is_counted_for_what_is_still_to_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = study(monkeypatch, a="http://127.0.0.1:1/")
    assert folders.disk(Asked(tmp_path, plan=plan)).found.endswith(" free, 2.0 MB to download")
    monkeypatch.setattr(folders.shutil, "disk_usage", lambda place: SimpleNamespace(free=2e6 + folders.LEAST - 1))
    assert folders.disk(Asked(tmp_path, plan=plan)).state == "fails"


def test_other_versions_than_the_locked_ones_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/cpu.yaml").write_text(
        "      - 'numpy==0.1'\n      - 'jax[cuda13]==1; sys_platform == \"x\"'\n      - 'no-such-package==1'\n"
    )
    monkeypatch.setattr(suite, "root", lambda: tmp_path)
    missing, other = versions.versions(Asked(tmp_path))
    assert missing.state == "fails" and "no-such-package" in missing.found
    assert other.state == "warning" and "(locked: 0.1)" in other.found


def test_all_direct_dependencies_are_held_against_their_pins() -> None:
    assert {"torch", "numpy", "snakemake", "filelock"} <= set(versions.pins(suite.root() / "envs" / "cpu.yaml"))


@pytest.mark.parametrize(
    ("checks", "status", "last"), [((fine,), 0, "ready to run"), ((fine, broken), 1, "1 of 3 checks fail")]
)
def test_the_command_says_a_line_a_check_and_its_status(
    checks: Any, status: int, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    every = examine.examine
    monkeypatch.setattr(examine, "examine", lambda folder, study, profile: every(folder, study, profile, checks))
    assert cli.main(["doctor", "--study", "smoke"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[: len(checks) + 1]][:2] == [["study", "ok"], ["fine", "ok"]]
    assert lines[-1] == last and len(lines) == len(checks) + 3


def test_an_unknown_profile_ends_the_command_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--profile", "slrum"]) == 1
    assert capsys.readouterr().err.startswith("mtbkd: error: --profile: value: found 'slrum'; expected one of default, gpu")
