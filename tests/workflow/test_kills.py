"""A study that was killed gives, bit for bit, what an undisturbed run gives; tests/faults/kills.py kills it twenty times."""

from pathlib import Path

import pytest

from tests.faults.kills import COMMAND, compared, differences
from tests.workflow.conftest import Checkout, Smoke

pytestmark = pytest.mark.workflow


def test_kills_change_no_number(smoke: Smoke, fresh: Checkout) -> None:
    fresh.snakemake(*COMMAND[1:])
    calm = fresh.root / "results"
    asked_for_by_other_tests = ("bundles", "alive", "dead", "elsewhere")
    differing = [
        d for d in differences(calm, smoke.checkout.root / "results") if d.split("/")[1] not in asked_for_by_other_tests
    ]
    assert differing == []
    assert {Path(name).suffix for name in compared(calm)} >= {".nc", ".parquet", ".csv", ".svg", ".png", ".safetensors"}


def test_a_changed_bit_is_found(tmp_path: Path) -> None:
    for run, last in (("a", b"\0"), ("b", b"\1")):
        (tmp_path / run).mkdir()
        (tmp_path / run / "data.safetensors").write_bytes(b"data" + last)
        (tmp_path / run / "report.html").write_bytes(last)
    (tmp_path / "b" / "more.csv").touch()
    assert differences(tmp_path / "a", tmp_path / "b") == ["data.safetensors", "more.csv"]
