# The report. What comes in: all evaluation tables, figures with captions, cards of data and teachers; benchmark files as far
# as they exist. What goes out: results/<study>/{report.html,manifest.json,tables/*.csv}. Nothing is computed that a table lacks.
from dataclasses import asdict

REPORT_PARTS = [*Path(ROOT, "mtbkd/report").glob("page.*[!y]"), *Path(ROOT, "mtbkd/published").glob("*.csv")]


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
        found["evaluation", e.name] = [f"{STUDY}/benchmarks/evaluate/{e.name}.tsv"]
    return [(*key, files) for key, files in found.items()]


def report_spec(wildcards):
    return {
        "plan": asdict(PLAN),
        "evaluation": {name: f"{STUDY}/evaluation/{name}" for name in PLAN.experiments},
        "data_cards": {name: data_cards(e) for name, e in PLAN.experiments.items()},
        "teacher_cards": {name: teacher_cards(e) for name, e in PLAN.experiments.items()},
        "benchmarks": report_benchmarks(),
        "figures": f"{STUDY}/figures",
    }


rule report:
    """Write the study's page, one file that opens without a network, its manifest and its summary tables."""
    input:
        evaluation=expand(
            f"{STUDY}/evaluation/{{experiment}}/{{table}}.parquet", experiment=PLAN.experiments, table=TABLES
        ),
        figures=FIGURES,
        captions=f"{STUDY}/figures/captions.json",
        data=[card for e in PLAN.experiments.values() for card in data_cards(e)],
        teachers=[c for e in PLAN.experiments.values() for found in teacher_cards(e).values() for c in found],
        parts=[os.path.relpath(part) for part in sorted(REPORT_PARTS)],
        package=sources("mtbkd.report.build"),
    output:
        page=f"{STUDY}/report.html",
        manifest=f"{STUDY}/manifest.json",
        tables=expand(f"{STUDY}/tables/{{table}}.csv", table=("main", "gates", "comparisons")),
    log:
        f"{STUDY}/logs/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=report_spec,
    script:
        "../../scripts/report.py"
