"""`mtbkd check` and `mtbkd fit`: a table and teachers' files of one's own, read as the workflow reads them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mtbkd.base import strict_json
from mtbkd.base.errors import ContractError
from mtbkd.base.progress import shown
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.data.datasets import table
from mtbkd.data.datasets.doubts import suspect_classes
from mtbkd.data.datasets.splitting import settings_of
from mtbkd.serving import modules
from mtbkd.serving.advice import Reading, logits_of, named
from mtbkd.serving.given import NAME
from mtbkd.serving.mistakes import Mistakes, of_table, of_teacher
from mtbkd.serving.terminal import one_line, tell
from mtbkd.teachers.oddities import twins

if TYPE_CHECKING:
    from mtbkd.serving.estimator import MultiTeacherClassifier

OPTIONS = ("label", "id", "split", "splits", "features", "impute", "missing", "separator", "encoding")
REPORT = "report.html"
MOST = 50  # mistakes that are told of


def check(asked: SimpleNamespace) -> int:
    """Print what would be read; returns 1 where something is wrong."""
    mistakes = Mistakes()
    how = mistakes.tried(lambda: _reading(asked)) or Reading()
    settings = mistakes.tried(lambda: settings_of(asked, OPTIONS))
    dataset = mistakes.tried(lambda: read_table(asked)) if settings else None
    if dataset is not None:
        print(*map(one_line, _about_table(dataset)), sep="\n")
    elif settings is not None:
        of_table(settings, mistakes)
    tried = [of_teacher(name, path, dataset, how, mistakes) for name, path in named(asked.teachers).items()]
    print(*(f"{one_line(line)}\n" for line in _about_teachers([found for found in tried if found is not None])), sep="", end="")
    if len(mistakes) > MOST:
        mistakes[MOST:] = [f"and {len(mistakes) - MOST:,} more mistakes"]
    tell(f"mtbkd: error: {mistake}" for mistake in mistakes)
    return int(bool(mistakes))


def fit(asked: SimpleNamespace) -> None:
    """Read, fit, write the folder."""
    from mtbkd.serving.estimator import MultiTeacherClassifier

    if asked.out.exists() and (not asked.out.is_dir() or any(asked.out.iterdir())):
        raise ContractError("--out", "folder", f"'{asked.out}', which exists", "a new folder, or an empty one")
    dataset = read_table(asked)
    how = _reading(asked)
    teachers = [logits_of(name, path, None, dataset, how) for name, path in named(asked.teachers).items()]
    tell([*_about_table(dataset), *_about_teachers(teachers)], asked.quiet)
    student = MultiTeacherClassifier(
        asked.method, student=_student(asked), hidden=tuple(asked.hidden), values=asked.values, floor=asked.floor,
        missing_class=asked.missing_class, device=asked.device, random_state=asked.seed,
    )  # fmt: skip
    logging.getLogger(MultiTeacherClassifier.__module__).addHandler(logging.NullHandler())  # its doubts were told above
    with shown(asked.quiet):
        student.fit_dataset(dataset, teachers)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    student.save(asked.out)
    tell([student.choice_, *_about_student(student)], asked.quiet)
    if not asked.no_report:
        with shown(asked.quiet):
            student.report(asked.out / REPORT)
    tell([f"student written to {asked.out}" + ("" if asked.no_report else f", the page about it: {asked.out / REPORT}")],
         asked.quiet)  # fmt: skip


def _student(asked: SimpleNamespace) -> Any:
    """The student by its name, or as an entry with the settings of --student-settings."""
    if asked.student_settings is None:
        return asked.student
    try:
        settings = strict_json.loads(asked.student_settings)
    except ValueError as error:
        raise ContractError("--student-settings", "text", str(error), 'JSON, such as {"hidden": [8]}') from None
    if not isinstance(settings, dict):
        raise ContractError("--student-settings", "text", asked.student_settings, 'a mapping, such as {"hidden": [8]}')
    found = modules.wanted(asked.student)
    entry = found.entry if found else {"architecture": asked.student, "settings": {}}
    return {**entry, "settings": {**entry["settings"], **settings}}


def read_table(asked: SimpleNamespace) -> Dataset:
    """The table as the dataset kind ``table`` reads it; ContractError names wrong content."""
    dataset = table.prepare(NAME, settings_of(asked, OPTIONS), asked.seed, range(1), Path())
    dataset.card["warnings"] = [*dataset.card["warnings"], *suspect_classes(dataset)]
    return dataset


def _reading(asked: SimpleNamespace) -> Reading:
    return Reading(asked.values, asked.floor, asked.missing_class, asked.teacher_id).checked()


def _about_table(dataset: Dataset) -> Iterator[str]:
    y, card = dataset.y[0], dataset.card
    yield f"{card['source']}: {dataset.num_examples:,} rows, ids: {card['ids']}"
    columns = card["features"]
    yield f"features, {len(columns)}: {', '.join(columns[:12])}" + (", ..." if len(columns) > 12 else "")
    counts = ", ".join(f"{name} {int((y == k).sum()):,}" for k, name in enumerate(dataset.class_names[:20]))
    unlabelled = int((y < 0).sum())
    yield f"classes, {dataset.num_classes}: {counts}" + (f"; without label {unlabelled:,}" if unlabelled else "")
    yield "rows: " + ", ".join(f"{split} {int((dataset.split == split).sum()):,}" for split in dataset.splits())
    if "imputed" in card:
        yield card["imputed"]
    yield from (f"suspicious: {doubt}" for doubt in card["warnings"])


def _about_teachers(teachers: Sequence[Logits]) -> Iterator[str]:
    for found in teachers:
        yield from _about_teacher(found)
    yield from (f"suspicious: {doubt}" for doubt in twins(teachers))


def _about_teacher(found: Logits) -> Iterator[str]:
    card = found.card
    covered = ", ".join(f"{split} {told}" for split, told in card["covered"].items())
    right = ", ".join(f"{split} {share:.1%}" for split, share in card["accuracy"].items())
    yield f"teacher {found.teacher}: covers {covered}; accuracy: {right or 'not known'}; {card['joined']}"
    yield from (f"teacher {found.teacher}: {card[told]}" for told in ("values", "lacking") if told in card)
    yield from (f"suspicious: teacher {found.teacher}: {doubt}" for doubt in card["warnings"])


def _about_student(student: "MultiTeacherClassifier") -> Iterator[str]:
    card = student.bundle_.card
    scores = card.scores["test"]
    yield f"test accuracy {scores['accuracy']:.1%}, negative log-likelihood {scores['nll']:.3f}"
    failed = [gate for gate, verdict in card.gates.items() if verdict == "failed"]
    yield f"checks failed: {', '.join(failed)}; intervals may be too short or too long" if failed else "no check failed"
