"""Is the strength of the teachers' term given once, as kappa or as beta, and does lambda name a kappa that is there?"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import KeyPath, Mistake, dotted, sentence
from mtbkd.base.grids import AS_KAPPA

if TYPE_CHECKING:
    from mtbkd.base.grids import Posterior
    from mtbkd.study.models import MethodEntry

Level = tuple[KeyPath, "Posterior"]


def strength_mistakes(levels: Sequence[Level]) -> Iterator[Mistake]:
    """What the merged ``levels`` (where each stands, its settings) say twice or not at all; the overriding one comes first,
    the study and the whole configuration last."""
    yield from twice(levels)
    sharp = giving(levels, "lam")
    if sharp and AS_KAPPA in sharp[1].lam and giving(levels, "kappa") is None:
        allowed = f"numbers, because no posterior in {dotted(levels[-2][0])} sets kappa"
        yield Mistake((*sharp[0], "posterior", "lambda"), sentence(AS_KAPPA, allowed, "add kappa to posterior"))


def twice(levels: Sequence[Level]) -> Iterator[Mistake]:
    """A beta beside kappa."""
    kappa, beta = (giving(levels, key) for key in ("kappa", "beta"))
    if kappa and beta:
        given = dotted((*kappa[0], "posterior", "kappa"))
        allowed = f"no beta together with {given}, because beta = kappa / lambda"
        yield Mistake((*beta[0], "posterior", "beta"), sentence(beta[1].beta, allowed, "remove beta or kappa"))


def unread(name: str, method: "MethodEntry", levels: Sequence[Level]) -> Iterator[Mistake]:
    """What the method ``name`` asks of a mixture and its signal has none: no teacher, or a sharpness beside kappa."""
    uses = registry.part("signal", method.signal).USES
    asked = {"no_teacher": "no_teacher"} | ({"lam": "lambda"} if giving(levels, "kappa") else {})
    for key, setting in asked.items():
        if "no_teacher" not in uses and key in method.posterior.model_fields_set:
            able = ", ".join(each for each in registry.SIGNALS if "no_teacher" in registry.part("signal", each).USES)
            allowed = f"nothing, because signal '{method.signal}' is not a mixture of the teachers' priors"
            found = getattr(method.posterior, key)
            yield Mistake(("methods", name, "posterior", setting), sentence(found, allowed, f"{setting} applies to {able}"))


def giving(levels: Sequence[Level], key: str) -> Level | None:
    """The level that decides ``key``, None where none gives it."""
    return next((level for level in levels if key in level[1].model_fields_set), None)
