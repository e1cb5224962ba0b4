"""The report section of each analysis: the module ``section`` of its kind in mtbkd/questions.

A module holds ``TITLE``, ``EXPLAINED`` (the question and how to read the answer) and the function ``section`` of the analysis's
name, tables and settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import lazy_import
from mtbkd.report.table import Table

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")


@dataclass(frozen=True)
class Section:
    """The answer of one analysis: sentences, tables and collapsed tables; ``headlines`` open the page."""

    told: Sequence[str]
    tables: Sequence[Table]
    details: Sequence[Table] = ()
    headlines: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """One analysis on the page."""

    name: str
    title: str
    explained: str
    section: Section


def parts(
    plans: Mapping[str, Mapping[str, Any]], files: Mapping[str, Mapping[str, str]]
) -> tuple[list[Part], dict[str, Frame]]:
    """The page's sections of all analyses, and their tables by file name, ``<analysis>-<table>``.

    Args:
        plans: analysis -> ``dataclasses.asdict`` of its plan.
        files: analysis -> table -> file.
    """
    found, frames, known = [], {}, {}
    for name, places in files.items():
        tables = {table: _read(Path(path)) for table, path in places.items()}
        known[name] = plans[name]["kind"], tables
        module = registry.section(plans[name]["kind"])
        section = module.section(name, tables, plans[name]["settings"])
        found.append(Part(name, module.TITLE, " ".join(module.EXPLAINED.split()), section))
        frames |= {f"{name}-{table}": frame for table, frame in tables.items()}
    return [*_together(known), *found], frames


def first_answers(found: Sequence[Part]) -> list[tuple[str, Sequence[str]]]:
    """(question, answers) of the analyses that open the page instead of the experiments' answers."""
    return [(part.title, part.section.headlines) for part in found if part.section.headlines]


def _together(known: Mapping[str, tuple[str, Mapping[str, Frame]]]) -> list[Part]:
    """Joint conclusions of several analyses, shown first on the page."""
    asked = [(module, module.section(known)) for module in registry.together()]
    return [Part(m.NAME, m.TITLE, " ".join(m.EXPLAINED.split()), section) for m, section in asked if section is not None]


def _read(path: Path) -> Frame:
    return read_table(path, "a table of an analysis", "named analysis_<name>")
