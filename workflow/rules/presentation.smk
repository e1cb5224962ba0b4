# Inputs and parameters of figures and report. What comes in: PLAN and the catalogue of figures. What goes out: nothing; functions
# and lists for the two files that follow.
from dataclasses import asdict

from mtbkd.report.figures import catalogue
from mtbkd.report.figures.material import Question as FigureQuestion
from mtbkd.report.figures.material import Experiment as FigureExperiment
from mtbkd.report.figures.material import Method as FigureMethod
from mtbkd.report.figures.material import Study as FigureStudy


def figure_experiment(experiment):
    """What figures may know of an experiment."""
    part = registry.part("dataset", experiment.data.kind)
    shape = part.describe(part.Settings.model_validate(experiment.data.settings))
    block = experiment.blocks[0]
    return FigureExperiment(
        name=experiment.name,
        dataset=experiment.data.name,
        kind=experiment.data.kind,
        simulated=experiment.data.simulated,
        features=() if shape is None else shape.features,
        teachers=tuple(t.name for t in experiment.teachers),
        methods={name: FigureMethod.of(spec) for name, spec in experiment.methods.items()},
        evaluation=f"{STUDY}/evaluation/{experiment.name}",
        data=folder(data_files(experiment.data.key, experiment.data_block(block))[0]),
        draws={m: STUDENT.format(experiment=experiment.name, method=m, block=block) for m in experiment.methods},
        columns=experiment.columns,
        logits={t.name: folder(logits_files(t.key, experiment.data_block(block))[0]) for t in experiment.teachers},
        classes=0 if shape is None else len(shape.class_names),
    )


def figure_question(question):
    """What figures may know of a question."""
    specs = PLAN.experiments[question.experiment].methods if question.experiment in PLAN.experiments else {}
    methods = {m: (s["signal"]["name"], s["weights"] or "", s["inference"]["name"]) for m, s in specs.items()}
    return FigureQuestion(question.name, question.kind, question.content, question_tables(question), methods)


def figure_sibling(experiment):
    """What figures of the whole study may know of an experiment."""
    return {
        "dataset": experiment.data.name,
        "student": experiment.student,
        "teachers": [t.name for t in experiment.teachers],
        "methods": list(experiment.methods),
        "evaluation": f"{STUDY}/evaluation/{experiment.name}",
        "published": experiment.published,
    }


CELLS = sum(e.replicates * len(e.methods) for e in PLAN.experiments.values())
FIGURE_EXPERIMENTS = [figure_experiment(e) for e in PLAN.experiments.values()]
FIGURE_STUDY = FigureStudy({e.name: figure_sibling(e) for e in PLAN.experiments.values()})
FIGURE_QUESTIONS = [figure_question(q) for q in PLAN.questions.values()]
OWNERS = catalogue.catalogue(FIGURE_EXPERIMENTS, FIGURE_STUDY, FIGURE_QUESTIONS)
FIGURES = [f"{STUDY}/figures/{owner.stem(name)}.svg" for owner in OWNERS for name in owner.figures]
FIGURE_OF = {
    f"{STUDY}/figures/{owner.stem(name)}.{ending}": owner.stem(name)
    for owner in OWNERS
    for name in owner.figures
    for ending in catalogue.endings(name)
}


def figure_inputs(owner):
    """The files that an owner's figures are drawn from."""
    if owner.scope == "question":
        return {"tables": list(owner.shown.tables.values())}
    if owner.scope == "experiment":
        e = owner.shown
        return {
            "tables": evaluation_tables(e.name),
            "data": [f"{e.data}/{name}" for name in DATA_FILES],
            "logits": [f"{where}/{name}" for where in e.logits.values() for name in LOGITS_FILES],
            "draws": list(e.draws.values()),
        }
    of_study = {
        "experiments": [file for name in PLAN.experiments for file in evaluation_tables(name)],
        "": [],
    }
    return {"tables": of_study[owner.name]}


def evaluation_tables(experiment):
    """All tables of an experiment's evaluation."""
    return [f"{STUDY}/evaluation/{experiment}/{table}.parquet" for table in TABLES]


