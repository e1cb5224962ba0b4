# The authors' proteins with ten cell locations. What comes in: three CSV files of their release.
# What goes out: results/shared/data/<dataset>/r0-0/.
from mtbkd.datasets import protein


rule prepare_protein:
    """Read the sequences, check them, and compute composition features standardised on the training split."""
    input:
        raw=raw_files(protein.RAW),
        package=sources("mtbkd.preparing", "mtbkd.datasets.protein"),
    output:
        **dataset_output(),
    log:
        "results/logs/prepare/{dataset}/{block}.log",
    benchmark:
        "results/benchmarks/prepare/{dataset}/{block}.tsv"
    wildcard_constraints:
        dataset=datasets_of("protein"),
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=dataset_spec,
    script:
        "../../scripts/prepare.py"
