"""Loops that tell how far they are."""

import logging

import pytest

from mtbkd import progress


def test_every_item_comes_once_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert list(progress.steps(range(3, 50), "fits")) == list(range(3, 50))
    assert not caplog.records  # a short loop says nothing


def test_a_long_loop_tells_step_and_time_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10_000, 6))  # six seconds an item
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    with caplog.at_level(logging.INFO):
        list(progress.steps(range(1_000), "sgld, 8 chains"))
    first = caplog.records[0].getMessage()
    # The first look after ten seconds is the second one, at 12 s, when one of 1,000 items is done.
    assert first == "sgld, 8 chains: step 1 of 1,000, about 3.3 h left"
    assert len(caplog.records) == 500


@pytest.mark.parametrize(("seconds", "text"), [(35.2, "35 s"), (240, "4 min"), (9_000, "2.5 h")])
def test_spans_read_as_people_say_them(seconds: float, text: str) -> None:
    assert progress.span(seconds) == text
