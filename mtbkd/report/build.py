"""Build a study's report: report.html, manifest.json and the summary tables, from what the other rules wrote."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mtbkd.base.frames import Frame, write_csv
from mtbkd.base.lazy import pd
from mtbkd.base.writing import atomic, write_json
from mtbkd.data.published import layouts
from mtbkd.data.published import tables as published
from mtbkd.inference.convergence import gate_table
from mtbkd.pooling import unseen
from mtbkd.report import (
    cards,
    choices,
    description,
    experiment,
    findings,
    headline,
    index,
    method_cards,
    page,
    papers,
    pictures,
    posteriors,
    runs,
    sets,
    sparkline,
    stacking,
    titles,
)
from mtbkd.report import questions as question_sections
from mtbkd.report.answers import sentences
from mtbkd.report.evidence import Evidence
from mtbkd.report.numbers import count
from mtbkd.report.provenance import json_able, manifest
from mtbkd.report.reading import KEPT, Plan, Read, by_method, read_one, read_study
from mtbkd.report.table import Column, Row, Table, text
from mtbkd.report.versus import COLUMNS as PUBLISHED_COLUMNS
from mtbkd.report.versus import long_rows

MOST_CARDS = 6  # of the first screen: those of the experiments, then those of further questions


def build_report(
    plan: Plan,
    evaluation: Mapping[str, str],
    data_cards: Mapping[str, Sequence[str]],
    teacher_cards: Mapping[str, Mapping[str, Sequence[str]]],
    questions: Mapping[str, Mapping[str, str]],
    benchmarks: Sequence[tuple[str, str, Sequence[str]]],
    figures: Sequence[str],
    out: str | Path,
    library: str | Path | None = None,
) -> None:
    """Write report.html, manifest.json, headline.json, snakemake.rst, tables/{main,gates,comparisons,agreement,loo,
    chain_weights,sets,published,findings}.csv and tables/<question>-<table>.csv, each whole or not at all, and the index of all
    studies beside ``out``.

    Args:
        plan: ``dataclasses.asdict`` of the study's ``mtbkd.study.plan.Plan``.
        evaluation: experiment -> folder of its evaluation's tables.
        data_cards: experiment -> cards of its data's blocks.
        teacher_cards: experiment -> teacher -> cards of its blocks.
        questions: question -> table -> file.
        benchmarks: (step, name, files), one file a block; those that are not there are left out.
        figures: SVG files in the order of the page, each with its PNG and its caption, a JSON file, beside it.
        out: results/<study>.
        library: folder that keeps the script of interactive pictures. None: the page stands alone, without its other files;
            its pictures are static.

    Raises:
        ContractError: a file that an earlier rule should have written is missing or breaks its contract.
    """
    out = Path(out)
    asked, asked_frames = question_sections.parts(plan["questions"], questions, plan["experiments"])
    study, told = read_study(plan, evaluation, data_cards, asked), manifest(plan)
    own, drawn = _figures(plan, figures, library is not None)
    costs = runs.costs({(step, name): files for step, name, files in benchmarks})
    told_findings, all_findings = findings.study(
        findings.Case(each, plan["experiments"][name], study.versus[name]) for name, each in study.evidence.items()
    )
    parts = [_part(plan, study, name, teacher_cards[name]) for name in study.tables]
    content = _content(plan, list(study.evidence.values()), parts, asked, drawn, costs, told)
    content |= {"findings": told_findings, **_first_screen(content, study, asked)}
    shown = costs, drawn, sparkline.training(figures)
    content |= {"methods": method_cards.method_cards(study.evidence.values(), study.tables, content["titles"], *shown)}
    printed, examples = {part.name: part.section.versus for part in asked}, lambda name: read_one(evaluation[name], "examples")
    content |= {"own_figures": own} | papers.content(plan, study.versus, printed, study.cards, examples, content["titles"])
    vega = pictures.library(Path(library)) if library else ""
    _write_tables(out / "tables", _frames(plan, study) | {"findings": all_findings} | asked_frames)
    write_json(out / "manifest.json", told)
    _write_page(out, content | {"vega": vega, "beside": library is not None})


def _figures(plan: Plan, figures: Sequence[str], beside: bool) -> tuple[list[page.Figure], list[page.Figure]]:
    """Those of the paper's item that the study repeats, and all others."""
    unprinted = [name for name, planned in plan["experiments"].items() if not planned["published"]]
    item = layouts.read().get(plan["study"])
    stems = item.figures if item else ()
    drawn = page.figures(figures, beside, () if stems else unprinted)
    own = [figure for stem in stems for figure in drawn if figure.stem == stem]
    return own, [figure for figure in drawn if figure not in own]


