"""What `mtbkd paper` prints of the items of ``mtbkd.study.papers``."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path

from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import Mistake, choice
from mtbkd.data.published import tables as published
from mtbkd.report.papers import chosen, parts_of
from mtbkd.serving.paper_minutes import CORES, jobs, minutes
from mtbkd.serving.terminal import aligned
from mtbkd.study.config import load
from mtbkd.study.models import Config
from mtbkd.study.papers import ITEMS, NOT_MADE, reduced, tables_of
from mtbkd.study.plan import make_plan
from mtbkd.study.study_files import read_configuration

MEASURED = (
    "jobs: data, teachers, fits, evaluations and questions; figures and the page come on top",
    "minutes: of all jobs, as measured on the authors' machine; at most: as a part of the whole study, which shows more",
)


@cache
def _checked() -> Config:
    return load(read_configuration())


def listed() -> list[str]:
    """A line for every item, and for what no item makes."""
    rows, took = [("target", "what is printed", "part of", "jobs", f"minutes on {CORES} cores", "state")], minutes()
    for name, item in ITEMS.items():
        own = str(len(jobs(make_plan(reduced(_checked(), name)))))
        rows.append((name, item.title, item.study, own, took.get(name, "not measured"), state(name)))
    made = ["", "to make one: snakemake --cores all TARGET; about one: mtbkd paper TARGET", *MEASURED, "", "not made:"]
    return [*aligned(rows), *made, *(f"  {what}: {why}" for what, why in NOT_MADE.items())]


def state(name: str) -> str:
    """Whether the item's page, or that of the study that it is a part of, stands in this folder."""
    for study in (name, ITEMS[name].study):
        if Path("results", study, "report.html").is_file():
            return "done" if study == name else f"in results/{study}"
    return "not run"


def told(name: str) -> Iterator[str]:
    """All about an item; ConfigError names the nearest one."""
    if name not in ITEMS:
        raise ConfigError(str(Mistake(("item",), choice(name, ITEMS))))
    yield from (f"{name}: {ITEMS[name].title}", *(f"  {key + ':':<12}{text}" for key, text in _facts(name)))


def _facts(name: str) -> Iterator[tuple[str, str]]:
    item, config = ITEMS[name], _checked()
    study, whole = reduced(config, name).studies[name], config.studies[item.study]
    tables = tables_of(item, whole.experiments)
    for table in tables:
        rows, source = published.read(table), published.source(table)
        yield "printed", f"{source.paper}, {source.place}: {len(rows)} rows x {len(rows[0]) - 1} columns, {table}"
    if not tables:
        yield "printed", "no numbers on record"
    for title, experiment in study.experiments.items():
        made = f"{experiment.dataset}, teachers {', '.join(experiment.teachers)}, student {experiment.student}"
        yield "ours", f"{item.study}, experiment {title}: {made}, {experiment.replicates or study.replicates} replicates"
        printed = published.columns_of(experiment.published) if experiment.published else set()
        for method in experiment.methods:
            shown = [column for column in config.methods[method].published if column in printed]
            yield "method", method + (f", printed as {', '.join(shown)}" if shown else "")
    yield from (("left out", f"{method}: {why}") for method, why in item.without.items())
    yield from (("question", f"{question}, of the kind {study.questions[question].kind}") for question in item.questions)
    yield from (("figure", f"results/{name}/figures/{figure}.svg") for figure in item.figures)
    plan = asdict(make_plan(reduced(config, name)))
    parts = parts_of(plan, [*plan["experiments"], *plan["questions"]])
    yield from (("not stated", f"{choice.what}: {chosen(choice, parts)}") for choice in item.layout.unstated)
    compared = [whole.experiments[title].published for title, e in study.experiments.items() if len(e.methods) > 1]
    for table in dict.fromkeys([*tables, *filter(None, compared)]):
        yield "note", f"{published.source(table).place}: {published.source(table).note}"
    if not compared:
        yield "note", "the student is not printed; it is there because a study has at least one"
    yield "jobs", f"{len(jobs(make_plan(reduced(config, name))))} and those of figures and page"
    yield "minutes", f"{minutes().get(name, 'not measured')} on {CORES} cores"
    yield "state", state(name)
    yield "page", f"results/{name}/report.html"
    yield "command", f"snakemake --cores all {name}"