def reported(owner, name):
    """A figure as Snakemake's own report shows it."""
    part = registry.figure(name)
    return report(
        f"{STUDY}/figures/{owner.stem(name)}.svg",
        caption=os.path.abspath(f"{STUDY}/figures/{owner.stem(name)}.rst"),
        category=owner.of or "Study",
        subcategory=part.CATEGORY,
        labels={"figure": part.TITLE},
    )


SUMMARY_TABLES = ("main", "gates", "comparisons", "agreement", "loo", "chain_weights", "sets", "published", "findings")
DESCRIPTION = os.path.abspath(f"{STUDY}/snakemake.rst")  # the first page of Snakemake's own report


def reported_table(name):
    """A summary table as Snakemake's own report shows it."""
    labels = {"table": name.replace("_", " ")}
    return report(f"{STUDY}/tables/{name}.csv", category="Study", subcategory="Tables", labels=labels)


def asked_figures():
    """The figures that the command line names; none where it names anything else, which may need all of them."""
    dag, scheduling = workflow.dag_settings, workflow.scheduling_settings
    named = {*dag.targets, *dag.forcerun, *dag.until, *scheduling.prioritytargets} if dag.targets else set()
    asked = {FIGURE_OF.get(os.path.relpath(target)) for target in named}
    return set() if None in asked else asked


def draw_asked_figures():
    """Where the command line names figures alone, draw those, in one job an owner, and not all figures of their owners.

    A job's inputs and params stay as they are, so that figures that were drawn alone count as drawn.
    """
    if asked := asked_figures():
        for drawing in workflow.rules:
            if any(FIGURE_OF.get(file) in asked for file in drawing.output):
                drawing.output[:] = [file for file in drawing.output if FIGURE_OF[file] in asked]


def section_modules():
    """Modules of the page's sections on the study's questions."""
    found = [registry.companion_name(q.kind, name) for q in PLAN.questions.values() for name in ("section", "together")]
    return [module for module in found if module]


PUBLISHED = ("data/published/*.csv", "data/published/*.yaml")
PAGE_PARTS = ("report/template/*",)


def cards(files):
    """The cards among ``files``."""
    return [file for file in files if file.endswith("card.json")]


def data_cards(experiment):
    return [card for block in experiment.data_blocks for card in cards(data_files(experiment.data.key, block))]


def teacher_cards(experiment):
    return {
        t.name: [c for b in experiment.data_blocks for c in cards(logits_files(t.key, b))] for t in experiment.teachers
    }


def report_benchmarks():
    """(step, name, benchmark files) of everything that the study computes."""
    found = {}
    for e in PLAN.experiments.values():
        found["dataset", e.data.name] = [f"results/benchmarks/prepare/{e.data.key}/{b}.tsv" for b in e.data_blocks]
        for t in e.teachers:
            name = f"{t.name} on {e.data.name}"
            found["teacher", name] = [f"results/benchmarks/teacher/{t.key}/{b}.tsv" for b in e.data_blocks]
        for m in e.methods:
            found["student", f"{e.name}: {m}"] = [f"{STUDY}/benchmarks/student/{e.name}/{m}/{b}.tsv" for b in e.blocks]
        found["evaluation", e.name] = evaluation_benchmarks(e)
    for q in PLAN.questions.values():
        found["question", q.name] = [f"{STUDY}/benchmarks/question/{q.name}.tsv"]
        for step, part in [(step, part) for step, parts in q.parts.items() for part in parts]:
            places = part_places(q, step, part)
            found["question", f"{q.name}: {part}"] = [f"{STUDY}/benchmarks/question/{p}.tsv" for p in places]
    return [(*key, files) for key, files in found.items()]


def report_spec(wildcards):
    return {
        "plan": asdict(PLAN),
        "evaluation": {name: f"{STUDY}/evaluation/{name}" for name in PLAN.experiments},
        "data_cards": {name: data_cards(e) for name, e in PLAN.experiments.items()},
        "teacher_cards": {name: teacher_cards(e) for name, e in PLAN.experiments.items()},
        "questions": question_files(),
        "benchmarks": report_benchmarks(),
        "figures": FIGURES,
        "library": "results/shared/library",
    }
