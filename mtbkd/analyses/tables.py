"""What are teachers worth to a student with few labels? One job a table and regime of teachers, and one that joins them.

Tables, one row each: ``scores`` (one metric of one student, teacher or reference on one split of one table), ``tuning`` (what
a student chose on one split), ``teachers`` (accuracy on rows of their own domain and others), ``sizes`` (of tables and splits,
and what the part took). Columns: ``mtbkd.tables.part.COLUMNS``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtbkd import registry
from mtbkd.analyses import Inputs, PartOf
from mtbkd.frames import Frame
from mtbkd.lazy import lazy_import
from mtbkd.tables import regimes
from mtbkd.tables.methods import METHODS
from mtbkd.tables.spec import Part, Settings, parts_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["NEEDS", "PART_TABLES", "TABLES", "Settings", "parts", "raw_files", "run", "run_part"]
NEEDS = frozenset({"student"})
TABLES = PART_TABLES = ("scores", "tuning", "teachers", "sizes")


def raw_files(settings: Settings) -> tuple[str, ...]:
    """None for the job that joins the parts."""
    return ()


def parts(settings: Settings) -> tuple[PartOf, ...]:
    """A table under a regime each."""
    return tuple(_part(name, asked) for name, asked in parts_of(settings).items())


def _part(name: str, asked: Part) -> PartOf:
    module = registry.part("dataset", asked.kind)
    typed = module.Settings.model_validate(regimes.dataset_settings(asked))
    raw = module.raw_files(typed) if hasattr(module, "raw_files") else module.RAW
    used = [METHODS[method] for method in asked.settings.methods]
    named = [("dataset", asked.kind), ("teacher", regimes.FAMILY), ("inference", "map")]
    named += [("signal", each.signal) for each in used if each.signal in registry.SIGNALS]
    named += [("weights", each.weights) for each in used if each.weights]
    return PartOf(name, asked.model_dump(mode="json", by_alias=True), tuple(raw), tuple(dict.fromkeys(named)))


def run_part(inputs: Inputs, content: Mapping[str, Any]) -> dict[str, Frame]:
    """The tables of one table under one regime."""
    from mtbkd.tables.part import run_part

    return run_part(inputs, Part.model_validate(content))


def run(inputs: Inputs, settings: Settings) -> dict[str, Frame]:
    """The rows of all parts."""
    return {name: pd.concat([inputs.part(part, name) for part in inputs.parts], ignore_index=True) for name in TABLES}
