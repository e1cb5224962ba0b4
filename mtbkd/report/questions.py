"""The page section of each question: the module ``section`` in its kind's folder of mtbkd/questions.

A module holds ``TITLE``, ``EXPLAINED`` (the question and how to read the answer) and the function ``section`` of the question's
name, tables and settings, or what its kind makes of them; optionally ``students`` of the tables, for the page's filter, where
neither an experiment nor a table says the students' parts. The optional module ``together`` of a kind holds ``NAME``,
``TITLE``, ``EXPLAINED`` and ``section``, a function of all questions of the study (name -> kind and tables).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from mtbkd.base import registry
from mtbkd.base.frames import Frame, read_table
from mtbkd.report import asked_students
from mtbkd.report.table import Table
from mtbkd.report.titles import Student
from mtbkd.report.verdict_card import Card
from mtbkd.report.versus import Versus

Answers = tuple[str, Sequence[str]]


@dataclass(frozen=True)
class Section:
    """The answer to one question.

    Attributes:
        told: sentences.
        tables: shown tables.
        details: collapsed tables.
        headlines: open the page instead of the experiments' answers.
        answers: (question, sentences) shown before the experiments' answers.
        on_inference: the answers are about inference, so the experiments' answers about inference come first.
        cards: verdicts at the head of the page; a link of "" leads to this section.
        lead: its figure that stands at the head of the page if its headlines do; "" for the first.
        fitted: published table -> columns that were used to tune the study's settings.
        versus: published table -> its numbers beside those that this question computes.
    """

    told: Sequence[str]
    tables: Sequence[Table]
    details: Sequence[Table] = ()
    headlines: Sequence[str] = ()
    answers: Sequence[Answers] = ()
    on_inference: bool = False
    cards: Sequence[Card] = ()
    lead: str = ""
    fitted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    versus: Mapping[str, Sequence[Versus]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One question on the page; ``about``: its data and student; ``students``: those that only it has."""

    name: str
    title: str
    explained: str
    section: Section
    about: str = ""
    students: Sequence[Student] = ()


def parts(
    plans: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Mapping[str, str]],
    experiments: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[list[Part], dict[str, Frame]]:
    """The page's sections of all questions, and their tables by file name, ``<question>-<table>``.

    Args:
        plans: question -> ``dataclasses.asdict`` of its plan.
        files: question -> table -> file.
        experiments: experiment -> its plan.
    """
    found, frames, known = [], {}, {}
    for name, places in files.items():
        plan = plans[name]
        tables = {table: _read(name, Path(path)) for table, path in places.items()}
        known[name] = plan["kind"], tables
        module = registry.section(plan["kind"])
        section = module.section(name, tables, plan["content"])
        students, carded = asked_students.students(plan, experiments, module, tables)
        section = replace(
            section,
            tables=[asked_students.named(table, students, carded) for table in section.tables],
            details=[asked_students.named(table, students, carded) for table in section.details],
        )
        first = next(each for each, (kind, _) in known.items() if kind == plan["kind"])
        explained = _words(module) if first == name else f"How to read this: see {first} above."
        found.append(Part(name, module.TITLE, explained, section, _about(plan), () if carded else tuple(students.values())))
        frames |= {f"{name}-{table}": frame for table, frame in tables.items()}
    return [*_together(known), *found], frames


def cards(found: Sequence[Part]) -> list[Card]:
    """The verdicts of all questions."""
    return [replace(card, link=card.link or f"question-{part.name}") for part in found for card in part.section.cards]


def first_answers(found: Sequence[Part]) -> list[Answers]:
    """(question, answers) of the questions that open the page instead of the experiments' answers."""
    return [(part.title, part.section.headlines) for part in found if part.section.headlines]


def further_answers(found: Sequence[Part]) -> list[Answers]:
    """(question, answers) that stand before the experiments' answers; those to the same question together."""
    together: dict[str, list[str]] = {}
    for asked, told in (each for part in found for each in part.section.answers):
        together.setdefault(asked, []).extend(told)
    return list(together.items())


def fitted(found: Sequence[Part], table: str | None) -> set[str]:
    """Columns of a published table that settings of the study were chosen by."""
    return {column for part in found for column in part.section.fitted.get(table or "", ())}


def _about(plan: Mapping[str, Any]) -> str:
    named = [f"dataset {plan['data']['name']}"] if plan["data"] else []
    named += [f"student {plan['student_name']}"] if plan["student_name"] else []
    about = ", ".join(named)
    return f"{about[0].upper()}{about[1:]}." if about else ""


def _words(module: ModuleType) -> str:
    return " ".join(module.EXPLAINED.split())


def _together(known: Mapping[str, tuple[str, Mapping[str, Frame]]]) -> list[Part]:
    """Joint conclusions of several questions, shown first on the page."""
    modules = [registry.companion(kind, "together") for kind in dict.fromkeys(kind for kind, _ in known.values())]
    asked = [(module, module.section(known)) for module in modules if module is not None]
    return [Part(m.NAME, m.TITLE, _words(m), section) for m, section in asked if section is not None]


def _read(name: str, path: Path) -> Frame:
    return read_table(path, "a table of a question", f"question_{name}")
