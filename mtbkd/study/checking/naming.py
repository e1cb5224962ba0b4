"""Names become folders: which are taken, and which some file systems cannot tell apart."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mtbkd.base.explain import KeyPath, Mistake

if TYPE_CHECKING:
    from mtbkd.study.models import Config

RESERVED_STUDIES = ("benchmarks", "downloads", "logs", "shared")  # folders of results/ that belong to no study


def name_mistakes(config: "Config", declared: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    """Names of studies that are taken, and names of one section that differ in case only.

    Args:
        config: entries that are sound in themselves.
        declared: per section every name in the file.
    """
    for name in declared["studies"]:
        if name.casefold() in RESERVED_STUDIES:
            text = (
                f"found the name '{name}'; allowed: any other name, because results/{name.casefold()} is shared by all studies."
            )
            yield Mistake(("studies", name), text)
    for section, names in declared.items():
        yield from clashes((section,), names)
    for name, study in config.studies.items():
        for key in ("experiments", "questions"):
            yield from clashes(("studies", name, key), getattr(study, key))
        taken = {experiment.casefold() for experiment in study.experiments}
        for question in (each for each in study.questions if each.casefold() in taken):
            text = f"found the name '{question}', also used by an experiment; allowed: any other name, as both name figures."
            yield Mistake(("studies", name, "questions", question), text)


def clashes(path: KeyPath, names: Iterable[str]) -> Iterator[Mistake]:
    """Names of ``path`` that differ in case only."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[name.casefold()].append(name)
    for first, *others in alike.values():
        for other in others:
            text = f"found the names '{first}' and '{other}'; allowed: names that differ by more than case, because "
            yield Mistake((*path, other), text + "file systems of macOS and Windows ignore case. Hint: rename one")
