"""Are two methods practically equivalent over data sets? The Bayesian signed-rank test with a region of practical equivalence.

Benavoli, Corani, Demsar and Zaffalon (2017), Time for a change: a tutorial for comparing multiple classifiers through
Bayesian analysis, JMLR 18, section 4.2. With weights w ~ Dirichlet(S, 1, ..., 1) on a zero difference z_0 and the observed
z_1..z_n, the shares sum_ij w_i w_j [z_i + z_j < -2 r], [... within] and [... > 2 r] are a draw of how likely the difference
is lower, practically zero, higher on a further data set. Shapes: n data sets, B draws.
"""

from functools import cache
from typing import Literal, NamedTuple

import numpy as np

# A hundredth of the test examples; a hundredth of the label's probability (a factor exp(-.01) in its geometric mean).
ROPE = {"accuracy": 0.01, "nll": 0.01}
DECIDED = 0.95
STRENGTH = 0.5  # of the zero difference, as in the paper's code
DRAWS = 10_000  # a probability of .95 is then known to .002

Decision = Literal["lower", "equivalent", "higher", "open"]
NAMES: tuple[Decision, ...] = ("lower", "equivalent", "higher")


class Practical(NamedTuple):
    """Posterior probabilities that ``lower``, ``equivalent`` or ``higher`` is the most likely of the three; they sum to 1."""

    lower: float
    equivalent: float
    higher: float

    @property
    def decision(self) -> Decision:
        """The one whose probability is above ``DECIDED``, ``open`` otherwise."""
        decided: list[Decision] = [name for name in NAMES if getattr(self, name) > DECIDED]
        return (*decided, "open")[0]


def signed_rank(differences: np.ndarray, rope: float) -> Practical:
    """Compare from the differences (n,), one per data set; those within -rope..rope count as none.

    Raises:
        ValueError: no difference, one that is not finite, or a negative ``rope``.
    """
    if not len(differences) or not np.isfinite(differences).all() or rope < 0:
        raise ValueError(f"found {len(differences)} differences, rope {rope:g}; allowed: finite ones, rope >= 0")
    values = np.concatenate(([0.0], differences))
    sums = values[:, None] + values
    weights = _weights(len(differences))
    lower, higher = (((weights @ ((side > 2 * rope) + 0.5 * (side == 2 * rope))) * weights).sum(1) for side in (-sums, sums))
    # A share on the border of two regions counts half in each; ties of draws go to both in equal parts.
    shares = np.stack([lower, 1 - lower - higher, higher])
    best = np.isclose(shares, shares.max(0), rtol=0, atol=1e-12)
    return Practical(*map(float, (best / best.sum(0)).mean(1)))


@cache
def _weights(n: int) -> np.ndarray:
    """Draws (B, n + 1) of the weights, the zero difference first; the same in every call."""
    return np.random.default_rng(0).dirichlet([STRENGTH, *np.ones(n)], DRAWS)
