"""Raw files: what is fetched is the right file, whole, or nothing at all with every attempt explained."""

import gzip
import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mtbkd.base.errors import ContractError, MachineError
from mtbkd.data import downloads, raw_files
from mtbkd.data.downloads import DownloadError, fetch
from mtbkd.data.raw_files import RawFile, Source
from tests.conftest import file_limit

CONTENT = bytes(range(256)) * 20
KEY = "group/file.bin"


@dataclass
class Web:
    """A server whose paths behave as named; ``asked`` counts the requests of each."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)

    def file(self, *paths: str, content: bytes = CONTENT, **fields: object) -> dict[str, RawFile]:
        sources = tuple(Source(url=f"{self.url}/{path}", status="unverified", note="") for path in paths)
        described = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "licence": "none", **fields}
        return {KEY: RawFile.model_validate({**described, "sources": sources})}


def answer(path: str, times: int) -> tuple[int, bytes, int]:
    """Status, body and announced length of the ``times``-th request for ``path``."""
    match path:
        case "/truncated":
            return 200, CONTENT[:-100], len(CONTENT)
        case "/truncated-once":
            return 200, CONTENT if times > 1 else CONTENT[:-100], len(CONTENT)
        case "/short":
            return 200, CONTENT[:-100], len(CONTENT) - 100
        case "/long":
            return 200, CONTENT + b"more", len(CONTENT) + 4
        case "/wrong":
            return 200, CONTENT[::-1], len(CONTENT)
        case "/down":
            return 500, b"", 0
        case "/down-twice":
            return (200, CONTENT, len(CONTENT)) if times > 2 else (500, b"", 0)
        case "/repacked":
            body = gzip.compress(CONTENT, compresslevel=1, mtime=7)
            return 200, body, len(body)
        case "/ok":
            return 200, CONTENT, len(CONTENT)
    return 404, b"", 0


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(downloads, "BACKOFF", 0.0)
    monkeypatch.delenv(downloads.MIRROR_VARIABLE, raising=False)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    served = Web("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked[self.path] += 1
            status, body, length = answer(self.path, served.asked[self.path])
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def source_mirror(tmp_path: Path) -> Path:
    place = tmp_path / "mirror" / KEY
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    return tmp_path / "mirror"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def refused(registry: dict[str, RawFile], target: Path, mirror: Path | None = None) -> str:
    """The error's text, after checking that nothing half-written remains."""
    with pytest.raises(DownloadError) as caught:
        fetch([KEY], target, mirror, registry)
    assert files(target) == []
    return str(caught.value)


