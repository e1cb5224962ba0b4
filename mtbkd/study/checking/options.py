"""Where do a method's options ``stack_chains`` and ``layers`` make sense, and where would they be ignored in silence?"""

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import Mistake, sentence
from mtbkd.base.settings import settings_of
from mtbkd.inference.chain_stacking import MIN_DRAWS

if TYPE_CHECKING:
    from mtbkd.study.models import Config, MethodEntry, Study


def _stackable(inference: ModuleType) -> bool:
    """Whether a chain may be in one mode only; runs that estimate their evidence or tell draws' modes reach all."""
    return inference.DRAWS == "chains" and not inference.SUPPLIES & {"log_evidence", "mode"}


def stacking_mistakes(name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """Chains of a method that cannot be stacked, or too few draws to weight them by."""
    if not method.stack_chains:
        return
    if not _stackable(registry.part("inference", method.inference)):
        able = ", ".join(sorted(each for each in registry.INFERENCE if _stackable(registry.part("inference", each))))
        allowed = f"false for inference '{method.inference}', which has no chains in modes of their own"
        yield Mistake(("methods", name, "stack_chains"), sentence(True, allowed, f"true is for {able}"))
        return
    settings = settings_of("inference", method.inference, method.settings)
    chains, kept = settings.model_dump()["chains"], getattr(settings, "kept", None)
    draws = len(kept()) if kept else settings.model_dump()["draws"]
    if chains < 2:
        yield Mistake(("methods", name, "settings", "chains"), sentence(chains, "at least 2 where stack_chains is true"))
    elif draws < MIN_DRAWS:
        text = f"leave {draws} draws a chain; allowed: at least {MIN_DRAWS} where stack_chains is true"
        yield Mistake(("methods", name, "settings"), text)


def layer_mistakes(name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """A method that would draw last layers by what draws no posterior."""
    if method.layers == "last" and not registry.part("inference", method.inference).CLAIMS_POSTERIOR:
        able = ", ".join(sorted(each for each in registry.INFERENCE if registry.part("inference", each).CLAIMS_POSTERIOR))
        allowed = f"all for inference '{method.inference}', which draws no posterior"
        yield Mistake(("methods", name, "layers"), sentence("last", allowed, f"last is for {able}"))


def ignored_mistakes(config: "Config", name: str, study: "Study") -> Iterator[Mistake]:
    """Methods with options that curves and exact answers would ignore: their chains are pooled, all layers drawn."""
    exact = study.exact.methods if study.exact else ()
    places = [(("exact",), exact), *((("curves", title), curve.methods) for title, curve in study.curves.items())]
    for place, methods in places:
        for index, method in enumerate(methods):
            entry = config.methods.get(method)
            if entry and entry.stack_chains:
                text = sentence(method, "methods with stack_chains: false, as chains are not stacked here")
                yield Mistake(("studies", name, *place, "methods", index), text)
            if entry and entry.layers == "last":
                text = sentence(method, "methods with layers: all, as nothing is frozen here")
                yield Mistake(("studies", name, *place, "methods", index), text)
