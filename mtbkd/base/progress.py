"""Progress of long loops: a line in the log every ten seconds, and where somebody watches, a bar.

``shown`` puts up the bar around a piece of work, ``stage`` says what is being done, ``steps`` moves the bar along.
"""

import logging
import math
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds between lines of the log
RECENT = 8  # looks, the span of which the rate is taken from
PATIENCE = 0.5  # seconds that work lasts before it gets a bar
BLINK = 0.1  # seconds between two looks of the bar


class Bar:
    """A bar of tqdm that vanishes in the end, made once the work has lasted for ``patience`` seconds."""

    def __init__(self, patience: float) -> None:
        self.stages: list[str] = []
        self.due, self.made, self.note = time.monotonic() + patience, None, ""

    def move(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` steps of the stage are done; None for a stage without steps."""
        now, self.note = time.monotonic(), self.note if done else ""
        if now < self.due and (done or self.made is None):
            return
        self.due = now + BLINK
        told, form = ": ".join(self.stages), None if total else "{desc}"
        if self.made is None:
            shape = {"desc": told, "total": total, "initial": done, "bar_format": form, "unit": " steps"}
            self.made = _tqdm()(leave=False, file=sys.stderr, **shape)
            return
        bar = self.made
        bar.bar_format = form
        if not done or total != bar.total:
            bar.initial = done
            bar.reset(total)
        bar.n = done
        bar.set_postfix_str(self.note, refresh=False)
        bar.set_description_str(told)

    def close(self) -> None:
        if self.made is not None:
            self.made.close()


_bar: ContextVar[Bar | None] = ContextVar("bar", default=None)


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """Show the progress of what runs inside, unless ``quiet`` or where nobody would see it; inside another one, leave it to
    that one."""
    if _bar.get():
        yield
        return
    bar = Bar(PATIENCE if not quiet and _seen() else math.inf)
    token = _bar.set(bar)
    try:
        yield
    finally:
        _bar.reset(token)
        bar.close()


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Say on the bar, if there is one, what is being done inside."""
    bar = _bar.get()
    if bar is None:
        yield
        return
    bar.stages.append(name)
    bar.move(0, None)
    try:
        yield
    finally:
        bar.stages.pop()


def note(told: Callable[[], str]) -> None:
    """Write a few words behind the bar, if there is one."""
    if bar := _bar.get():
        bar.note = told()


def _seen() -> bool:
    """Whether somebody looks: at a notebook or a terminal, and not at many processes at once."""
    from multiprocessing import parent_process

    return (in_notebook() or (sys.stderr is not None and sys.stderr.isatty())) and parent_process() is None


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config


def _tqdm() -> Any:
    """The bar for where this runs; a notebook without widgets gets that of terminals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if in_notebook():
            from tqdm.autonotebook import tqdm
        else:
            from tqdm import tqdm
    return tqdm


def steps[T](items: Sequence[T], name: str, every: float = EVERY, ends: bool = False) -> Iterator[T]:
    """Yield ``items`` (a range of step numbers, usually) and log a line whenever ``every`` seconds have passed.

    Loops that end sooner log nothing. What is left is told from the time of the items since the last few lines; the first
    item, which may compile or load, and all before the first line are no evidence, so that the first line tells the step only.

    Args:
        items: what the loop runs over.
        name: what it does, for the line.
        every: seconds between lines.
        ends: an item stands for all steps up to the one that it names, not for one step.
    """
    at = [0, *map(int, items)] if ends else range(len(items) + 1)  # pyright: ignore[reportArgumentType]
    total, bar = at[-1], _bar.get()
    looks: deque[tuple[float, int]] = deque(maxlen=RECENT)  # (seconds, steps done) at earlier lines
    told = time.monotonic()
    for done, item in zip(at[:-1], items, strict=True):
        now = time.monotonic()
        if done and now - told >= every:
            left = ""
            if looks:
                since, before = looks[0]
                left = f", about {span((now - since) / (done - before) * (total - done))} left"
            log.info("%s: step %s of %s%s", name, f"{done:,}", f"{total:,}", left)
            told = now
            looks.append((now, done))
        if bar:
            bar.move(done, total)
        yield item


def span(seconds: float) -> str:
    """``35 s``, ``4 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
