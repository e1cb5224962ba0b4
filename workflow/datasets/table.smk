# Your own data from one CSV file. What comes in: the file that the dataset's `path` names; a rule of your own may make it
# (_template.smk). What goes out: results/shared/data/<dataset>/r0-0/.


rule prepare_table:
    """Read the table, split it and standardise its features on the training split."""
    input:
        own=lambda wildcards: own_files(PLAN.datasets[wildcards.dataset].settings),
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("table"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=package("mtbkd.data.preparing", "mtbkd.data.datasets.table"),
        own=dataset_own,
    script:
        "../../scripts/prepare.py"
