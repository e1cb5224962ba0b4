# Evaluation. What comes in: an experiment's data, logits and draws of all methods. What goes out: tidy tables in
# results/<study>/evaluation/<experiment>/. One job for a small experiment. A large one has a job for each method and group of
# blocks and one for its references, whose tables lie in parts/<method>/<group>/, and for each group a job of what needs several
# methods at once, in parts/_together/<group>/; the last job joins them. Adding a method refits nothing, and in a large
# experiment scores that method alone.


rule score:
    """Score the references or one method of a large experiment over some blocks."""
    input:
        unpack(score_inputs),
    output:
        expand(
            f"{STUDY}/evaluation/{{{{experiment}}}}/parts/{{{{part}}}}/{{{{block}}}}/{{table}}.parquet", table=OF_PARTS
        ),
    log:
        f"{STUDY}/logs/score/{{experiment}}/{{part}}/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/score/{{experiment}}/{{part}}/{{block}}.tsv"
    wildcard_constraints:
        experiment="|".join(DIVIDED) or NOTHING,
        part="|".join([shares.REFERENCES, *dict.fromkeys(m for e in DIVIDED for m in PLAN.experiments[e].methods)]),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: part_needs(wildcards, attempt)[0],
        runtime=lambda wildcards, attempt: part_needs(wildcards, attempt)[1],
    params:
        spec=score_spec,
        package=package("mtbkd.evaluation.scored_part"),
    script:
        "../../scripts/score.py"


rule relate:
    """What needs several methods of a large experiment at once: agreement with exact samplers, stacking weights."""
    input:
        unpack(relate_inputs),
    output:
        expand(
            f"{STUDY}/evaluation/{{{{experiment}}}}/parts/{shares.TOGETHER}/{{{{block}}}}/{{table}}.parquet",
            table=OF_SEVERAL,
        ),
    log:
        f"{STUDY}/logs/relate/{{experiment}}/{{block}}.log",
    benchmark:
        f"{STUDY}/benchmarks/relate/{{experiment}}/{{block}}.tsv"
    wildcard_constraints:
        experiment="|".join(DIVIDED) or NOTHING,
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: part_needs(wildcards, attempt)[0],
        runtime=lambda wildcards, attempt: part_needs(wildcards, attempt)[1],
    params:
        spec=relate_spec,
        package=package("mtbkd.evaluation.together"),
    script:
        "../../scripts/relate.py"


rule evaluate:
    """All scores of students, teachers and the ceiling on the test and out-of-distribution splits, and the gates."""
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
