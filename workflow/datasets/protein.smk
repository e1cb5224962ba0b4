# The authors' proteins with ten cell locations. What comes in: three CSV files of their release and the encoders' weights.
# What goes out: results/shared/data/<dataset>/r0-0/; what encoders said is remembered in results/shared/embeddings/.
from mtbkd.data.datasets import protein


rule prepare_protein:
    """Read the sequences, check them, and encode them, standardised on the training split."""
    input:
        raw=raw_files(protein.RAW),
        weights=encoder_raw,
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
        package=encoder_package,
    script:
        "../../scripts/prepare.py"
