"""Keys of a study that have become questions: one line that says how to write them now."""

from collections.abc import Iterable

from mtbkd.base.explain import Mistake

RENAMED = {
    "analyses": "questions, with the same entries",
    "exact": "questions: {<name>: {kind: exact, settings: {methods: ..., sbc_datasets: ..., conjugate: ...}}}",
    "curves": "questions: {<name>: {kind: curves, dataset: ..., student: ..., settings: {teachers: ..., methods: ...}}}",
    "teacher_search": "questions: {<name>: {kind: search, dataset: ..., settings: {published: ..., teachers: ..., grid: ...}}}",
    "student_search": "questions: {<name>: {kind: search, experiment: ..., settings: {methods: ..., posterior: ...}}}",
}


def explained(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """``mistakes`` with each about an old key saying what it has become."""
    return [
        Mistake(found.path, f"unknown key; it is now {RENAMED[str(found.path[2])]}. Hint: see workflow/README.md")
        if found.path[:1] == ("studies",) and len(found.path) == 3 and found.path[2] in RENAMED
        else found
        for found in mistakes
    ]