def _write_page(out: Path, content: Mapping[str, Any]) -> None:
    """The page, the first page of Snakemake's own report, and the index of all studies."""
    html = page.render(content)
    with atomic(out / "report.html") as temporary:
        temporary.write_text(html, encoding="utf-8")
    answers = [] if content["headline"] else [answer for _, found in content["opening"] for answer in found]
    plan, told = content["plan"], content["manifest"]
    told_first = index.headline_of(told, plan["description"], content["ran"], content["headline"], answers)
    description.write(out / "snakemake.rst", told_first, content["lead"])
    index.publish(out, told_first)


def _part(plan: Plan, study: Read, name: str, teacher_cards: Mapping[str, Sequence[str]]) -> page.Part:
    """Everything the page shows of one experiment."""
    evidence, tables = study.evidence[name], study.tables[name]
    versus, card = study.versus[name], study.cards[name]
    planned = plan["experiments"][name]
    source = published.source(planned["published"]) if planned["published"] else None
    data = planned["data"]
    told_of_teachers = cards.first_cards(teacher_cards)
    own = "replicates, each with data, teachers and seeds of its own"
    split_anew = "replicates, each with a random split of one table, teachers and seeds of its own"
    shared = "replicates of the student on the same data"
    over = own if data["simulated"] else split_anew if data["redrawn"] else shared
    return page.Part(
        name=name,
        dataset=planned["data"]["name"],
        student=cards.student_named(planned),
        main=experiment.main_table(evidence, versus, unseen.doubtful(planned["methods"], told_of_teachers)),
        over=f"{planned['replicates']} {over}",
        labels=cards.label_budget(card),
        published=experiment.published_table(name, versus) if versus else None,
        published_source=f"{source.paper}, {source.place}" if source else "",
        published_note=source.note if source else "",
        domains=experiment.domain_table(evidence, ("student",), f"{name}: accuracy of the students by domain"),
        facts=cards.dataset_facts(card, planned["replicates"]),
        teachers=cards.teacher_table(name, planned["teachers"], told_of_teachers),
        teachers_by_domain=experiment.domain_table(
            evidence, ("teacher", "ceiling"), f"{name}: accuracy of the teachers and of the best possible by domain"
        ),
        gates=experiment.gates_table(evidence, tables["gates"]),
        stacking=stacking.stacking_table(name, tables["chain_weights"]),
        agreement=posteriors.agreement_table(name, tables["agreement"]),
        loo=posteriors.loo_table(name, tables["loo"]),
        checks=posteriors.check_table(name, tables["predictive_checks"], card.get("class_names") or []),
        tuning=experiment.tuning_table(evidence, tables["tuning"]),
        comparisons=experiment.comparison_table(evidence),
        sets=sets.sets_table(evidence, tables["sets"]),
        all_sets=sets.all_sets_table(evidence, tables["sets"]),
        about_sets=sets.sentences(evidence, tables["sets"]),
    )


def _gates_explained() -> Table:
    """Which gate applies to which kind of draws, and what to do when it fails."""
    names = ("Gate", "What is measured", "Needs", "Point estimate", "Independent draws", "Markov chains", "When it fails")
    head = [Column(name) for name in names]
    rows = [
        Row([text(g["name"]), text(g["statistic"]), text(f"{g['sense']} {g['threshold']:g}"),
             text(g["point"]), text(g["independent"]), text(g["chains"]), text(g["advice"])])
        for g in gate_table()
    ]  # fmt: skip
    return Table("gates-explained", "Which gate applies to which kind of draws, and what to do when it fails", head, rows)


