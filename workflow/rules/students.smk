# Students. What comes in: a dataset's block and its teachers' logits. What goes out: function-space draws of one method,
# results/<study>/students/<experiment>/<method>/<block>.nc. Editing a module refits only the methods that use it.


def student_inputs(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    spec, block = experiment.methods[wildcards.method], experiment.data_block(wildcards.block)
    parts = [("student", spec["student"]["architecture"]), ("signal", spec["signal"]["name"])]
    parts += [("inference", spec["inference"]["name"])] + ([("weights", spec["weights"])] if spec["weights"] else [])
    return {
        "data": data_files(experiment.data.key, block),
        "logits": [file for t in experiment.teachers for file in logits_files(t.key, block)],
        "package": sources("mtbkd.fitting", *(registry.module_name(kind, name) for kind, name in parts)),
    }


def student_logits(wildcards):
    experiment = PLAN.experiments[wildcards.experiment]
    block = experiment.data_block(wildcards.block)
    return [folder(logits_files(t.key, block)[0]) for t in experiment.teachers]


rule student:
    """Tune and fit one method on one block of replicates, all replicates and chains as one batched computation."""
    input:
        unpack(student_inputs),
    output:
        STUDENT,
    params:
        spec=lambda wildcards: PLAN.experiments[wildcards.experiment].methods[wildcards.method],
        logits=student_logits,
    log:
        f"{STUDY}/logs/student/{{experiment}}/{{method}}/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/student/{{experiment}}/{{method}}/{{block}}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
        gpu=GPU,
    conda:
        ENVIRONMENT
    script:
        "../../scripts/student.py"
