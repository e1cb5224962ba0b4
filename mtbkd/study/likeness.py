"""Entries of a configuration that take over what another one of their kind has: ``{like: sim1_b1, domain: b3}``.

An entry has all keys of the one that it is like, and below them all settings, but for those that it gives itself; a list is
replaced whole. Entries may be like ones of another file, which YAML's anchors cannot.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbkd.base.explain import KeyPath, Mistake, choice, sentence
from mtbkd.study.config_files import overlaid

KEY = "like"
SECTIONS = ("datasets", "teachers", "students", "methods")
OF_A_STUDY = ("experiments", "questions")


def resolve(content: Any) -> tuple[Any, list[Mistake]]:
    """``content`` of config.yaml with every ``like`` followed, and what is wrong with them; broken ones are left out."""
    if not isinstance(content, dict):
        return content, []
    content, mistakes = dict(content), []
    for path, entries in list(_groups(content)):
        found = _Group(path, entries)
        parent = content
        for step in path[:-1]:
            parent[step] = dict(parent[step])
            parent = parent[step]
        parent[path[-1]] = {name: found.entry(name) for name in entries}
        mistakes += found.mistakes
    return content, mistakes


def own(mistakes: Sequence[Mistake], content: Any, unlike: Sequence[Mistake]) -> list[Mistake]:
    """``mistakes`` of the resolved ``content`` without those that an entry has from the one that it is like, or for want of it.

    ``unlike``: the mistakes of ``resolve``.
    """
    said = {(mistake.path, mistake.text) for mistake in mistakes}
    broken = [mistake.path[:-1] for mistake in unlike]

    def follows(mistake: Mistake) -> bool:
        return mistake not in unlike and any(mistake.path[: len(path)] == path for path in broken)

    return [mistake for mistake in mistakes if not follows(mistake) and not _inherited(mistake, content, said)]


def _groups(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """(path, entries by name) of everything whose entries may be like one another."""
    studies = content.get("studies")
    places: list[tuple[KeyPath, Any]] = [((section,), content.get(section)) for section in SECTIONS]
    for study, entry in studies.items() if isinstance(studies, dict) else ():
        for key in OF_A_STUDY if isinstance(entry, dict) else ():
            places.append((("studies", study, key), entry.get(key)))
    yield from ((path, entries) for path, entries in places if isinstance(entries, dict))


class _Group:
    """Entries of one kind, each followed once."""

    def __init__(self, path: KeyPath, entries: dict[str, Any]):
        self.path, self.entries = path, entries
        self.done: dict[str, Any] = {}
        self.open: list[str] = []
        self.mistakes: list[Mistake] = []

    def entry(self, name: str) -> Any:
        """The entry ``name`` with what it is like."""
        if name not in self.done:
            self.open.append(name)
            self.done[name] = self._followed(name, self.entries[name])
            self.open.pop()
        return self.done[name]

    def _followed(self, name: str, own: Any) -> Any:
        if not isinstance(own, dict) or KEY not in own:
            return own
        other, rest = own[KEY], {key: value for key, value in own.items() if key != KEY}
        place = (*self.path, name, KEY)
        if not isinstance(other, str) or other not in self.entries:
            others = sorted(set(self.entries) - {name})
            self.mistakes.append(Mistake(place, choice(other, others) if isinstance(other, str) else sentence(other, "a name")))
            return rest
        if other in self.open:
            circle = " like ".join([*self.open[self.open.index(other) :], other])
            self.mistakes.append(Mistake(place, sentence(other, f"no circular like: {circle}")))
            return rest
        base = self.entry(other)
        return overlaid(base, rest) if isinstance(base, dict) else rest


def _inherited(mistake: Mistake, content: Any, said: set[tuple[KeyPath, str]]) -> bool:
    """Whether another entry says the same of a key that this one does not give."""
    for path, entries in _groups(content) if isinstance(content, dict) else ():
        depth = len(path)
        if mistake.path[:depth] != path or len(mistake.path) <= depth:
            continue
        name, rest = mistake.path[depth], mistake.path[depth + 1 :]
        own = entries.get(name) if isinstance(name, str) else None
        if not isinstance(own, dict) or not isinstance(own.get(KEY), str) or _gives(own, rest):
            return False
        return ((*path, own[KEY], *rest), mistake.text) in said
    return False


def _gives(own: Any, path: KeyPath) -> bool:
    """Whether ``own`` has a value at ``path``."""
    for step in path:
        if not isinstance(own, dict) or step not in own:
            return isinstance(own, list)
        own = own[step]
    return True
