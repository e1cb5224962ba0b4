# scikit-learn's handwritten digits in three colour domains. What comes in: nothing. What goes out: results/shared/data/<dataset>/<block>/.


rule prepare_digits:
    """Make scikit-learn's handwritten digits in three colour domains."""
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("digits"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=package("mtbkd.data.preparing", "mtbkd.data.datasets.digits"),
    script:
        "../../scripts/prepare.py"
