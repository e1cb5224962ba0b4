"""Does a method suit a student? Its size, its layers, its dropout, and what PyMC can express."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.explain import KeyPath, Mistake
from mtbkd.base.settings import settings_of
from mtbkd.inference import most_params, smc
from mtbkd.inference.choosing import needs_constant
from mtbkd.study.extent import Size, drawn_params

if TYPE_CHECKING:
    from mtbkd.study.models import MethodEntry


@dataclass(frozen=True)
class Known:
    """A student on some data: its name and architecture, its size, the number of classes, and its dropout layers that no mask
    stands for."""

    name: str
    architecture: str
    size: Size
    classes: int
    unmasked: tuple[str, ...] = ()


def unsuited(at: KeyPath, name: str, method: "MethodEntry", student: Known) -> Iterator[Mistake]:
    """What speaks against the method ``name``, which stands at ``at``, for the student."""
    inference: ModuleType = registry.part("inference", method.inference)
    hidden, found = student.size[1], f"found '{name}' with student '{student.name}'"
    if method.layers == "last" and not hidden:
        alone = "no hidden layer before a dense last one" if student.architecture == "module" else "no hidden layer"
        yield Mistake(at, f"{found}, which has {alone}; allowed: students with one if layers is last")
    params = drawn_params(method, student.size, student.classes)
    limit = most_params(inference, settings_of("inference", method.inference, method.settings))
    if limit is not None and params > limit:
        text = f"{found} of {params:,} parameters; allowed: at most "
        text += f"{limit:,} for inference '{method.inference}' with these settings. Hint: use a smaller student"
        yield Mistake(at, text)
    if needs_constant(method.tuned_on) and student.size[0] > smc.MAX_PARAMS:
        text = (
            f"{found} of {student.size[0]:,} parameters; allowed: at most {smc.MAX_PARAMS:,} with tuned_on: {method.tuned_on}"
        )
        yield Mistake(("methods", name, "tuned_on"), f"{text}. Hint: use a smaller student, or tuned_on: cross_validation")
    if inference.NEEDS_HIDDEN and not hidden:
        text = f"{found}, which has no hidden layer; allowed: students with one, "
        yield Mistake(at, text + f"for inference '{method.inference}'. Hint: use an mlp or cnn student")
    if inference.NEEDS_HIDDEN and student.unmasked:
        text = f"{found}, whose dropout layer '{student.unmasked[0]}' no mask stands for; allowed: plain Dropout layers, each "
        yield Mistake(at, text + f"right before a dense layer, for inference '{method.inference}'")
    able = [name for name in registry.STUDENTS if registry.part("student", name).SYMBOLIC]
    if inference.NEEDS_SYMBOLIC and method.layers == "all" and student.architecture not in able:
        text = f"{found} of architecture '{student.architecture}', which PyMC cannot express; allowed: "
        yield Mistake(at, text + f"{', '.join(sorted(able))} for inference '{method.inference}'. Hint: use sgld or vi")
