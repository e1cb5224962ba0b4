"""Where do a method's options such as ``stack_chains`` make sense, and where would they be ignored in silence?"""

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import KeyPath, Mistake, sentence
from mtbkd.base.settings import settings_of
from mtbkd.inference.chain_stacking import MIN_DRAWS
from mtbkd.study.extent import draws_per_chain

if TYPE_CHECKING:
    from mtbkd.study.models import Config, MethodEntry


def _stackable(inference: ModuleType) -> bool:
    """Whether a chain may be in one mode only; runs that estimate their evidence or tell draws' modes reach all."""
    return inference.DRAWS == "chains" and not inference.SUPPLIES & {"log_evidence", "mode"}


def stacking_mistakes(name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """Chains of a method that cannot be stacked, or too few draws to weight them by."""
    if not method.stack_chains:
        return
    if not _stackable(registry.part("inference", method.inference)):
        able = ", ".join(sorted(each for each in registry.INFERENCE if _stackable(registry.part("inference", each))))
        allowed = f"false for inference '{method.inference}', whose chains do not stay in separate modes"
        yield Mistake(("methods", name, "stack_chains"), sentence(True, allowed, f"true is available for {able}"))
        return
    settings = settings_of("inference", method.inference, method.settings)
    chains, draws = settings.model_dump()["chains"], draws_per_chain(settings)
    if chains < 2:
        yield Mistake(("methods", name, "settings", "chains"), sentence(chains, "at least 2 if stack_chains is true"))
    elif draws is not None and draws < MIN_DRAWS:
        text = f"found settings that keep {draws} draws per chain; allowed: at least {MIN_DRAWS} if stack_chains is true"
        yield Mistake(("methods", name, "settings"), text)


def layer_mistakes(name: str, method: "MethodEntry") -> Iterator[Mistake]:
    """A method that would draw last layers by what draws no posterior."""
    if method.layers == "last" and not registry.part("inference", method.inference).CLAIMS_POSTERIOR:
        able = ", ".join(sorted(each for each in registry.INFERENCE if registry.part("inference", each).CLAIMS_POSTERIOR))
        allowed = f"all for inference '{method.inference}', which does not sample a posterior"
        yield Mistake(("methods", name, "layers"), sentence("last", allowed, f"last is available for {able}"))


def ignored_mistakes(config: "Config", path: KeyPath, methods: Sequence[str]) -> Iterator[Mistake]:
    """Those of ``methods`` at ``path`` with options that a question ignores: it pools chains and draws all layers."""
    for index, method in enumerate(methods):
        entry = config.methods.get(method)
        if entry and entry.stack_chains:
            yield Mistake(
                (*path, index),
                sentence(method, "methods with stack_chains: false, because this question does not stack chains"),
            )
        for option, default, why in (
            ("student_scaling", False, "scales no student"),
            ("conformal_folds", 0, "makes no prediction sets"),
        ):
            if entry and getattr(entry, option) != default:
                allowed = f"methods with {option}: {str(default).lower()}, because this question {why}"
                yield Mistake((*path, index), sentence(method, allowed))
        if entry and entry.layers == "last":
            yield Mistake(
                (*path, index), sentence(method, "methods with layers: all, because this question samples all layers")
            )
