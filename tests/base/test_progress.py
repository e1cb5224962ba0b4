"""Loops that tell how far they are."""

import logging
import sys
from collections.abc import Sequence
from types import SimpleNamespace

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


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks, and waits for nothing."""
    monkeypatch.setattr(progress, "_seen", lambda: True)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "BLINK", 0.0)


def test_a_bar_says_stage_and_share_and_leaves_nothing(watched: None, capsys: pytest.CaptureFixture) -> None:
    with progress.shown(), progress.stage("method a"), progress.stage("tuning, 6 candidates"):
        assert list(progress.steps([25, 50, 100], "fits", ends=True)) == [25, 50, 100]
    shown = capsys.readouterr().err.split("\r")
    assert any("method a: tuning, 6 candidates:  50%" in each and "50/100" in each for each in shown)
    assert not shown[-1].strip() and not shown[-2].strip()  # wiped out


def test_a_note_stands_behind_the_bar_of_its_loop_alone(watched: None, capsys: pytest.CaptureFixture) -> None:
    with progress.shown(), progress.stage("fit"):
        for step in progress.steps(range(4), "climb"):
            progress.note(lambda step=step: f"ELBO {step}")
        climbed = capsys.readouterr().err
        list(progress.steps(range(8), "draw"))
    assert "ELBO 2" in climbed and "ELBO" not in capsys.readouterr().err.split("0/8")[-1]


def test_the_stage_after_a_loop_has_no_share(watched: None, capsys: pytest.CaptureFixture) -> None:
    with progress.shown():
        with progress.stage("fit"):
            list(progress.steps(range(4), "fit"))
        with progress.stage("checks"):
            last = capsys.readouterr().err.split("\r")[-1]
    assert last.strip() == "checks"


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_shown_where_nobody_looks_or_wants_it(
    quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    if quiet:
        monkeypatch.setattr(progress, "_seen", lambda: True)
    with progress.shown(quiet), progress.shown(), progress.stage("fit"):
        assert list(progress.steps(range(3), "fit")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_work_that_is_done_at_once_gets_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(progress, "_seen", lambda: True)
    with progress.shown(), progress.stage("fit"):
        list(progress.steps(range(3), "fit"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("config", "expected"), [({"IPKernelApp": {}}, True), ({}, False), (None, False)])
def test_a_notebook_is_known_by_its_kernel(config: dict | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = None if config is None else SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert progress.in_notebook() is expected
