"""Progress of a long loop: every ten seconds the step and the approximate time remaining."""

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

EVERY = 10.0  # seconds
RECENT = 8  # looks, the span of which the rate is taken from


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
    total = at[-1]
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
        yield item


def span(seconds: float) -> str:
    """``35 s``, ``4 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
