# Tables that are split anew in every replicate, of mlbench and of scikit-learn. What comes in: the table's R data frame; nothing
# for scikit-learn's. What goes out: results/shared/data/<dataset>/<block>/.
RESAMPLED = ("mlbench", "scikit")


rule prepare_resampled:
    """Read a table, encode its columns, and split it at random once a replicate."""
    input:
        raw=lambda wildcards: raw_files(PLAN.datasets[wildcards.dataset].raw),
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset="|".join(datasets_of(kind) for kind in RESAMPLED),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
        package=lambda wildcards: package(
            "mtbkd.data.preparing", registry.module_name("dataset", PLAN.datasets[wildcards.dataset].kind)
        ),
    script:
        "../../scripts/prepare.py"
