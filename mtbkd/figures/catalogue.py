"""Which figures a study has, known from its plan alone, and the job that draws them all."""

import importlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mtbkd.artefacts import write_json
from mtbkd.figures import FIGURES
from mtbkd.figures.material import Experiment, Material, Study
from mtbkd.figures.style import save, style

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A figure of a study.

    Attributes:
        figure: module of mtbkd/figures.
        experiment: name, or None for a figure of the whole study.
    """

    figure: str
    experiment: str | None

    @property
    def stem(self) -> str:
        """File name without ending."""
        return self.figure if self.experiment is None else f"{self.experiment}-{self.figure}"


def module(figure: str) -> ModuleType:
    """The module of a figure."""
    return importlib.import_module(f"mtbkd.figures.{figure}")


def catalogue(experiments: Iterable[Experiment], study: Study) -> list[Entry]:
    """The figures that apply, experiment by experiment, those of the whole study last."""
    entries = [
        Entry(name, experiment.name)
        for experiment in experiments
        for name in FIGURES
        if module(name).SCOPE == "experiment" and module(name).applies(experiment)
    ]
    return entries + [Entry(name, None) for name in FIGURES if module(name).SCOPE == "study" and module(name).applies(study)]


def draw_all(experiments: Sequence[Mapping[str, Any]], study: Mapping[str, Any], folder: Path) -> None:
    """Draw every figure into ``folder`` as SVG and PNG, and write captions.json, the list of them in order.

    Args:
        experiments: ``dataclasses.asdict`` of each ``Experiment``.
        study: ``dataclasses.asdict`` of the ``Study``.
        folder: results/<study>/figures.
    """
    known, whole = [Experiment.from_dict(content) for content in experiments], Study(**study)
    materials = {experiment.name: Material(experiment) for experiment in known}
    captions = []
    for entry in catalogue(known, whole):
        part = module(entry.figure)
        with style():
            figure = part.draw(whole) if entry.experiment is None else part.draw(materials[entry.experiment])
            save(figure, folder / f"{entry.stem}.svg", folder / f"{entry.stem}.png")
        log.info("drew %s", entry.stem)
        caption = " ".join(part.CAPTION.split())
        captions.append({"file": f"{entry.stem}.svg", "experiment": entry.experiment, "title": part.TITLE,
                         "category": part.CATEGORY, "caption": caption, "alt": f"{part.TITLE}. {caption}"})  # fmt: skip
    write_json(folder / "captions.json", captions)
