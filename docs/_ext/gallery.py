"""Every figure that the suite can draw: its caption, the command that draws it, and its picture where a run has drawn it."""

import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from repository import DOCS, ROOT
from settings import prose

from mtbkd.base import registry
from mtbkd.report.figures.catalogue import catalogue
from mtbkd.report.figures.material import Experiment, Method, Question, Study
from mtbkd.serving.methods import shipped
from mtbkd.study.config import load
from mtbkd.study.plan import Plan, make_plan
from mtbkd.study.planned import ExperimentPlan

RESULTS = [Path(folder) for folder in os.environ.get("MTBKD_DOCS_RESULTS", str(ROOT / "results")).split(os.pathsep)]
KEPT = DOCS / "pictures"
# Studies in the order in which a figure is taken from them; smoke, whose numbers mean nothing, is the last resort.
PREFERRED = ("demo", "tables", "aggregation", "aggregation_real", "validation", "images", "protein", "paper_simulations")
LARGEST = 400_000  # bytes of an SVG; in place of a larger one stands the PNG


class Drawn(NamedTuple):
    """A file of a study that shows a figure, without its ending."""

    study: str
    stem: str


def every(_: str) -> str:
    """A section for each category of figures, in the order of the report."""
    drawn, categories = _drawn(), defaultdict(list)
    for name in registry.FIGURES:
        categories[registry.figure(name).CATEGORY].append(name)
    return "\n\n".join(
        f"## {category}\n\n" + "\n\n".join(_section(name, drawn.get(name, [])) for name in names)
        for category, names in categories.items()
    )


def _section(name: str, drawn: list[Drawn]) -> str:
    part, (picture, shown) = registry.figure(name), _picture(name, drawn)
    lines = [f"(figure-{name})=", f"### {part.TITLE}", picture, prose(part.CAPTION.strip())]
    if shown:
        command = f"snakemake --cores all results/{shown.study}/figures/{shown.stem}.svg --config study={shown.study}"
        lines += [f"```console\n$ {command}\n```"]
    others = ", ".join(
        f"`{study}`" for study in dict.fromkeys(each.study for each in drawn if shown and each.study != shown.study)
    )
    lines += [f"Also in the studies {others}."] if others else []
    return "\n\n".join(line for line in lines if line)


def _picture(name: str, drawn: list[Drawn]) -> tuple[str, Drawn | None]:
    """A picture as Markdown, "" where there is none, and which of the files it shows, or the first that would.

    Pictures of runs go first, then those that the repository holds.
    """
    for each in drawn:
        for path in (folder / each.study / "figures" / f"{each.stem}.svg" for folder in RESULTS):
            if path.is_file():
                return _image(name, path if path.stat().st_size <= LARGEST else path.with_suffix(".png")), each
    kept = next(((path, each) for each in drawn if (path := KEPT / f"{each.stem}.svg").is_file()), None)
    return (_image(name, kept[0]), kept[1]) if kept else ("", drawn[0] if drawn else None)


def _image(name: str, path: Path) -> str:
    return f"```{{image}} /{os.path.relpath(path, DOCS)}\n:alt: {registry.figure(name).TITLE}\n:class: drawn\n```"


@cache
def _drawn() -> dict[str, list[Drawn]]:
    """Figure -> the files that show it, of all studies that the repository has."""
    found = defaultdict(list)
    known = shipped()
    for study in sorted(known["studies"], key=lambda name: (name not in PREFERRED, name == "smoke", *_place(name))):
        for name, stem in _figures(make_plan(load(known, study)), study):
            found[name].append(Drawn(study, stem))
    return found


def _place(study: str) -> tuple[int, str]:
    return (PREFERRED.index(study) if study in PREFERRED else 0), study


def _figures(plan: Plan, study: str) -> Iterator[tuple[str, str]]:
    """(figure, file name without ending) of a study."""
    experiments = [_experiment(each) for each in plan.experiments.values()]
    siblings = {
        each.name: {
            "dataset": each.data.name, "student": each.student, "teachers": [t.name for t in each.teachers],
            "methods": list(each.methods), "evaluation": "", "published": each.published,
        } for each in plan.experiments.values()
    }  # fmt: skip
    questions = [Question(each.name, each.kind, each.content, {}) for each in plan.questions.values()]
    for owner in catalogue(experiments, Study(siblings), questions):
        yield from ((name, owner.stem(name)) for name in owner.figures)


def _experiment(plan: ExperimentPlan) -> Experiment:
    """What decides which figures an experiment has."""
    part = registry.part("dataset", plan.data.kind)
    shape = part.describe(part.Settings.model_validate(plan.data.settings))
    methods = {name: Method.of(spec) for name, spec in plan.methods.items()}
    return Experiment(
        plan.name, plan.data.name, plan.data.kind, plan.data.simulated, () if shape is None else shape.features,
        tuple(teacher.name for teacher in plan.teachers), methods, "", "", {}, plan.columns, {},
        0 if shape is None else len(shape.class_names),
    )  # fmt: skip
