"""What is made of a student's draws: summaries, intervals, and words about the fit. S draws, N rows, F inputs, K classes."""

from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from mtbkd.serving.bundle import MOST_VALUES, Bundle, Card

UNCERTAINTY = {"total": 1, "expected": 2, "epistemic": 3, "mean_deviance": 0}  # name -> position in what ``decompose`` gives


class Interval(NamedTuple):
    """Ends of credible intervals of class probabilities, each (N, K)."""

    low: np.ndarray
    high: np.ndarray


def of_draws(bundle: Bundle, x: np.ndarray, summarise: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What ``summarise`` makes of the draws' probabilities (S, n, K) at standardised ``x`` (N, F), some rows at a time."""
    width = max((*bundle.student.hidden, 4 * len(bundle.card.class_names)))
    rows = max(1, MOST_VALUES // (bundle.card.draws * width))
    return np.concatenate([summarise(bundle.draw_probs(x[i : i + rows])) for i in range(0, len(x), rows)])


def in_html(card: Card, choice: str, doubts: Sequence[str]) -> str:
    """A list of what a fit has to say for itself."""
    held = card.scores["test"]
    told = [choice, f"held-out accuracy {held['accuracy']:.3f}, negative log-likelihood {held['nll']:.3f}"]
    told += [f"failed check: {gate}" for gate, verdict in card.gates.items() if verdict == "failed"]
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in (*told, *doubts))}</ul>"
