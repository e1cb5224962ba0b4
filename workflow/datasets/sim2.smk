# Simulation 2 of the paper (five Gaussian components). What comes in: nothing. What goes out: results/shared/data/<dataset>/<block>/.


rule prepare_sim2:
    """Make Simulation 2 of the paper (five Gaussian components)."""
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("sim2"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=package("mtbkd.data.preparing", "mtbkd.data.datasets.sim2"),
    script:
        "../../scripts/prepare.py"
