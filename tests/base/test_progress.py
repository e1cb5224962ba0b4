"""Loops that tell how far they are."""

import logging
from collections.abc import Sequence

import pytest

from mtbkd.base import progress


def test_every_item_comes_once_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert list(progress.steps(range(3, 50), "fits")) == list(range(3, 50))
    assert not caplog.records  # a short loop says nothing


class Clock:
    """Seconds that pass only where the loop says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def lines(took: Sequence[float], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a loop says whose items take so many seconds each."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    with caplog.at_level(logging.INFO):
        for i in progress.steps(range(len(took)), "sgld"):
            clock.now += took[i]
    return [record.getMessage() for record in caplog.records]


def test_a_long_loop_tells_step_and_time_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    told = lines([6.0] * 1_000, caplog, monkeypatch)
    assert told[:2] == ["sgld: step 2 of 1,000", "sgld: step 4 of 1,000, about 1.7 h left"]
    assert told[-1] == "sgld: step 998 of 1,000, about 12 s left"
    assert len(told) == 499


def test_compilation_is_not_extrapolated(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of 400 items compiles for 16 s, all others take 0.1 s: the mean so far would tell 1.8 h."""
    told = lines([16.0, *[0.1] * 399], caplog, monkeypatch)
    assert told[0] == "sgld: step 1 of 400"
    assert told[1] == "sgld: step 101 of 400, about 30 s left"


def test_the_rate_is_that_of_late(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    told = lines([5.0] * 40 + [1.0] * 200, caplog, monkeypatch)
    assert told[-1].startswith("sgld: step 23") and told[-1].endswith(f"about {240 - int(told[-1].split()[2])} s left")


@pytest.mark.parametrize(("seconds", "text"), [(35.2, "35 s"), (240, "4 min"), (9_000, "2.5 h")])
def test_spans_read_as_people_say_them(seconds: float, text: str) -> None:
    assert progress.span(seconds) == text
