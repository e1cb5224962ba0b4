"""What optimisers and chains did, in a few lines of text: `mtbkd try --watch`."""

import sys
from collections.abc import Iterator, Sequence

import numpy as np

from mtbkd.contracts.draws import Curve, Draws
from mtbkd.report.numbers import count
from mtbkd.serving.terminal import aligned

BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-~=+*#"
WIDTH = 48  # of a sparkline
TOLD_AT = (0, 0.1, 0.5, 0.9, 1)  # shares of the steps at which values are told
SHOWN_FROM = 0.02  # share of the steps from which on a sparkline takes its range


def watched(method: str, blocks: Sequence[Draws]) -> Iterator[str]:
    """The curves of a method's optimisers, and the trace of its chains, over all blocks of replicates."""
    for curves in zip(*(draws.curves for draws in blocks), strict=True):
        value = np.concatenate([curve.value for curve in curves])
        yield from _curve(method, Curve(curves[0].objective, curves[0].step, value))
    if not blocks[0].curves:
        yield f"{method}: no optimiser"
    if blocks[0].log_posterior.shape[1] > 1:
        yield from _trace(method, np.concatenate([draws.log_posterior for draws in blocks]))


def _curve(method: str, curve: Curve) -> Iterator[str]:
    replicates, starts, _ = curve.value.shape
    mean = np.nanmean(curve.best, axis=0) if np.isfinite(curve.best).any() else curve.best[0]
    end = curve.step[-1]
    shown = np.interp(np.linspace(0, end, WIDTH), curve.step, mean)
    yield (f"{method}: {curve.objective} per example (nats), best of {count(starts, 'start')}, "
           f"mean of {count(replicates, 'replicate')}")  # fmt: skip
    yield f"  {sparkline(shown, shown[np.linspace(0, 1, WIDTH) >= SHOWN_FROM], letters())}"
    at = [round(share * end) for share in TOLD_AT]
    yield from aligned([("  step", *(f"{step:,}" for step in at)),
                        ("  value", *(f"{np.interp(step, curve.step, mean):.4f}" for step in at))])  # fmt: skip
    yield f"  the last tenth of the steps brought {100 * curve.late_gain:.1f} % of the gain"


def _trace(method: str, values: np.ndarray) -> Iterator[str]:
    """Of log-posteriors (R, C, D)."""
    replicates, chains, draws = values.shape
    mean = np.nanmean(values.reshape(-1, draws), axis=0) if np.isfinite(values).any() else values[0, 0]
    parts = np.array_split(mean, min(WIDTH, draws))
    shown = np.array([part.mean() for part in parts])
    ends = (part[: max(1, draws // 10)].mean() for part in (mean, mean[::-1]))
    first, last = (f"{value:.2f}" for value in ends)
    yield (f"{method}: trace of the log-posterior over {count(draws, 'draw')}, mean of {count(chains, 'chain')} in "
           f"{count(replicates, 'replicate')}")  # fmt: skip
    yield f"  {sparkline(shown, letters=letters())}"
    yield f"  first tenth {first}, last tenth {last}, sd of a chain {np.nanmean(np.nanstd(values, -1)):.2f}"


def letters() -> str:
    """Low to high, as the terminal can show them."""
    return BLOCKS if (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf") else ASCII


def sparkline(values: np.ndarray, scale: np.ndarray | None = None, letters: str = BLOCKS) -> str:
    """A character a value, by height in the range of ``scale``, or their own; ``?`` for what is not finite.

    >>> sparkline(np.array([0, 1, 2, 3.5, np.nan]))
    '▁▃▅█?'
    """
    scale = values if scale is None else scale
    finite = scale[np.isfinite(scale)]
    if not finite.size:
        return "?" * len(values)
    low, high = finite.min(), finite.max()
    height = np.clip((values - low) / (high - low or 1), 0, 1) * (len(letters) - 1)
    return "".join(letters[round(h)] if np.isfinite(h) else "?" for h in height)
