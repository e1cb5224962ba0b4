# Label-count curves. What comes in: a dataset's block and the logits of a set of teachers. What goes out: scores and tuning of
# one method at every number of labels, results/<study>/curves/<curve>/<teachers>/<method>/<block>/, and the teachers beside
# them, curves/<curve>/references/<block>.parquet. Only for studies with the key `curves`.


rule curve:
    """Tune one method inside every number of labels, fit it on them and score it on the untouched test examples."""
    input:
        unpack(curve_inputs),
    output:
        expand(f"{CURVE}/{{table}}.parquet", table=("scores", "tuning"), allow_missing=True),
    log:
        f"{STUDY}/logs/curve/{{curve}}/{{teachers}}/{{helped}}/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/curve/{{curve}}/{{teachers}}/{{helped}}/{{block}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
        gpu=GPU,
    params:
        spec=curve_spec,
        package=lambda wildcards: fit_package("mtbkd.questions.curves.fitting", curve_spec(wildcards)["fit"]),
        logits=curve_logits,
    script:
        "../../scripts/curve.py"


rule curve_references:
    """Score every teacher, the best by the labels at hand, their mean and the ceiling on the same test examples."""
    input:
        unpack(reference_inputs),
    output:
        CURVE_REFERENCES,
    log:
        f"{STUDY}/logs/curve/{{curve}}/references/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/curve/{{curve}}/references/{{block}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        spec=lambda wildcards: PLAN.curves[wildcards.curve].references,
        logits=reference_logits,
        package=package("mtbkd.questions.curves.references"),
    script:
        "../../scripts/curve_references.py"
