# Evaluation. What comes in: an experiment's data, logits and draws of all methods. What goes out: tidy tables in
# results/<study>/evaluation/<experiment>/. Adding a method evaluates the experiment again and refits nothing.
TABLES = (
    "metrics",
    "gates",
    "tuning",
    "examples",
    "example_scores",
    "curves",
    "coverage_size",
    "reliability",
    "comparisons",
    "agreement",
    "loo",
    "chain_weights",
    "predictive_checks",
)


rule evaluate:
    """Score every method, its teachers and the ceiling on the test and out-of-distribution splits; judge the gates."""
    input:
        unpack(evaluation_inputs),
    output:
        expand(f"{STUDY}/evaluation/{{{{experiment}}}}/{{table}}.parquet", table=TABLES),
    log:
        f"{STUDY}/logs/evaluate/{{experiment}}.log",
    benchmark:
        f"{STUDY}/benchmarks/evaluate/{{experiment}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: evaluation_needs(wildcards, attempt)[0],
        runtime=lambda wildcards, attempt: evaluation_needs(wildcards, attempt)[1],
    params:
        spec=evaluation_spec,
        package=package("mtbkd.evaluation.evaluate"),
    script:
        "../../scripts/evaluate.py"
