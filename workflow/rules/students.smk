# Students. What comes in: a dataset's block and its teachers' logits. What goes out: function-space draws of one method,
# results/<study>/students/<experiment>/<method>/<block>.nc. Editing a module refits only the methods that use it.


rule student:
    """Tune and fit one method on one block of replicates, all replicates and chains as one batched computation."""
    input:
        unpack(student_inputs),
    output:
        STUDENT,
    log:
        f"{STUDY}/logs/student/{{experiment}}/{{method}}/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/student/{{experiment}}/{{method}}/{{block}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=fit_mb,
        runtime=fit_minutes,
        gpu=GPU,
    params:
        spec=method_spec,
        package=lambda wildcards: fit_package("mtbkd.inference.fitting", method_spec(wildcards)),
        logits=student_logits,
    script:
        "../../scripts/student.py"
