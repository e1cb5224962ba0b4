"""What are teachers worth to a student with few labels? One job a table and regime of teachers, and one that joins them.

Tables, one row each: ``scores`` (one metric of one student, teacher or reference on one split of one table), ``tuning`` (what
a student chose on one split), ``posteriors`` (scores of the sub-study on uncertainty, and whether its gates were passed),
``teachers`` (accuracy on rows of their own domain and others), ``sizes`` (of tables and splits, and what the part took); their
columns: ``mtbkd.questions.tables.part.COLUMNS``. And what they say together, see ``mtbkd.questions.tables.verdicts`` and
``mtbkd.questions.tables.uncertainty``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import lazy_import
from mtbkd.evaluation.over_tables import overlaps
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables import regimes, uncertainty, verdicts
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.spec import Part, Settings, parts_of
from mtbkd.study.asked.analyses import PartOf

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy_import("pandas")

__all__ = ["NEEDS", "PART", "PART_TABLES", "TABLES", "Settings", "parts", "raw_files", "run"]
NEEDS = frozenset({"student"})
PART = "mtbkd.questions.tables.part"
PART_TABLES = ("scores", "tuning", "posteriors", "teachers", "sizes")
TABLES = (*PART_TABLES, *verdicts.TABLES, uncertainty.TABLE)


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
    if asked.settings.posteriors.tables:
        named += [("student", "linear"), ("inference", asked.settings.posteriors.inference)]
    named += [("signal", each.signal) for each in used if each.signal in registry.SIGNALS]
    named += [("weights", each.weights) for each in used if each.weights]
    return PartOf(name, asked.model_dump(mode="json", by_alias=True), tuple(raw), tuple(dict.fromkeys(named)))


def run(inputs: Inputs, settings: Settings) -> dict[str, Frame]:
    """The rows of all parts, and what they say together."""
    found = {name: _joined([inputs.part(part, name) for part in inputs.parts]) for name in PART_TABLES}
    compared = uncertainty.uncertainty(found["posteriors"], overlaps(found["sizes"]))
    return found | verdicts.statistics(found["scores"], found["sizes"], tuple(settings.groups)) | {uncertainty.TABLE: compared}


def _joined(frames: Sequence[Frame]) -> Frame:
    """All rows; a table without any has no types to join."""
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