def _content(
    plan: Plan,
    evidence: Sequence[Evidence],
    parts: Sequence[page.Part],
    asked: Sequence[question_sections.Part],
    figures: Sequence[page.Figure],
    costs: Sequence[runs.Cost],
    told: Mapping[str, Any],
) -> dict[str, Any]:
    """What page.html.j2 names."""
    on_inference = any(part.section.on_inference for part in asked)
    took = (datetime.fromisoformat(told["end"]) - datetime.fromisoformat(told["start"])).total_seconds()
    return {
        "plan": plan,
        "ran": _what_ran(plan),
        "titles": {method: title for each in evidence for method, title in titles.of_metrics(each.metrics).items()},
        "opening": question_sections.first_answers(asked),
        "sentences": [*question_sections.further_answers(asked), *sentences(evidence, on_inference)],
        "parts": parts,
        "questions": asked,
        "figures": _grouped(figures, [part.name for part in parts]),
        "filters": choices.groups(evidence, [each for part in asked for each in part.students]),
        "gates_explained": _gates_explained(),
        "agreement_explained": posteriors.EXPLAINED,
        "costs": runs.cost_table(costs),
        "manifest": told,
        "took": runs.duration(took),
        "computed": runs.duration(sum(cost.wall for cost in costs if cost.wall >= 0)) if costs else "",
        "resolved": json.dumps(json_able(plan), indent=2),
    }


def _first_screen(content: Mapping[str, Any], study: Read, asked: Sequence[question_sections.Part]) -> dict[str, Any]:
    """The verdict cards, those of experiments before those of further questions, and the picture below them."""
    own = [] if content["opening"] else headline.cards([*study.evidence.values()], study.versus, content["titles"])
    return {"headline": [*own, *question_sections.cards(asked)][:MOST_CARDS], "lead": _lead(content["figures"], asked)}


def _grouped(figures: Sequence[page.Figure], experiments: Sequence[str]) -> dict[str, list[page.Figure]]:
    """Experiment or question, or "" for figures of all, -> its figures; experiments as everywhere on the page."""
    groups: dict[str, list[page.Figure]] = {name: [] for name in experiments if any(each.of == name for each in figures)}
    for figure in figures:
        groups.setdefault(figure.of or "", []).append(figure)
    return groups


def _lead(figures: Mapping[str, Sequence[page.Figure]], asked: Sequence[question_sections.Part]) -> list[page.Figure]:
    """The picture at the head of the page: of the question that opens it, otherwise of all experiments."""
    for part in asked:
        if part.section.headlines:
            own = figures.get(part.name, ())
            return [each for each in own if each.stem == f"{part.name}-{part.section.lead}"] or list(own[:1])
    return [figure for figure in figures.get("", ()) if figure.category == "Summary"]


def _what_ran(plan: Plan) -> str:
    """One sentence: how much was computed."""
    experiments = plan["experiments"].values()
    methods = {method for e in experiments for method in e["methods"]}
    teachers = {t["key"] for e in experiments for t in e["teachers"]}
    fits = sum(len(e["methods"]) * e["replicates"] for e in experiments)
    data = {e["data"]["key"] for e in experiments}
    return (
        f"{count(len(experiments), 'experiment')} on {count(len(data), 'dataset')} with {count(len(teachers), 'teacher')}: "
        f"{count(len(methods), 'method')}, {count(fits, 'fit')} of a student (methods \N{MULTIPLICATION SIGN} replicates)."
    )


def _frames(plan: Plan, study: Read) -> dict[str, Frame]:
    """Name of a summary table -> its rows over all experiments."""
    evidence, versus = study.evidence, study.versus
    parts = {name: [tables[name] for tables in study.tables.values()] for name in KEPT}
    frames = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    compared = frames["comparisons"][["experiment", "method", "reference"]].itertuples(index=False)
    frames["comparisons"]["other_candidates"] = [evidence[each].unlike(method, base) for each, method, base in compared]
    main = []
    for name, each in evidence.items():
        main += experiment.long_rows(each, by_method(study.folders[name], each.metrics["method"].unique()))
    frames["main"] = pd.DataFrame(main)
    printed = {name: plan["experiments"][name]["published"] for name in versus}
    rows = [row for name, found in versus.items() for row in long_rows(name, printed[name], found)]
    frames["published"] = pd.DataFrame(rows, columns=list(PUBLISHED_COLUMNS))
    return frames


def _write_tables(folder: Path, frames: Mapping[str, Frame]) -> None:
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
