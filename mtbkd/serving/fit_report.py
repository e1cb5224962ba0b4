"""The suite's page for one fit: the files that the workflow's jobs would hand on, evaluated and told by its own code."""

import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from mtbkd.base.blocks import SINGLE
from mtbkd.base.errors import ContractError
from mtbkd.base.writing import atomic
from mtbkd.contracts.artefacts import CARD
from mtbkd.evaluation.evaluate import evaluate_experiment
from mtbkd.report.build import build_report
from mtbkd.report.figures.catalogue import catalogue, draw
from mtbkd.report.figures.material import Experiment, Method, Study
from mtbkd.serving.core import Fitted
from mtbkd.serving.given import NAME


def write_report(fitted: Fitted, path: Path) -> Path:
    """Write the page; ContractError where ``path`` is a folder."""
    if path.is_dir():
        raise ContractError(path, "page", "a folder", "a file to write, such as report.html")
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _build(fitted, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as part:
            shutil.copyfile(folder / "report.html", part)
    return path


def _build(fitted: Fitted, folder: Path) -> None:
    """All that the page is made of, and the page."""
    (method,) = fitted.plan.experiments[NAME].methods
    data, draws = folder / "data", folder / f"{method}.nc"
    logits = {teacher.teacher: folder / "logits" / teacher.teacher for teacher in fitted.teachers}
    fitted.dataset.write(data)
    fitted.draws.write(draws)
    for teacher in fitted.teachers:
        teacher.write(logits[teacher.teacher])
    evaluate_experiment(
        fitted.plan.study, NAME, NAME, {SINGLE: data}, {name: {SINGLE: place} for name, place in logits.items()},
        {method: {SINGLE: draws}}, fitted.plan.levels, folder / "evaluation",
    )  # fmt: skip
    (owner,) = catalogue([_shown(fitted, folder, data, draws, logits)], Study(), ())
    stems = [owner.stem(figure) for figure in owner.figures]
    draw(asdict(owner), folder / "figures", stems)
    build_report(
        plan=asdict(fitted.plan),
        evaluation={NAME: str(folder / "evaluation")},
        data_cards={NAME: [str(data / CARD)]},
        teacher_cards={NAME: {name: [str(place / CARD)] for name, place in logits.items()}},
        questions={},
        benchmarks=(),
        figures=[str(folder / "figures" / f"{stem}.svg") for stem in stems],
        out=folder,
    )  # fmt: skip


def _shown(fitted: Fitted, folder: Path, data: Path, draws: Path, logits: dict[str, Path]) -> Experiment:
    """The fit as figures know it."""
    ((name, spec),) = fitted.plan.experiments[NAME].methods.items()
    dataset = fitted.dataset
    return Experiment(
        name=NAME, dataset=NAME, kind="table", simulated=False, features=dataset.x.shape[2:], teachers=tuple(logits),
        methods={name: Method.of(spec)}, evaluation=str(folder / "evaluation"), data=str(data), draws={name: str(draws)},
        logits={teacher: str(place) for teacher, place in logits.items()}, classes=dataset.num_classes,
    )  # fmt: skip
