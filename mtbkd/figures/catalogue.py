"""Which figures a study has, known from its plan alone, and the job that draws them all."""

import importlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mtbkd.artefacts import write_json
from mtbkd.figures import FIGURES
from mtbkd.figures.material import Analysis, Experiment, Material, Study
from mtbkd.figures.style import save, style

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A figure of a study.

    Attributes:
        figure: module of mtbkd/figures.
        of: the experiment or analysis that it shows, or None for a figure of the whole study.
    """

    figure: str
    of: str | None

    @property
    def stem(self) -> str:
        """File name without ending."""
        return self.figure if self.of is None else f"{self.of}-{self.figure}"


def module(figure: str) -> ModuleType:
    """The module of a figure."""
    return importlib.import_module(f"mtbkd.figures.{figure}")


def catalogue(experiments: Iterable[Experiment], study: Study, analyses: Iterable[Analysis]) -> list[Entry]:
    """The figures that apply, experiment by experiment, then analysis by analysis, those of the whole study last."""
    return [Entry(name, of) for name, of, _ in _applying(experiments, study, analyses)]


def _applying(
    experiments: Iterable[Experiment], study: Study, analyses: Iterable[Analysis]
) -> Iterator[tuple[str, str | None, Experiment | Analysis | Study]]:
    """(figure, name of what it shows, what it shows)."""
    for experiment in experiments:
        yield from ((name, experiment.name, experiment) for name in _of("experiment") if module(name).applies(experiment))
    for analysis in analyses:
        own = [name for name in _of("analysis") if analysis.kind == module(name).ANALYSIS]
        yield from ((name, analysis.name, analysis) for name in own if module(name).applies(analysis))
    yield from ((name, None, study) for name in _of("study") if module(name).applies(study))


def _of(scope: str) -> list[str]:
    return [name for name in FIGURES if scope == module(name).SCOPE]


def draw_all(
    experiments: Sequence[Mapping[str, Any]], study: Mapping[str, Any], analyses: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Draw every figure into ``folder`` as SVG and PNG, and write captions.json, the list of them in order.

    Args:
        experiments: ``dataclasses.asdict`` of each ``Experiment``.
        study: ``dataclasses.asdict`` of the ``Study``.
        analyses: ``dataclasses.asdict`` of each ``Analysis``.
        folder: results/<study>/figures.
    """
    known, whole = [Experiment.from_dict(content) for content in experiments], Study(**study)
    materials = {experiment.name: Material(experiment) for experiment in known}
    captions = []
    for name, of, shown in _applying(known, whole, [Analysis(**content) for content in analyses]):
        part, stem = module(name), Entry(name, of).stem
        with style():
            figure = part.draw(materials[shown.name] if isinstance(shown, Experiment) else shown)
            save(figure, folder / f"{stem}.svg", folder / f"{stem}.png")
        log.info("drew %s", stem)
        caption = " ".join(part.CAPTION.split())
        captions.append({"file": f"{stem}.svg", "of": of, "title": part.TITLE, "category": part.CATEGORY,
                         "caption": caption, "alt": f"{part.TITLE}. {caption}"})  # fmt: skip
    write_json(folder / "captions.json", captions)
