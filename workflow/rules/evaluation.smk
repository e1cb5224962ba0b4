# Evaluation. What comes in: an experiment's data, logits and draws of all methods. What goes out: tidy tables in
# results/<study>/evaluation/<experiment>/. Adding a method evaluates the experiment again and refits nothing.
TABLES = ("metrics", "gates", "tuning", "examples", "curves", "reliability", "comparisons")


def evaluation_inputs(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    blocks = experiment.data_blocks
    return {
        "data": [file for block in blocks for file in data_files(experiment.data.key, block)],
        "logits": [f for t in experiment.teachers for block in blocks for f in logits_files(t.key, block)],
        "draws": [
            STUDENT.format(experiment=experiment.name, method=method, block=block)
            for method in experiment.methods
            for block in experiment.blocks
        ],
        "package": sources("mtbkd.evaluation.evaluate"),
    }


def evaluation_spec(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    blocks = experiment.data_blocks
    return {
        "study": PLAN.study,
        "experiment": experiment.name,
        "dataset_name": experiment.data.name,
        "data_folders": {b: folder(data_files(experiment.data.key, b)[0]) for b in blocks},
        "logits_folders": {
            t.name: {b: folder(logits_files(t.key, b)[0]) for b in blocks} for t in experiment.teachers
        },
        "draws_files": {
            method: {b: STUDENT.format(experiment=experiment.name, method=method, block=b) for b in experiment.blocks}
            for method in experiment.methods
        },
        "levels": list(PLAN.levels),
    }


rule evaluate:
    """Score every method, its teachers and the ceiling on the test and out-of-distribution splits; judge the gates."""
    input:
        unpack(evaluation_inputs),
    output:
        expand(f"{STUDY}/evaluation/{{{{experiment}}}}/{{table}}.parquet", table=TABLES),
    params:
        spec=evaluation_spec,
    log:
        f"{STUDY}/logs/evaluate/{{experiment}}.log",
    benchmark:
        f"{STUDY}/benchmarks/evaluate/{{experiment}}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    conda:
        "../../envs/cpu.yaml"
    script:
        "../../scripts/evaluate.py"
