"""One claim of the paper beside what is measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A claim in one setting.

    Attributes:
        theorem: the paper's number.
        claim: what it says, in a sentence.
        setting: where it is tried.
        quantity: what is measured.
        measured: its value.
        stated: what the claim allows or predicts.
        holds: whether the claim holds here.
        remark: the condition that is missing, or why it holds.
        claimed: whether the paper claims it for this setting; if not, the case shows a limit, or a bound of ours.
    """

    theorem: str
    claim: str
    setting: str
    quantity: str
    measured: float
    stated: float
    holds: bool
    remark: str
    claimed: bool = True