def test_a_url_gives_the_file_and_the_log_shows_progress(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        fetch([KEY], tmp_path, registry=web.file("ok"))
    assert files(tmp_path) == [tmp_path / KEY]
    assert (tmp_path / KEY).read_bytes() == CONTENT
    assert "100 %" in caplog.text and "verified" in caplog.text


def test_a_file_already_there_is_not_fetched_again(web: Web, tmp_path: Path):
    for _ in range(2):
        fetch([KEY], tmp_path, registry=web.file("ok"))
    assert web.asked == {"/ok": 1}


def test_a_wrong_file_already_there_is_replaced(web: Web, tmp_path: Path):
    (tmp_path / KEY).parent.mkdir()
    (tmp_path / KEY).write_bytes(CONTENT[::-1])
    fetch([KEY], tmp_path, registry=web.file("ok"))
    assert (tmp_path / KEY).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason", "asked"),
    [
        ("wrong", "sha256", 1),
        ("truncated", "IncompleteRead", downloads.BROKEN_OFF + 1),
        ("short", f"{len(CONTENT) - 100} bytes; expected {len(CONTENT)}", 1),
        ("long", f"more than the {len(CONTENT)} bytes", 1),
        ("down", "500", downloads.RETRIES + 1),
        ("nowhere", "404", 1),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(web: Web, tmp_path: Path, path: str, reason: str, asked: int):
    text = refused(web.file(path), tmp_path)
    assert reason in text
    assert f"{web.url}/{path} (unverified)" in text
    assert web.asked[f"/{path}"] == asked


def test_the_error_tells_how_to_get_the_file_by_hand(web: Web, tmp_path: Path):
    text = refused(web.file("wrong"), tmp_path)
    assert "set MTBKD_MIRROR" in text
    assert hashlib.sha256(CONTENT).hexdigest() in text and str(tmp_path / KEY) in text


@pytest.mark.parametrize(("path", "asked"), [("down-twice", 3), ("truncated-once", 2)])
def test_a_passing_trouble_is_retried(web: Web, tmp_path: Path, path: str, asked: int):
    fetch([KEY], tmp_path, registry=web.file(path))
    assert (tmp_path / KEY).read_bytes() == CONTENT
    assert web.asked[f"/{path}"] == asked


def test_the_next_source_is_tried_and_every_attempt_is_listed(web: Web, tmp_path: Path):
    text = refused(web.file("wrong", "nowhere"), tmp_path)
    assert text.count("  tried ") == 2
    fetch([KEY], tmp_path, registry=web.file("wrong", "nowhere", "ok"))
    assert (tmp_path / KEY).read_bytes() == CONTENT


def test_another_packing_of_the_same_content_is_accepted(web: Web, tmp_path: Path):
    packed = gzip.compress(CONTENT, compresslevel=9, mtime=1)
    registry = web.file("repacked", content=packed, content_sha256=hashlib.sha256(CONTENT).hexdigest())
    fetch([KEY], tmp_path, registry=registry)
    assert (tmp_path / KEY).read_bytes() != packed
    assert gzip.decompress((tmp_path / KEY).read_bytes()) == CONTENT
    other = web.file("repacked", content=packed, content_sha256=hashlib.sha256(b"other").hexdigest())
    assert "another packing" in refused(other, tmp_path / "other")


def test_a_file_whose_hash_nobody_knows_is_taken_with_a_warning(web: Web, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        fetch([KEY], tmp_path, registry=web.file("ok", sha256=None, bytes=len(CONTENT) + 1000))
    assert (tmp_path / KEY).read_bytes() == CONTENT and "UNVERIFIED CONTENT" in caplog.text
    text = refused(web.file("long", sha256=None), tmp_path / "other")
    assert f"more than the {len(CONTENT)} bytes" in text and "sha256" not in text


def test_the_mirror_comes_first(web: Web, tmp_path: Path, source_mirror: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(downloads.MIRROR_VARIABLE, str(source_mirror))
    fetch([KEY], tmp_path / "raw", registry=web.file("ok"))
    assert (tmp_path / "raw" / KEY).read_bytes() == CONTENT
    assert not web.asked


@pytest.mark.parametrize("content", [CONTENT[::-1], CONTENT[:-1], CONTENT + b"more", None])
def test_a_corrupt_or_missing_mirror_file_falls_back_to_the_url(
    web: Web, tmp_path: Path, source_mirror: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
):
    (source_mirror / KEY).unlink()
    if content is not None:
        (source_mirror / KEY).write_bytes(content)
    fetch([KEY], tmp_path / "raw", source_mirror, web.file("ok"))
    assert (tmp_path / "raw" / KEY).read_bytes() == CONTENT
    assert web.asked == {"/ok": 1}
    assert str(source_mirror / KEY) in caplog.text


def test_a_mirror_that_does_not_exist_is_an_error_that_names_the_variable(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(downloads.MIRROR_VARIABLE, str(tmp_path / "nowhere"))
    text = refused(web.file("ok"), tmp_path)
    assert "MTBKD_MIRROR" in text and "nowhere" in text
    assert not web.asked


def test_without_network_and_mirror_the_error_says_both(web: Web, tmp_path: Path):
    registry = web.file("ok")
    dead = registry[KEY].sources[0].model_copy(update={"url": "http://127.0.0.1:9/file"})
    text = refused({KEY: registry[KEY].model_copy(update={"sources": (dead,)})}, tmp_path)
    assert "refused" in text and "MTBKD_MIRROR is not set" in text


def test_a_file_without_sources_says_that_only_a_mirror_has_it(web: Web, tmp_path: Path):
    assert "no URL gives this file" in refused(web.file(), tmp_path)


def test_an_unknown_key_names_the_nearest(tmp_path: Path):
    with pytest.raises(DownloadError, match=r"did you mean 'mtbkd/data_our_test\.csv'"):
        fetch(["mtbkd/data_our_tset.csv"], tmp_path)


def test_no_source_follows_a_branch_that_may_move():
    urls = [source.url for file in raw_files.raw_files().values() for source in file.sources]
    assert urls and not [url for url in urls if "/main/" in url or "/master/" in url]


def test_the_subset_of_cifar10_says_so_and_has_no_url_of_the_whole():
    subset = raw_files.raw_files()["cifar10/cifar-10-binary-10k.tar.xz"]
    assert "SUBSET" in subset.note and not subset.sources


def test_the_mirror_holds_the_registered_files(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloads, "_download", lambda *_: pytest.fail("asked the network"))
    keys = [key for key in raw_files.raw_files() if (mirror / key).is_file()]
    assert keys
    fetch(keys, tmp_path, mirror)
    assert {str(path.relative_to(tmp_path)) for path in files(tmp_path)} == set(keys)


def test_a_raw_file_that_changed_after_it_was_fetched_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RawFile(bytes=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest(), licence="none")  # pyright: ignore
    monkeypatch.setattr(raw_files, "raw_files", lambda: {KEY: file})
    path = tmp_path / "results" / "downloads" / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    other = tmp_path / "file.bin"
    other.write_bytes(b"mine")
    raw_files.check_fetched([path, other])
    path.write_bytes(CONTENT[:50] + b"!" + CONTENT[51:])
    with pytest.raises(ContractError, match=r"file\.bin: content: found sha256 .*; expected the file that was fetched"):
        raw_files.check_fetched([str(path)])


def test_a_full_disk_ends_the_search_for_a_source(web: Web, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    with file_limit(1000), pytest.raises(MachineError, match=r"larger than the limit on files"):
        fetch([KEY], tmp_path / "target", registry=web.file("ok", "repacked"))
    assert web.asked["/repacked"] == 0
