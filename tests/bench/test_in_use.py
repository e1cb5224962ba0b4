"""What a user waits for is measured by the estimator and the command themselves, and judged."""

import pytest

from mtbkd.bench import in_use, verdict
from tests.bench.test_bench import measured


def test_fits_and_predictions_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_use, "METHODS", {"map": {}})
    monkeypatch.setattr(in_use, "DRAWS", 3)
    found = in_use.measure(rows=60, new_rows=20)
    assert set(found) == {"map_s", "rows_per_s"} and all(value > 0 for value in found.values())


def test_a_command_that_fails_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_use.cli, "main", lambda options: 1)
    monkeypatch.setattr(in_use, "METHODS", {"map": {}})
    with pytest.raises(RuntimeError, match="predict failed"):
        in_use.predict_seconds(in_use.fitted("map", 60).bundle_, 20)


def test_each_time_has_its_bound() -> None:
    used = {"map_s": 0.49, "laplace_s": 2.01, "sgld_s": 4.9, "rows_per_s": 9_999.0}
    rows = verdict.bounds({**measured(1.01), "in_use": used})
    assert [row["met"] for row in rows[-4:]] == [True, False, True, False]
