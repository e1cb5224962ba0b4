# Teachers. What comes in: a dataset's block, raw files for released teachers. What goes out: logits on every example they
# cover, results/shared/logits/<teacher>/<block>/, computed once for all methods and studies.


rule teacher:
    """Train one teacher on all replicates of a block, or read a released one, and cache its logits."""
    input:
        unpack(teacher_inputs),
    output:
        logits=f"{LOGITS}/logits.safetensors",
        card=f"{LOGITS}/card.json",
    log:
        "results/logs/teacher/{teacher}/{block}.log",
    benchmark:
        "results/benchmarks/teacher/{teacher}/{block}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: data_mb(teacher_data(wildcards), wildcards, attempt),
        runtime=lambda wildcards, attempt: data_minutes(teacher_data(wildcards), wildcards, attempt),
        gpu=GPU,
    params:
        spec=teacher_spec,
        package=teacher_package,
        own=lambda wildcards: own_contents(PLAN.teachers[wildcards.teacher].settings),
    script:
        "../../scripts/teacher.py"
