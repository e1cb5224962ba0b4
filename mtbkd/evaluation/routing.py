"""Teachers routed by domain: each example is predicted by the teacher of its domain, which students do not know.

What experts reach when somebody knows whom to ask. Shapes: N examples, m of them, K classes.
"""

from collections.abc import Sequence

import numpy as np

from mtbkd.contracts.artefacts import Logits
from mtbkd.evaluation.scoring import Examples

ROUTED = "teachers:routed"


def routed(
    teachers: Sequence[Logits], examples: Examples, probs: dict[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``teachers:routed``: the mean probabilities of the teachers of an example's domain, of all where none has it.

    Args:
        teachers: their cards name the domain that each mostly saw.
        examples: all N examples of the replicate.
        probs: name -> (rows (m,), prob (N, K)) of every teacher and of ``teachers:mean``, whose rows are kept.

    Returns:
        {} where fewer than two domains of the examples have a teacher of their own.
    """
    if examples.domain is None:
        return {}
    by_domain: dict[str, list[str]] = {}
    for teacher in teachers:
        by_domain.setdefault(str(teacher.card.get("domain") or ""), []).append(teacher.teacher)
    known = [domain for domain in by_domain if domain and (examples.domain == domain).any()]
    if len(known) < 2:
        return {}
    rows, prob = probs["teachers:mean"][0], probs["teachers:mean"][1].copy()
    for domain in known:
        own = examples.domain == domain
        prob[own] = np.mean([probs[name][1][own] for name in by_domain[domain]], axis=0)
    return {ROUTED: (rows, prob)}
