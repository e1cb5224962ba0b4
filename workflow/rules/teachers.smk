# Teachers. What comes in: a dataset's block, raw files for released teachers. What goes out: logits on every example they
# cover, results/shared/logits/<teacher>/<block>/, computed once for all methods and studies.


def teacher_inputs(wildcards):
    teacher = PLAN.teachers[wildcards.teacher]
    return {
        "data": data_files(teacher.data_key, wildcards.block),
        "raw": raw_files(teacher.raw),
        "package": sources("mtbkd.teaching", registry.module_name("teacher", teacher.family)),
    }


def teacher_spec(wildcards):
    teacher = PLAN.teachers[wildcards.teacher]
    return {
        "name": teacher.name,
        "family": teacher.family,
        "domain": teacher.domain,
        "settings": teacher.settings,
        "seed": teacher.seed,
        "device": PLAN.device,
    }


rule teacher:
    """Train one teacher on all replicates of a block, or read a released one, and cache its logits."""
    input:
        unpack(teacher_inputs),
    output:
        logits=f"{LOGITS}/logits.safetensors",
        card=f"{LOGITS}/card.json",
    params:
        spec=teacher_spec,
    log:
        "results/logs/teacher/{teacher}/{block}.log",
    benchmark:
        "results/benchmarks/teacher/{teacher}/{block}.tsv"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
        gpu=GPU,
    conda:
        ENVIRONMENT
    script:
        "../../scripts/teacher.py"
