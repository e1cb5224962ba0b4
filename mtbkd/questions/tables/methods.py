"""The students that the question ``tables`` compares: what each one is told of teachers, and how it is tuned.

AVER (You et al., KDD 2017) is ``kd_equal``: the gradient of its mean of losses is that of the loss to the mean of teachers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mtbkd.base import registry
from mtbkd.questions.baselines import camkd, ebkd

if TYPE_CHECKING:
    import torch

# Weights (R, P, G) of teachers' logits (R, P, G, K) and labels (R, P), -1 where none is known.
Weigh = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


@dataclass(frozen=True)
class Method:
    """One student.

    Attributes:
        signal: module of mtbkd/signals; ``aekd`` is none.
        weights: module of mtbkd/pooling, or None.
        teachers: whom it hears: nobody, those of the regime, its own labels-only predecessor, or teachers that know nothing.
        after: the method whose choice its second round of tuning starts from, or None.
        weigh: weights of the literature that see labels or do not sum to one, in place of ``weights``.
    """

    signal: str
    weights: str | None = None
    teachers: Literal["none", "given", "own", "uniform"] = "given"
    after: str | None = None
    weigh: Weigh | None = None

    @property
    def reads(self) -> frozenset[str]:
        """The settings that are tuned for it, the prior scale apart."""
        if self.signal not in registry.SIGNALS:
            return frozenset({"kappa", "teacher_temperature"})
        unread = {"teacher_temperature"} if self.teachers == "uniform" else set()
        return registry.part("signal", self.signal).USES - unread


METHODS = {
    "labels": Method("none", teachers="none"),
    "self_training": Method("kd", "equal", "own"),
    "uniform": Method("tip", "equal", "uniform"),
    "kd_equal": Method("kd", "equal"),
    "kd_entropy": Method("kd", "entropy"),
    "kd_mean": Method("kd_mean", "equal"),
    "kd_hinton": Method("kd_hinton", "equal"),
    "bkd_best": Method("bkd"),
    "tip_equal": Method("tip", "equal"),
    "tip_entropy": Method("tip", "entropy"),
    "tip_equal_sharp": Method("tip", "equal", after="tip_equal"),
    "tip_entropy_sharp": Method("tip", "entropy", after="tip_entropy"),
    "ebkd": Method("kd", weigh=lambda logits, y: ebkd.weights(logits)),
    "camkd": Method("kd", weigh=camkd.weights),
    "aekd": Method("aekd"),
}
