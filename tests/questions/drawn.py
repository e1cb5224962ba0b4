"""A figure of a question and its interactive view, drawn from tables that lie in memory, and what holds for all of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert
from altair.vegalite.v6.schema.core import TopLevelSpec
from matplotlib.figure import Figure
from matplotlib.text import Text

from mtbkd.base.frames import write_table
from mtbkd.base.registry import FIGURES, figure, kind_of, view
from mtbkd.report.captions import MOST_WORDS, divided
from mtbkd.report.figures.lettering import letter
from mtbkd.report.figures.material import Question
from mtbkd.report.figures.style import style
from tests.report.figures.layout import faults


def asked(
    kind: str, tables: Mapping[str, Any], folder: Path, settings: Any = None, methods: Mapping[str, Sequence[str]] | None = None
) -> Question:
    """The question that figures are given; its tables are written to ``folder``."""
    files = {name: str(folder / f"{name}.parquet") for name in tables}
    for name, frame in tables.items():
        write_table(frame, files[name])
    return Question("asked", kind, settings or {}, files, methods or {})


def figures_of(kind: str) -> list[str]:
    """The figures that lie in the folder of a kind and show a question."""
    return [name for name in FIGURES if kind_of(name) == kind and figure(name).SCOPE == "question"]


def checked(question: Question) -> dict[str, tuple[Figure, dict[str, Any]]]:
    """Figure -> it and its view ({} without), of all that apply: nothing lies over a text, no id is shown, views compile."""
    found = {}
    for name in figures_of(question.kind):
        part = figure(name)
        if hasattr(part, "applies") and not part.applies(question):
            continue
        with style():
            drawn = part.draw(question)
            letter(drawn)
            assert faults(drawn) == [], name
        ids = {method for method in question.methods if "_" in method}
        texts = [text.get_text() for text in drawn.findobj(Text) if isinstance(text, Text)]
        assert not [text for text in texts if any(method in text for method in ids)], name
        spec = _viewed(name, question)
        assert not ids & {row.get("group") for row in spec.get("datasets", {}).get("data", [])}
        short, long = divided(part.CAPTION)
        assert len(short.split()) < MOST_WORDS and long, name
        found[name] = drawn, spec
    return found


def _viewed(name: str, question: Question) -> dict[str, Any]:
    made = view(name)
    if made is None:
        return {}
    spec = json.loads(json.dumps(made.interactive(question), allow_nan=False))
    TopLevelSpec.validate(spec)
    vl_convert.vegalite_to_vega(spec)
    (rows,) = spec["datasets"].values()
    assert rows and len({tuple(row) for row in rows}) == 1, "rows have the same keys"
    known = {row["method"] for row in rows} - {None}
    assert known <= set(spec["usermeta"]["methods"]), "the page's filter knows every method"
    return spec
