"""What the paper says of operators (III.6, III.8, III.9, III.17, V.1, V.2, appendix A), read off the conformance matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.questions.adaptive.result import Result

SAID = (
    ("III.6", "The sufficient form keeps the token axioms.", "sufficient form", "token", "f must follow the score alone on "
     "critical tokens: a low entropy outweighs a high score.", True),
    ("III.8", "Performance-based weights keep the token axioms.", "accuracy", "token", "An accuracy of 0 silences a teacher; "
     "the safest need not be the most accurate.", True),
    ("III.9", "Family A (exponential in entropy) keeps the token axioms.", "exponential", "token", "It reads no safety score.",
     True),
    ("III.9", "Family B (inverse variance) keeps the token axioms.", "inverse variance", "token", "A certain teacher has "
     "variance 0 and silences the others; several leave the weights undefined.", True),
    ("III.17", "Bounded, continuous, normalised functions of losses keep the task axioms.", "sufficient form", "task",
     "Not III.14 if the weights follow the losses they weigh; a floor of exp(-2) on exp(-u) mends it.", False),
    ("A", "Weights 1 / H keep axioms 1 to 5.", "inverse entropy", "token", "As family B.", True),
)  # fmt: skip


def results(matrix: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Claims on existence and on families; ``matrix``: rows of the table of that name."""
    found = [_said(matrix, *each) for each in SAID]
    names = dict.fromkeys(row["operator"] for row in matrix)
    every = [name for name in names if all(row["holds"] for row in matrix if row["operator"] == name)]
    where, quantity = f"{len(names)} operators", "operators that keep all fifteen axioms"
    return [*found,
            Result("V.1", "Conforming operators exist.", where, quantity, len(every), 1, len(every) >= 1,
                   ", ".join(every) + "."),
            Result("V.2", "They are not unique.", where, quantity, len(every), 2, len(every) >= 2,
                   "Equal weights are one; an operator that adapts is another.")]  # fmt: skip


def _said(
    matrix: Sequence[Mapping[str, Any]], theorem: str, claim: str, operator: str, scale: str, remark: str, claimed: bool
) -> Result:
    kept = [bool(row["holds"]) for row in matrix if (row["operator"], row["scale"]) == (operator, scale)]
    return Result(theorem, claim, f"{operator} weights", f"of 5 {scale} axioms kept", sum(kept), 5, all(kept), remark, claimed)
