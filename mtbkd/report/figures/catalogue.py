"""Which figures a study has, known from its plan alone, and the job that draws them all."""

import logging
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from mtbkd.base.registry import FIGURES, figure, kind_of
from mtbkd.contracts.artefacts import write_json
from mtbkd.report.figures.lettering import remark
from mtbkd.report.figures.material import Experiment, Material, Question, Study
from mtbkd.report.figures.style import save, style

log = logging.getLogger(__name__)

Shown = tuple[str, str | None, Experiment | Question | Study]  # figure, name of what it shows, what it shows


@dataclass(frozen=True)
class Entry:
    """A figure of a study.

    Attributes:
        figure: its name in the registry.
        of: the experiment or question that it shows, or None for a figure of the whole study.
    """

    figure: str
    of: str | None

    @property
    def stem(self) -> str:
        """File name without ending."""
        return self.figure if self.of is None else f"{self.of}-{self.figure}"


def catalogue(experiments: Iterable[Experiment], study: Study, questions: Iterable[Question]) -> list[Entry]:
    """The figures that apply, experiment by experiment, then question by question, those of the whole study last."""
    return [Entry(name, of) for name, of, _ in _applying(experiments, study, questions)]


def _applying(experiments: Iterable[Experiment], study: Study, questions: Iterable[Question]) -> Iterator[Shown]:
    for experiment in experiments:
        yield from ((name, experiment.name, experiment) for name in _of("experiment") if figure(name).applies(experiment))
    for question in questions:
        own = [name for name in _of("question") if question.kind == kind_of(name)]
        yield from ((name, question.name, question) for name in own if figure(name).applies(question))
    yield from ((name, None, study) for name in _of("study") if figure(name).applies(study))


def _of(scope: str) -> list[str]:
    return [name for name in FIGURES if scope == figure(name).SCOPE]


def draw_all(
    experiments: Sequence[Mapping[str, Any]], study: Mapping[str, Any], questions: Sequence[Mapping[str, Any]], folder: Path,
    processes: int = 1,
) -> None:  # fmt: skip
    """Draw every figure into ``folder`` as SVG and PNG, and write captions.json, the list of them in order.

    Args:
        experiments: ``dataclasses.asdict`` of each ``Experiment``.
        study: ``dataclasses.asdict`` of the ``Study``.
        questions: ``dataclasses.asdict`` of each ``Question``.
        folder: results/<study>/figures.
        processes: how many draw side by side, where the system can fork; figures of one experiment share what they read.
    """
    known = [Experiment.from_dict(content) for content in experiments]
    entries = _applying(known, Study(**study), [Question(**content) for content in questions])
    groups = [list(group) for _, group in groupby(entries, key=lambda entry: entry[1] or entry[0])]
    with _mapping(min(processes, len(groups))) as each:
        captions = [caption for drawn in each(partial(_draw, folder), groups) for caption in drawn]
    write_json(folder / "captions.json", captions)


def _draw(folder: Path, group: Sequence[Shown]) -> list[dict[str, Any]]:
    """Draw the figures of one experiment, of one question or one of the study; their entries in captions.json."""
    shown, captions = group[0][2], []
    material = Material(shown) if isinstance(shown, Experiment) else shown
    for name, of, _ in group:
        part, stem = figure(name), Entry(name, of).stem
        with style():
            missing = save(part.draw(material), folder / f"{stem}.svg", folder / f"{stem}.png")
        log.info("drew %s", stem)
        if told := remark(missing):
            log.warning("%s: %s", stem, told)
        caption = " ".join([*part.CAPTION.split(), *told.split()])
        captions.append({"file": f"{stem}.svg", "of": of, "title": part.TITLE, "category": part.CATEGORY,
                         "caption": caption, "alt": f"{part.TITLE}. {caption}"})  # fmt: skip
    return captions


@contextmanager
def _mapping(processes: int) -> Iterator[Any]:
    """``map``, or one that deals its work to ``processes``."""
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield map
        return
    with multiprocessing.get_context("fork").Pool(processes, initializer=_one_thread) as pool:
        yield pool.imap


def _one_thread() -> None:
    """The cores are taken by processes."""
    os.environ["OMP_NUM_THREADS"] = "1"
