# The simulated designs S1 to S3 of BKD (two classes). What comes in: nothing. What goes out: results/shared/data/<dataset>/<block>/.


rule prepare_bkd:
    """Make the simulated designs S1 to S3 of BKD (two classes)."""
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("bkd"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=package("mtbkd.data.preparing", "mtbkd.data.datasets.bkd"),
    script:
        "../../scripts/prepare.py"
