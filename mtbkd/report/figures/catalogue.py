"""Which figures a study has, known from its plan alone, and the job that draws those of one owner."""

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd.base.registry import FIGURES, figure, kind_of, view, view_name
from mtbkd.base.writing import atomic, write_json
from mtbkd.report.figures import interactive
from mtbkd.report.figures.lettering import remark
from mtbkd.report.figures.material import Experiment, Material, Question, Study
from mtbkd.report.figures.style import save, style

log = logging.getLogger(__name__)

Shown = Experiment | Question | Study
FROM_DICT: dict[str, Callable[[Mapping[str, Any]], Shown]] = {
    "experiment": Experiment.from_dict,
    "question": lambda content: Question(**content),
    "study": lambda content: Study(**content),
}


@dataclass(frozen=True)
class Owner:
    """What some figures are drawn of. They need its files and no others, so that one job can draw them.

    Attributes:
        scope: ``SCOPE`` of its figures: experiment, question or study.
        name: the experiment or question; of a study, the field of ``Study`` that its figures read, or "" for none.
        shown: what its figures are given.
        figures: their names in the registry, in the order of the report.
    """

    scope: str
    name: str
    shown: Shown
    figures: tuple[str, ...]

    @property
    def of(self) -> str | None:
        """The experiment or question that its figures show; None for the whole study."""
        return None if self.scope == "study" else self.name

    @property
    def key(self) -> str:
        """A name that no other owner has."""
        return f"{self.scope}_{self.name}" if self.name else self.scope

    def stem(self, name: str) -> str:
        """File name of the figure ``name``, without ending."""
        return name if self.of is None else f"{self.of}-{name}"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Owner":
        """The inverse of ``dataclasses.asdict``."""
        shown = FROM_DICT[content["scope"]](content["shown"])
        return cls(content["scope"], content["name"], shown, tuple(content["figures"]))


def catalogue(experiments: Iterable[Experiment], study: Study, questions: Iterable[Question]) -> list[Owner]:
    """Whatever owns figures that apply: experiments, then questions, then the parts of the study that its figures read."""
    found = [Owner("experiment", each.name, each, _applying("experiment", each)) for each in experiments]
    found += [Owner("question", each.name, each, _applying("question", each)) for each in questions]
    whole = _applying("study", study)
    for reads in dict.fromkeys(figure(name).READS for name in whole):
        own = Study(**{reads: getattr(study, reads)}) if reads else Study()
        found.append(Owner("study", reads, own, tuple(name for name in whole if reads == figure(name).READS)))
    return [owner for owner in found if owner.figures]


def _applying(scope: str, shown: Shown) -> tuple[str, ...]:
    """The figures of ``scope`` that apply to ``shown``; one without ``applies`` always does."""
    parts = {name: part for name in FIGURES if scope == (part := figure(name)).SCOPE}
    parts = {n: part for n, part in parts.items() if not isinstance(shown, Question) or kind_of(n) == shown.kind}
    return tuple(name for name, part in parts.items() if not hasattr(part, "applies") or part.applies(shown))


def draw(content: Mapping[str, Any], folder: Path, stems: Collection[str]) -> None:
    """Draw an owner's figures into ``folder``: <stem>.svg, <stem>.png, and the caption: <stem>.json, <stem>.rst.

    Some have a view for the page, too: <stem>.vl.json, a specification of Vega-Lite.

    Args:
        content: ``dataclasses.asdict`` of the ``Owner``.
        folder: results/<study>/figures.
        stems: which of its figures to draw.
    """
    owner = Owner.from_dict(content)
    material = Material(owner.shown) if isinstance(owner.shown, Experiment) else owner.shown
    for name in owner.figures:
        if (stem := owner.stem(name)) in stems:
            _draw(name, material, folder / stem, owner.of)


def _draw(name: str, material: Material | Question | Study, path: Path, of: str | None) -> None:
    """Write one figure's files; ``path`` has no ending."""
    part = figure(name)
    with style():
        missing = save(part.draw(material), f"{path}.svg", f"{path}.png")
    log.info("drew %s", path.name)
    if told := remark(missing):
        log.warning("%s: %s", path.name, told)
    parts = [" ".join(each.split()) for each in part.CAPTION.split("\n\n")]
    caption = "\n\n".join([*parts[:-1], f"{parts[-1]} {told}".strip()])
    shown = {"of": of, "title": part.TITLE, "category": part.CATEGORY, "caption": caption}
    write_json(f"{path}.json", shown | {"alt": " ".join(f"{part.TITLE}. {caption}".split())})
    if seen := view(name):
        interactive.write(seen.interactive(material), f"{path}.{interactive.ENDING}")
    with atomic(f"{path}.rst") as temporary:
        temporary.write_text(as_template(caption), encoding="utf-8")


def endings(name: str) -> tuple[str, ...]:
    """Of the files of the figure ``name``, its picture first; those with an interactive view have one more."""
    return ("svg", "png", "json", "rst", *([interactive.ENDING] if view_name(name) else []))


def as_template(caption: str) -> str:
    """A caption as Snakemake's report reads it: reStructuredText in a template of Jinja, in which nothing is markup."""
    return "{% raw %}" + re.sub(r"([\\*`|_])", r"\\\1", caption) + "{% endraw %}\n"
