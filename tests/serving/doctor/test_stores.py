"""The object store is asked before the first pod: keys, address, and whether a file can be written there."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mtbkd.serving.doctor.finding import Asked
from mtbkd.serving.doctor.stores import KEYS, storage

boto3 = pytest.importorskip("boto3", reason="make setup EXTRAS='dev kubernetes'")
ENDPOINT = "SNAKEMAKE_STORAGE_S3_ENDPOINT_URL"


def asked(prefix: str) -> str:
    found = storage(Asked(Path(), profile={"default-storage-provider": "s3", "default-storage-prefix": prefix}))
    return f"{found.name} {found.state}: {found}" if found else ""


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "mine")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, keys: None) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    monkeypatch.setenv(ENDPOINT, f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    started.stop()


def test_a_file_is_written_below_the_prefix_and_taken_away(server: str) -> None:
    client = boto3.client("s3", endpoint_url=server, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    client.create_bucket(Bucket="own")
    assert asked("s3://own/mtbkd") == "storage ok: s3://own/mtbkd can be written to"
    assert "Contents" not in client.list_objects_v2(Bucket="own")
    assert asked("s3://other/mtbkd") == "storage warning: other: no such bucket. Hint: the run tries to make it"


def test_a_prefix_that_is_no_place_in_a_store_is_refused(keys: None) -> None:
    for prefix in ("lab/mtbkd", "s3:///mtbkd", ""):
        assert asked(prefix) == f"storage fails: default-storage-prefix: found {prefix!r}. Hint: write s3://BUCKET/FOLDER"


def test_a_store_that_is_not_there_or_refuses_the_keys_is_told(keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{refusing.server_port}")
        threading.Thread(target=refusing.serve_forever, daemon=True).start()
        assert asked("s3://own/mtbkd").startswith("storage fails: s3://own/mtbkd: the store answers 403. Hint: check the keys")
        refusing.shutdown()
    silent = asked("s3://own/mtbkd")
    assert silent.startswith("storage fails: s3://own/mtbkd: Could not connect to the endpoint URL") and ENDPOINT in silent
