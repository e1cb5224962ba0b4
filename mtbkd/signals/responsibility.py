"""Responsibilities of the mixture prior: the weights of teachers that a student itself chooses.

r[i,g] is proportional to w[i,g] Dir(q_i; 1 + lambda p[i,g]) at the student's prediction q_i; the gradient of the
teacher-informed prior is that of distillation with these weights (MT-BKD; method.md section 1).
Shapes: R replicates, S draws, N examples, G teachers, K classes.
"""

import numpy as np

from mtbkd.base.lazy import torch
from mtbkd.contracts.draws import Draws
from mtbkd.signals import tip, with_no_teacher

MOST_DRAWS = 20


def responsibilities(
    draws: Draws, replicate: int, examples: np.ndarray, logits: np.ndarray, weights: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Mean over draws of the responsibilities (N, G) in one replicate; what they lack of 1 is the share of no teacher.

    Args:
        draws: of a method with the signal tip.
        replicate: position of the replicate in the draws.
        examples: int (N,), positions among the draws' examples.
        logits: of the teachers on these examples (N, G, K).
        weights: of the mixture (N, G).
    """
    number = int(draws.replicates[replicate])
    chosen = next(row for row in draws.tuning if row["chosen"] and row["replicate"] == number)
    kept = draws.prob[replicate, ~draws.diverged[replicate]].reshape(-1, *draws.prob.shape[-2:])
    kept = kept[:: max(1, len(kept) // MOST_DRAWS)][:, examples]
    log_q = torch.as_tensor(kept, dtype=torch.float64).clamp(min=1e-30).log()
    log_q = torch.log_softmax(log_q / chosen.get("student_temperature", 1.0), -1)
    prob = torch.softmax(torch.as_tensor(logits, dtype=torch.float64) / chosen.get("teacher_temperature", 1.0), -1)
    lam = torch.full((len(kept),), float(chosen["lambda"]), dtype=torch.float64)
    given = torch.as_tensor(weights, dtype=torch.float64)[None]
    parts = prob[None], given
    if chosen.get("no_teacher"):
        parts = with_no_teacher(*parts, torch.tensor([chosen["no_teacher"]]))
    constants = tip.prepare(*parts, lam[:1], tip.Settings(), None)
    constants = {name: value.expand(len(kept), *value.shape[1:]) for name, value in constants.items()}
    return tip.responsibilities(log_q, constants, lam).mean(0).numpy()[:, : logits.shape[1]]
