# Figures. What comes in: evaluation tables, the data of the first block, draws of methods with a posterior. What goes out:
# results/<study>/figures/, all drawn by one job. Editing a figure draws again and refits nothing.
from dataclasses import asdict

from mtbkd.figures import FIGURES as FIGURE_MODULES
from mtbkd.figures import catalogue
from mtbkd.figures.material import Experiment as FigureExperiment
from mtbkd.figures.material import Method as FigureMethod


def figure_method(spec):
    """What figures may know of a method."""
    kind = registry.part("inference", spec["inference"]["name"]).DRAWS
    tuned = {name: values for name, values in spec["posterior"].items() if len(values) > 1}
    return FigureMethod(spec["signal"]["name"], spec["weights"] or "", spec["inference"]["name"], kind, tuned)


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
        methods={name: figure_method(spec) for name, spec in experiment.methods.items()},
        evaluation=f"{STUDY}/evaluation/{experiment.name}",
        data=folder(data_files(experiment.data.key, experiment.data_block(block))[0]),
        draws={m: STUDENT.format(experiment=experiment.name, method=m, block=block) for m in experiment.methods},
        columns=experiment.columns,
    )


FIGURE_EXPERIMENTS = [figure_experiment(e) for e in PLAN.experiments.values()]
CATALOGUE = catalogue.catalogue(FIGURE_EXPERIMENTS)
FIGURES = [f"{STUDY}/figures/{entry.stem}.svg" for entry in CATALOGUE]


def reported(entry):
    """A figure as Snakemake's own report shows it."""
    part = catalogue.module(entry.figure)
    return report(
        f"{STUDY}/figures/{entry.stem}.svg",
        caption=f"../report/{entry.figure}.rst",
        category=part.CATEGORY,
        subcategory=entry.experiment or "all experiments",
        labels={"figure": part.TITLE},
    )


rule figures:
    """Draw all figures of the study."""
    input:
        tables=[f"{e.evaluation}/{table}.parquet" for e in FIGURE_EXPERIMENTS for table in TABLES],
        data=[f"{e.data}/{name}" for e in FIGURE_EXPERIMENTS for name in DATA_FILES],
        draws=[file for e in FIGURE_EXPERIMENTS for file in e.draws.values()],
        package=sources("mtbkd.figures.catalogue", *(f"mtbkd.figures.{name}" for name in FIGURE_MODULES)),
    output:
        *[reported(entry) for entry in CATALOGUE],
        *[f"{STUDY}/figures/{entry.stem}.png" for entry in CATALOGUE],
        captions=f"{STUDY}/figures/captions.json",
    log:
        f"{STUDY}/logs/figures.log",
    benchmark:
        f"{STUDY}/benchmarks/figures.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        experiments=[asdict(e) for e in FIGURE_EXPERIMENTS],
    script:
        "../../scripts/figures.py"
