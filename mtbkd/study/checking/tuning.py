"""Can the shared settings of a method be chosen as its ``tuned_on`` says?

The evidence needs a proper posterior, one relation of lambda to kappa, and an inference that estimates normalising constants.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import Mistake, sentence
from mtbkd.inference.choosing import AVERAGE, needs_constant
from mtbkd.study.checking.strength import Level, giving

if TYPE_CHECKING:
    from mtbkd.study.models import Config, MethodEntry

ONE_RELATION = "one relation, because across several the evidence prefers the weaker mixture whatever it predicts"


def tuning_mistakes(config: "Config", name: str, method: "MethodEntry", levels: Sequence[Level]) -> Iterator[Mistake]:
    """What speaks against ``tuned_on`` of the method ``name``; ``levels`` of its posterior, the overriding one first."""
    if method.tuned_on == AVERAGE:
        yield from _average(name, method)
    if not needs_constant(method.tuned_on):
        return
    at, words = ("methods", name), f"with tuned_on: {method.tuned_on}"
    judge = config.methods.get(method.tuned_by or "")
    if judge is not None and judge.inference != "smc":
        allowed = f"a method with inference smc, the one that estimates normalising constants, {words}"
        yield Mistake((*at, "tuned_by"), sentence(method.tuned_by, allowed, "leave tuned_by out"))
    if method.layers == "last":
        yield Mistake((*at, "layers"), sentence("last", f"all {words}", "the layers before would differ between candidates"))
    scales, cold = giving(levels, "prior_scale"), giving(levels, "temperature")
    if scales and math.inf in scales[1].prior_scale:
        yield Mistake((*scales[0], "posterior", "prior_scale"), sentence(math.inf, f"finite numbers for '{name}' {words}"))
    if cold and cold[1].temperature != (1.0,):
        told = sentence(cold[1].temperature[0], f"1 for '{name}' {words}", "a tempered posterior has no evidence of labels")
        yield Mistake((*cold[0], "posterior", "temperature"), told)
    if "no_teacher" in registry.part("signal", method.signal).USES:
        yield from _one_relation(name, levels, words)


def _average(name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """Only draws can be mixed, and only those of one posterior."""
    if not registry.part("inference", method.inference).CLAIMS_POSTERIOR:
        allowed = "an inference whose draws are a posterior's, with tuned_on: evidence_average"
        yield Mistake(("methods", name, "inference"), sentence(method.inference, allowed, "tuned_on: evidence takes any"))
    if method.stack_chains:
        yield Mistake(("methods", name, "stack_chains"), sentence(True, "false with tuned_on: evidence_average"))


def _one_relation(name: str, levels: Sequence[Level], words: str) -> Iterator[Mistake]:
    """Several values of lambda at one kappa."""
    sharp, strong = giving(levels, "lam"), giving(levels, "beta")
    if sharp is None or len(sharp[1].lam) < 2 or not (giving(levels, "kappa") or (strong and len(strong[1].beta) > 1)):
        return
    hint = "compare sharpnesses as methods of their own, on held-out labels"
    yield Mistake(
        (*sharp[0], "posterior", "lambda"), sentence(list(sharp[1].lam), f"{ONE_RELATION}, for '{name}' {words}", hint)
    )
